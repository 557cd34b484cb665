// Connects a Kubernetes client to a server over TLS with a client certificate. Used by compose, for
// commands of the CLI.
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import { sendRequest } from '#platform/http/send-request.ts';
import { jsonLines } from './lines.ts';
import type { KubeReply, KubeTransport } from './transport.ts';

export interface KubeServer {
  /** E.g. `https://127.0.0.1:6443`. */
  origin: string;
  /** Certificate of the authority that has signed the server's certificate; PEM. */
  authority: string;
  /** The client's certificate; PEM. */
  certificate: string;
  /** The client's private key; PEM. */
  key: string;
}

const maxAnswerBytes = 64 * 1024 * 1024;

export function socketTransport(
  { origin, authority, certificate, key }: KubeServer,
  clock: Pick<Clock, 'deadline'>,
): KubeTransport & { close(): void } {
  const agent = new Agent({ keepAlive: true, ca: authority, cert: certificate, key });
  const accept = { accept: 'application/json' };
  return {
    async send({ method, path, contentType = 'application/json', body, timeoutMs }) {
      const answer = await sendRequest(
        {
          method,
          url: new URL(path, origin),
          headers: body === undefined ? accept : { ...accept, 'content-type': contentType },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          agent,
          timeoutMs,
          maxAnswerBytes,
        },
        clock,
      );
      return isFault(answer) ? answer : replyOf(answer.status, answer.body.toString('utf8'));
    },
    async stream(path, onLine, signal) {
      try {
        const answer = await new Promise<IncomingMessage>((resolve, reject) => {
          request(new URL(path, origin), { agent, signal, headers: accept }, resolve)
            .on('error', reject)
            .end();
        });
        const status = answer.statusCode ?? 0;
        const errorBody: Buffer[] = [];
        const take = status < 300 ? jsonLines(onLine) : (chunk: Buffer) => errorBody.push(chunk);
        // Cast: without an encoding, chunks are Buffers.
        for await (const chunk of answer) take(chunk as Buffer);
        return status < 300
          ? { status, body: undefined }
          : replyOf(status, Buffer.concat(errorBody).toString('utf8'));
      } catch (error) {
        if (signal.aborted) return { status: 200, body: undefined };
        return fault('unavailable', `the Kubernetes API at ${origin}: ${(error as Error).message}`);
      }
    },
    close: () => agent.destroy(),
  };
}

function replyOf(status: number, text: string): Outcome<KubeReply> {
  try {
    return { status, body: JSON.parse(text) as unknown };
  } catch {
    return fault('unavailable', `the Kubernetes API answered ${status} without JSON`);
  }
}
