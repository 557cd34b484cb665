// One call of Nova to another service, in the caller's name or its own: tokens, deadline, refusals
// as faults. For neutron.ts and cinder.ts.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { NovaDeps } from './deps.ts';

export interface ServiceCaller {
  /** null: Nova itself. */
  token: string | null;
  requestId: string;
}

interface Callee {
  /** Its name to the HTTP client, and what its paths begin with. */
  service: string;
  root: string;
  timeoutMs: number;
  headers?: Record<string, string>;
  refusal(status: number, body: Json | undefined): Fault;
}

export type Ask = (
  method: HttpMethod,
  path: string,
  body?: Json,
) => Promise<Outcome<Json | undefined>>;

export function askService(
  deps: Pick<NovaDeps, 'http' | 'session'>,
  caller: ServiceCaller,
  { service, root, timeoutMs, headers = {}, refusal }: Callee,
): Ask {
  return async (method, path, body) => {
    const own = await deps.session.token();
    if (isFault(own)) return own;
    const answer = await deps.http.send({
      method,
      service,
      path: `${root}${path}`,
      requestId: caller.requestId,
      timeoutMs,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(caller.token === null ? { token: own } : { token: caller.token, serviceToken: own }),
    });
    if (isFault(answer)) return answer;
    if (answer.status === 401 && caller.token === null) deps.session.renew();
    return answer.status < 300 ? answer.body : refusal(answer.status, answer.body);
  };
}

/** The document under `key` of a successful answer. */
export async function documentOf<T>(
  key: string,
  asked: Promise<Outcome<Json | undefined>>,
): Promise<Outcome<T>> {
  const answer = await asked;
  // 2xx: the service's document of that object
  return isFault(answer) ? answer : ((answer as Record<string, Json>)[key] as T);
}
