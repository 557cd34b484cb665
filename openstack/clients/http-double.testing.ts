// Doubles of HTTP client (a port) and session, for tests of the typed clients: gives prepared
// answers in order, and records what was sent.
import type { Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpAnswer, HttpCall, HttpClient } from '../http/client.ts';
import type { ClientDeps } from './call.ts';

export const answer = (
  status: number,
  body?: Json,
  rest: Partial<HttpAnswer> = {},
): HttpAnswer => ({ status, headers: {}, body, stream: undefined, ...rest });

export interface HttpDouble extends ClientDeps {
  /** Every call, in order. */
  calls: (HttpCall & { asStream?: boolean })[];
}

/**
 * A double that gives these answers, in order. The service's own token is `own-1`, after the first
 * renewal `own-2`, and so on.
 */
export function httpDouble(...answers: Outcome<HttpAnswer>[]): HttpDouble {
  const calls: HttpDouble['calls'] = [];
  const http: HttpClient = {
    send: async (call) => {
      calls.push(call);
      const next = answers.shift();
      if (next === undefined) throw new Error(`not expected: ${call.method} ${call.path}`);
      return next;
    },
  };
  let renewals = 0;
  const session = {
    token: async () => `own-${renewals + 1}`,
    renew: () => void (renewals += 1),
  };
  return { http, session, calls };
}
