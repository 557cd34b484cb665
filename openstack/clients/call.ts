// One call of a service, an agent or a tool to an OpenStack service, in a user's name or its own:
// tokens, request id, deadline. Base of the typed clients in this folder.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { own } from '#contracts/common/own.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { ServiceSession } from '../auth/service-session.ts';
import type { HttpAnswer, HttpCall, HttpClient } from '../http/client.ts';

export interface ClientDeps {
  http: HttpClient;
  session: ServiceSession;
}

/** The identity with which a call is made. */
export interface Caller {
  /** The user's token, whose rights then apply; null: the service uses its own. */
  token: string | null;
  requestId?: string;
}

/** The service itself, without a user's request. */
export const itself: Caller = { token: null };

export type ServiceCall = Omit<HttpCall, 'token' | 'serviceToken' | 'requestId'>;

/** Statuses that a proxy gives for an unreachable service, or an overloaded service itself. */
const awayStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

/**
 * Makes a call. Any status other than 502, 503, 504 is returned as an answer. If the service's own
 * token is refused (revoked, or Keystone's keys were replaced), the token is renewed and the call
 * repeated once; a stream cannot be sent twice, so such a call returns the 401. Faults: unavailable
 * (also for 502, 503 and 504), timeout; unauthorized: Keystone refuses the service user.
 */
export async function callService(
  { http, session }: ClientDeps,
  { token, requestId }: Caller,
  call: ServiceCall & { asStream?: boolean },
): Promise<Outcome<HttpAnswer>> {
  const send = async (): Promise<Outcome<HttpAnswer>> => {
    const own = await session.token();
    if (isFault(own)) return own;
    const answer = await http.send({
      ...call,
      ...(requestId === undefined ? {} : { requestId }),
      ...(token === null ? { token: own } : { token, serviceToken: own }),
    });
    if (isFault(answer) || !awayStatuses.has(answer.status)) return answer;
    answer.stream?.destroy();
    return fault('unavailable', `${call.service} answers ${answer.status}.`);
  };
  const answer = await send();
  if (isFault(answer) || answer.status !== 401 || token !== null) return answer;
  session.renew();
  if (call.stream) return answer;
  answer.stream?.destroy();
  return await send();
}

/** Describes a service to its client. */
export interface Callee {
  /** The service's name in the HTTP client (`HttpCall.service`). */
  service: string;
  /** Prefix of the path of every call, e.g. '/v2.1/'. */
  root: string;
  /** Deadline of each call. */
  timeoutMs: number;
  headers?: Record<string, string>;
  /** Converts a refusal into a fault; `path` is relative to `root` and starts with a slash. */
  refusal(status: number, body: Json | undefined, path: string): Fault;
}

/** Makes a call with JSON bodies. A refusal is returned as a fault. */
export type Ask = (
  method: HttpMethod,
  path: string,
  body?: Json,
) => Promise<Outcome<Json | undefined>>;

export function askService(
  deps: ClientDeps,
  caller: Caller,
  { service, root, timeoutMs, headers = {}, refusal }: Callee,
): Ask {
  return async (method, path, body) => {
    const answer = await callService(deps, caller, {
      method,
      service,
      path: `${root}${path}`,
      timeoutMs,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    if (isFault(answer)) return answer;
    return answer.status < 300 ? answer.body : refusal(answer.status, answer.body, `/${path}`);
  };
}

/**
 * The HTTP status of a refusal; undefined: the service was not reached, or the service user got no
 * token. Only for clients that put the status into `detail`: Glance, Keystone, Nova, Placement.
 */
export function refusedStatus({ detail }: Fault): number | undefined {
  return detail['status'] === undefined ? undefined : Number(detail['status']);
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The document under `key` of a successful answer. unavailable: the answer has no such key. */
export async function documentOf<T>(
  key: string,
  call: Promise<Outcome<Json | undefined>>,
): Promise<Outcome<T>> {
  const answer = await call;
  if (isFault(answer)) return answer;
  const document = isObject(answer) ? own(answer, key) : undefined;
  // 2xx: the service's document of that object
  return document === undefined
    ? fault('unavailable', `A service answered without its document "${key}".`)
    : (document as T);
}

/** Discards the answer of a call if it was successful. */
export async function succeeded(call: Promise<Outcome<unknown>>): Promise<Outcome<void>> {
  const outcome = await call;
  return isFault(outcome) ? outcome : undefined;
}
