// A double of the HTTP client (a port) for the tests of services: other services answer as the test
// says.
import type { Readable } from 'node:stream';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpCall, HttpClient } from './client.ts';

/** An answer; 'silent': the service cannot be reached. */
export type Told = { status: number; body?: Json; stream?: Readable } | 'silent';

export interface ToldClient extends HttpClient {
  /** All calls to other services, in order. */
  calls: HttpCall[];
  /** Sets how later calls are answered; before that the answer is 404. */
  answerCalls(answer: (call: HttpCall) => Told | Promise<Told>): void;
}

export function toldClient(): ToldClient {
  const calls: HttpCall[] = [];
  let answer: Parameters<ToldClient['answerCalls']>[0] = () => ({ status: 404, body: {} });
  return {
    calls,
    answerCalls: (next) => {
      answer = next;
    },
    send: async (call) => {
      calls.push(call);
      const told = await answer(call);
      return told === 'silent'
        ? fault('unavailable', 'nobody there')
        : { status: told.status, headers: {}, body: told.body, stream: told.stream };
    },
  };
}
