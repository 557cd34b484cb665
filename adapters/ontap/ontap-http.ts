// One request to a filer's management interface: JSON over bounded, kept-alive connections, with a
// deadline. Used by ontap-rest.ts.
import { request as plainRequest, Agent as PlainAgent } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest, Agent as TlsAgent } from 'node:https';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Secret } from '#platform/log.ts';

export interface OntapAddress {
  /**
   * `https://<management address>`; plain http only on this machine, since each request carries the
   * password.
   */
  origin: string;
  user: string;
  password: Secret;
  /**
   * The certificate (PEM) to verify the filer's against, where no public authority has signed it.
   */
  ca?: string;
}

export interface OntapAnswer {
  status: number;
  /** Parsed; `{}` for an empty one. */
  body: unknown;
}

export interface OntapHttp {
  /**
   * unavailable: not reached, interrupted, or not JSON; timeout. Every status counts as an answer.
   */
  send(
    method: string,
    path: string,
    body: object | undefined,
    timeoutMs: number,
  ): Promise<Outcome<OntapAnswer>>;
  close(): void;
}

const maxConnections = 8;
const maxAnswerBytes = 16 * 1024 * 1024;
const loopback = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

export function openHttp({ origin, user, password, ca }: OntapAddress): OntapHttp {
  const { protocol, hostname } = new URL(origin);
  if (protocol !== 'https:' && !loopback.test(hostname))
    throw new Error(`${origin}: a filer is managed over https`);
  const options = { keepAlive: true, maxSockets: maxConnections };
  const agent = protocol === 'https:' ? new TlsAgent({ ...options, ca }) : new PlainAgent(options);
  const start = protocol === 'https:' ? tlsRequest : plainRequest;

  return {
    async send(method, path, body, timeoutMs) {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        const answer = await new Promise<IncomingMessage>((resolve, reject) => {
          const headers = {
            accept: 'application/hal+json',
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          };
          start(
            new URL(path, origin),
            { method, agent, signal, headers, auth: `${user}:${password.reveal()}` },
            resolve,
          )
            .on('error', reject)
            .end(text);
        });
        return {
          status: answer.statusCode ?? 0,
          body: JSON.parse((await textOf(answer)) || '{}') as unknown,
        };
      } catch (error) {
        if (signal.aborted)
          return fault(
            'timeout',
            `the filer ${origin} has not answered ${method} ${path} within ${timeoutMs / 1000} s`,
          );
        return fault(
          'unavailable',
          `the filer ${origin} does not answer ${method} ${path}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    },
    close: () => agent.destroy(),
  };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxAnswerBytes) throw new Error(`an answer of more than ${maxAnswerBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
