// The only place that maps faults to status codes.
import type { Fault, FaultKind } from '#contracts/common/fault.ts';
import type { FaultStyle, Reply } from './route.ts';

const statusOf: Record<FaultKind, number> = {
  badRequest: 400,
  unauthorized: 401,
  forbidden: 403,
  overQuota: 403,
  notFound: 404,
  methodNotAllowed: 405,
  notAcceptable: 406,
  requestTimeout: 408,
  conflict: 409,
  concurrentUpdate: 409,
  gone: 410,
  preconditionFailed: 412,
  tooLarge: 413,
  unsupportedMediaType: 415,
  rangeNotSatisfiable: 416,
  unprocessable: 422,
  tooManyRequests: 429,
  notImplemented: 501,
  unavailable: 503,
  timeout: 504,
  storageFull: 507,
};

/** Faults that any route may return without listing them. */
export const alwaysLegal: ReadonlySet<FaultKind> = new Set([
  'badRequest',
  'unauthorized',
  'forbidden',
  'methodNotAllowed',
  'notAcceptable',
  'requestTimeout',
  'tooLarge',
  'unsupportedMediaType',
  'unavailable',
  'timeout',
  'storageFull',
]);

export function faultReply(fault: Fault, style: FaultStyle, requestId: string): Reply {
  if (fault.kind === 'unauthorized') return unauthorizedReply(fault);
  const status = style.status?.[fault.kind] ?? statusOf[fault.kind];
  const headers: Record<string, string> = {
    'content-type': style.contentType ?? 'application/json',
  };
  if (fault.detail['retryAfter'] !== undefined) headers['retry-after'] = fault.detail['retryAfter'];
  if (fault.detail['allow'] !== undefined) headers['allow'] = fault.detail['allow'];
  if (fault.kind === 'rangeNotSatisfiable' && fault.detail['size'])
    headers['content-range'] = `bytes */${fault.detail['size']}`;
  return { status, headers, body: style.body(status, fault, requestId) };
}

/**
 * The reply to a request without a valid token: the same in every service, in Keystone's format,
 * since in stock OpenStack the token middleware sends it: keystonemiddleware, auth_token.
 */
function unauthorizedReply({ message, detail }: Fault): Reply {
  return {
    status: 401,
    headers: {
      'content-type': 'application/json',
      'www-authenticate': `Keystone uri="${detail['identityUrl'] ?? ''}"`,
    },
    body: { error: { code: 401, title: 'Unauthorized', message } },
  };
}

/** The reason phrases in fault bodies. */
export const titleOf: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  507: 'Insufficient Storage',
};
