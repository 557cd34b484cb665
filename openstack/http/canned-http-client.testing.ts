// An HTTP client with canned answers, for the tests of services: the test states what the other
// services answer.
import type { Readable } from 'node:stream';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpCall, HttpClient } from './client.ts';

/** An answer; 'silent': the service cannot be reached. */
export type CannedAnswer = { status: number; body?: Json; stream?: Readable } | 'silent';

export interface CannedHttpClient extends HttpClient {
  /** All calls to other services, in order. */
  calls: HttpCall[];
  /** Sets how later calls are answered; before that the answer is 404. */
  answerCalls(answer: (call: HttpCall) => CannedAnswer | Promise<CannedAnswer>): void;
}

export function cannedHttpClient(): CannedHttpClient {
  const calls: HttpCall[] = [];
  let answer: Parameters<CannedHttpClient['answerCalls']>[0] = () => ({ status: 404, body: {} });
  return {
    calls,
    answerCalls: (next) => {
      answer = next;
    },
    send: async (call) => {
      calls.push(call);
      const canned = await answer(call);
      return canned === 'silent'
        ? fault('unavailable', 'nobody there')
        : { status: canned.status, headers: {}, body: canned.body, stream: canned.stream };
    },
  };
}
