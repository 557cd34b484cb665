// Assertions on error responses: the status, the service's own fault body and a message. Sources:
// the error formats of Nova, Keystone, Glance and Placement in the API reference.
import assert from 'node:assert/strict';
import type { Answer } from './api-cloud.ts';

const novaKeys: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  406: 'computeFault',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
};
const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
};

/** Nova's fault: an object with one key, which names the kind. */
export function isNovaFault({ status, json, text }: Answer, wanted: number, message: RegExp): void {
  const key = novaKeys[wanted] ?? '';
  assert.deepEqual([status, Object.keys(json ?? {})], [wanted, [key]], text);
  assert.deepEqual(Object.keys(json[key]).sort(), ['code', 'message']);
  assert.equal(json[key].code, wanted);
  assert.match(json[key].message, message);
}
export function isKeystoneFault(
  { status, json, text }: Answer,
  wanted: number,
  message: RegExp,
): void {
  assert.equal(status, wanted, text);
  assert.deepEqual(
    { error: { ...json.error, message: '' } },
    { error: { code: wanted, title: titles[wanted], message: '' } },
  );
  assert.match(json.error.message, message);
}
/** Glance's fault: WebOb's small HTML page. */
export function isGlanceFault(
  { status, headers, text }: Answer,
  wanted: number,
  message: RegExp,
): void {
  assert.deepEqual(
    [status, headers.get('content-type')],
    [wanted, 'text/html; charset=UTF-8'],
    text,
  );
  const page =
    /^<html>\n <head>\n {2}<title>(.*)<\/title>\n <\/head>\n <body>\n {2}<h1>(.*)<\/h1>\n {2}(.*)<br \/><br \/>\n\n\n <\/body>\n<\/html>$/.exec(
      text,
    );
  assert.deepEqual(
    page?.slice(1, 3),
    [`${wanted} ${titles[wanted]}`, `${wanted} ${titles[wanted]}`],
    text,
  );
  assert.match(page?.[3] ?? '', message);
}
export function isPlacementFault(
  { status, headers, json, text }: Answer,
  wanted: number,
  message: RegExp,
): void {
  assert.equal(status, wanted, text);
  const { detail, code, ...rest } = json.errors[0];
  assert.deepEqual(
    [json.errors.length, rest.status, rest.title, rest.request_id, code],
    [1, wanted, titles[wanted], headers.get('x-openstack-request-id'), 'placement.undefined_code'],
  );
  assert.match(detail, message);
}
