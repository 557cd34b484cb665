// One HTTP request to a BMC: JSON both ways, over verified connections, with a deadline and a limit
// on the answer's size. Used by redfish-connection.ts.
import { X509Certificate } from 'node:crypto';
import { Agent as PlainAgent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { AgentOptions } from 'node:https';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '#platform/clock.ts';
import { parseJson } from '#platform/http/parse-json.ts';
import { sendRequest } from '#platform/http/send-request.ts';
import { nonsense } from './redfish-faults.ts';

/**
 * How the BMC's certificate is verified. `pinned`: it must be exactly this one (PEM), whatever its
 * name; `authority`: signed by one of these (PEM), for the name or address in the URL; `public`:
 * signed by a public authority.
 */
export type BmcTrust =
  | { kind: 'pinned'; certificate: string }
  | { kind: 'authority'; certificates: string }
  | { kind: 'public' };

export interface RedfishAnswer {
  status: number;
  /** The parsed JSON; null if the body is empty. */
  body: Json;
  etag: string;
  location: string;
  token: string;
}

export interface RedfishRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  body?: Json | undefined;
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
}

export interface RedfishHttp {
  /**
   * Sends one request. Every HTTP status but a redirect is an answer. Faults: unavailable (not
   * reached, not verified, a redirect, no JSON, or too long), timeout.
   */
  send(request: RedfishRequest): Promise<Outcome<RedfishAnswer>>;
  close(): void;
}

const maxConnections = 4;
/** Limit on an answer's size. For comparison: a log of a thousand entries has about 1 MiB. */
const maxAnswerBytes = 4 * 1024 * 1024;
const loopback = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/**
 * Makes the client of a BMC; it connects at the first request. Throws for an address without TLS
 * that is not on this machine, since each request carries a password.
 */
export function openHttp(
  origin: string,
  trust: BmcTrust,
  clock: Pick<Clock, 'deadline'>,
): RedfishHttp {
  const { protocol, hostname } = new URL(origin);
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback.test(hostname)))
    throw new Error(`${origin}: a BMC is reached over https`);
  const connections = { keepAlive: true, maxSockets: maxConnections };
  const agent =
    protocol === 'https:'
      ? new TlsAgent({ ...connections, ...verification(trust) })
      : new PlainAgent(connections);

  return {
    async send({ method, path, body, headers, timeoutMs }) {
      const call = `${method} ${path}`;
      const text = body === undefined ? undefined : JSON.stringify(body);
      const received = await sendRequest(
        {
          method,
          url: new URL(path, origin),
          headers: {
            accept: 'application/json',
            'odata-version': '4.0',
            ...(text === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(text === undefined ? {} : { body: text }),
          agent,
          timeoutMs,
          maxAnswerBytes,
        },
        clock,
      );
      if (isFault(received)) return fault(received.kind, `BMC: ${received.message}`);
      const { status, headers: responseHeaders, body: bytes } = received;
      if (status >= 300 && status < 400)
        return nonsense(call, `it redirects (status ${status}), which is not followed`);
      const json = bytes.length === 0 ? null : parseJson(bytes, maxAnswerBytes);
      // For an error page of a proxy or web server, which is not JSON, the status says enough.
      if (isFault(json) && status < 400) return nonsense(call, 'the answer is no JSON');
      return {
        status,
        body: isFault(json) ? null : json,
        etag: responseHeaders.etag ?? '',
        location: responseHeaders.location ?? '',
        token: textOf(responseHeaders['x-auth-token']),
      };
    },
    close: () => agent.destroy(),
  };
}

const textOf = (header: string | string[] | undefined): string =>
  typeof header === 'string' ? header : '';

function verification(trust: BmcTrust): AgentOptions {
  switch (trust.kind) {
    case 'public':
      return {};
    case 'authority':
      return { ca: trust.certificates };
    case 'pinned': {
      const pinned = new X509Certificate(trust.certificate).fingerprint256;
      return {
        ca: trust.certificate,
        // Also accept a pinned certificate that an unknown authority has signed.
        allowPartialTrustChain: true,
        checkServerIdentity: (_hostname, { fingerprint256 }) =>
          fingerprint256 === pinned
            ? undefined
            : new Error('its certificate is not the one that is pinned'),
      };
    }
  }
}
