// Connects a Kubernetes client to our own API server in the same process, without a socket: calls
// its handler, with an identity of the client's own.
import { Writable } from 'node:stream';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '#platform/clock.ts';
import { withDeadline } from '#platform/clock.ts';
import { currentFence, withoutFence } from '#platform/fence.ts';
import type {
  ClientIdentity,
  HttpHandler,
  HttpMethod,
  RawRequest,
} from '#platform/http/messages.ts';
import { JsonText } from '#platform/http/messages.ts';
import { isSelfSending, sendTo } from '#platform/http/self-sending.ts';
import { jsonLines } from './lines.ts';
import type { KubeReply, KubeTransport } from './transport.ts';

export function inProcessTransport(
  handler: HttpHandler,
  client: ClientIdentity,
  clock: Pick<Clock, 'after'>,
): KubeTransport {
  const ask = async (
    method: HttpMethod,
    target: string,
    content?: { type: string; body: unknown },
  ) => {
    const [path = '', query = ''] = target.split('?');
    currentFence(); // throws if the caller's fence is lost
    const request: RawRequest = {
      method,
      path,
      query,
      headers: {
        accept: 'application/json',
        'user-agent': client.name,
        ...(content ? { 'content-type': content.type } : {}),
      },
      // A copy, so that client and server share no objects.
      body: content ? { json: structuredClone(content.body) as Json } : null,
      origin: '',
      client,
    };
    // In a distributed cloud the server is another process, so it must not inherit the caller's
    // fence.
    return await withoutFence(async () => await handler.handle(request));
  };
  return {
    async send({ method, path, contentType = 'application/json', body, timeoutMs }) {
      const answer = ask(
        method,
        path,
        body === undefined ? undefined : { type: contentType, body },
      );
      return await withDeadline(
        answer.then(({ status, body: reply }): KubeReply => ({ status, body: plain(reply) })),
        timeoutMs,
        () => fault('timeout', `The Kubernetes API did not answer in ${timeoutMs} ms.`),
        clock,
      );
    },
    async stream(path, onLine, signal) {
      const { status, body } = await ask('GET', path);
      if (!isSelfSending(body)) return { status, body: plain(body) };
      const take = jsonLines(onLine);
      const sink = new Writable({
        write(chunk: Buffer, _encoding, done) {
          take(chunk);
          done();
        },
      });
      const end = (): void => void sink.destroy();
      if (signal.aborted) end();
      signal.addEventListener('abort', end, { once: true });
      await body[sendTo](sink);
      signal.removeEventListener('abort', end);
      return { status, body: undefined };
    },
  };
}

const plain = (body: unknown): unknown =>
  body instanceof JsonText ? (JSON.parse(body.text) as unknown) : structuredClone(body);
