// One request to a filer's management interface: JSON over bounded, kept-alive connections, with a
// deadline. Used by ontap-rest.ts.
import { Agent as PlainAgent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import { sendRequest } from '#platform/http/send-request.ts';
import type { Secret } from '#platform/log.ts';

export interface OntapAddress {
  /**
   * `https://<management address>`; plain http only for an address of this machine, since each
   * request carries the password.
   */
  origin: string;
  user: string;
  password: Secret;
  /**
   * The certificate (PEM) against which the filer's is verified, if no public authority has signed
   * it.
   */
  ca?: string;
}

export interface OntapAnswer {
  status: number;
  /** The parsed JSON; `{}` for an empty body. */
  body: unknown;
}

export interface OntapHttp {
  /**
   * Sends one request. Every HTTP status counts as an answer. Faults: unavailable (not reached,
   * interrupted, or not JSON), timeout.
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

export function openHttp(
  { origin, user, password, ca }: OntapAddress,
  clock: Pick<Clock, 'deadline'>,
): OntapHttp {
  const { protocol, hostname } = new URL(origin);
  if (protocol !== 'https:' && !loopback.test(hostname))
    throw new Error(`${origin}: a filer is managed over https`);
  const options = { keepAlive: true, maxSockets: maxConnections };
  const agent = protocol === 'https:' ? new TlsAgent({ ...options, ca }) : new PlainAgent(options);
  const credentials = Buffer.from(`${user}:${password.reveal()}`).toString('base64');

  return {
    async send(method, path, body, timeoutMs) {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const answer = await sendRequest(
        {
          method,
          url: new URL(path, origin),
          headers: {
            accept: 'application/hal+json',
            authorization: `Basic ${credentials}`,
            ...(text === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(text === undefined ? {} : { body: text }),
          agent,
          timeoutMs,
          maxAnswerBytes,
        },
        clock,
      );
      if (isFault(answer)) return fault(answer.kind, `filer: ${answer.message}`);
      try {
        const words = answer.body.toString('utf8') || '{}';
        return { status: answer.status, body: JSON.parse(words) as unknown };
      } catch (error) {
        return fault(
          'unavailable',
          `the filer ${origin} answers ${method} ${path} with no JSON: ${(error as Error).message}`,
        );
      }
    },
    close: () => agent.destroy(),
  };
}
