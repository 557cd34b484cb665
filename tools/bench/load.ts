// A small load generator over kept-alive sockets: measures the latencies of requests, one or
// several at a time.
import { Agent, request } from 'node:http';
import type { Json } from '#contracts/common/json.ts';

export interface Call {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: Json;
}

export interface Answer {
  status: number;
  body: Buffer;
}

export function createLoad(port: number, concurrency: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const send = async (call: Call): Promise<Answer> =>
    await new Promise((resolve, reject) => {
      const text = call.body === undefined ? undefined : JSON.stringify(call.body);
      const outgoing = request(
        {
          host: '127.0.0.1',
          port,
          agent,
          method: call.method,
          path: call.path,
          headers: {
            ...call.headers,
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('end', () =>
            resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }),
          );
          incoming.on('error', reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(text);
    });

  /**
   * Makes `count` calls, `concurrency` at a time; returns latencies in ms and the total in seconds.
   * Throws on an unexpected status.
   */
  async function run(
    count: number,
    make: (index: number) => Call,
    expected: number,
  ): Promise<{ latenciesMs: number[]; seconds: number; answers: Answer[] }> {
    const latenciesMs: number[] = [];
    const answers: Answer[] = [];
    let next = 0;
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (next < count) {
          const index = next++;
          const at = performance.now();
          const answer = await send(make(index));
          latenciesMs.push(performance.now() - at);
          if (answer.status !== expected)
            throw new Error(
              `${make(index).method} ${make(index).path}: ${answer.status} ${answer.body.toString().slice(0, 300)}`,
            );
          answers[index] = answer;
        }
      }),
    );
    return { latenciesMs, seconds: (performance.now() - startedAt) / 1000, answers };
  }

  return { send, run, close: () => agent.destroy() };
}
