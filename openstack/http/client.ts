// How services call each other over HTTP: handed over in-process when embedded, by sockets
// otherwise. Same routes, same middleware.
import { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { currentFence, withoutFence } from '#platform/fence.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { Dispatcher } from './dispatcher.ts';

export interface HttpCall {
  method: HttpMethod;
  /**
   * Service type in the catalog's words: 'identity', 'image', 'placement', 'compute', 'network',
   * 'volumev3'.
   */
  service: string;
  /** Path and query below the service's endpoint root, e.g. `/v2/images/…`. */
  path: string;
  headers?: Record<string, string>;
  token?: string;
  /**
   * The caller's own token beside a user's: access rules of the user's were checked at the caller's
   * door.
   */
  serviceToken?: string;
  requestId?: string;
  body?: Json;
  /** Bytes to send instead of JSON. */
  stream?: Readable;
  timeoutMs?: number;
}

export interface HttpAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** Parsed JSON; undefined for an empty answer or with `asStream`. */
  body: Json | undefined;
  stream: Readable | undefined;
}

/**
 * unavailable: not reachable; timeout: no answer in time. Any status is an answer, not a fault.
 * Work that has lost its fence (fence.ts) sends nothing: FenceLost is thrown.
 */
export interface HttpClient {
  send(call: HttpCall & { asStream?: boolean }): Promise<Outcome<HttpAnswer>>;
}

const defaultTimeoutMs = 60_000;

/**
 * `mounts` maps a service type to its mount, e.g. {image: '/image'}. The dispatcher comes late, as
 * services need the client first.
 */
export function createInProcessClient(
  mounts: Readonly<Record<string, string>>,
  origin: string,
  dispatcher: () => Dispatcher,
): HttpClient {
  return {
    async send(call) {
      const mount = mounts[call.service];
      if (mount === undefined)
        return fault('unavailable', `There is no ${call.service} service in this cloud.`);
      const [path, query] = splitPath(mount + call.path);
      const headers: Record<string, string | undefined> = {
        ...call.headers,
        'x-auth-token': call.token,
        'x-service-token': call.serviceToken,
        'x-openstack-request-id': call.requestId,
      };
      // whoever reads it sees the error; where nobody does, it ends nothing but the stream
      call.stream?.on('error', () => undefined);
      currentFence(); // throws when the caller's is lost
      const body = call.body === undefined ? null : { json: call.body };
      // The service could as well be in another process: the caller's fence is not its own.
      const reply = await withoutFence(
        async () =>
          await dispatcher().handle({
            method: call.method,
            path,
            query,
            headers,
            origin,
            body: call.stream ? { stream: call.stream } : body,
          }),
      );
      call.stream?.destroy(); // refused unread
      if (reply.body instanceof Readable) {
        return call.asStream
          ? { status: reply.status, headers: reply.headers, body: undefined, stream: reply.body }
          : {
              status: reply.status,
              headers: reply.headers,
              body: JSON.parse(await textOf(reply.body)) as Json,
              stream: undefined,
            };
      }
      if (Buffer.isBuffer(reply.body))
        return {
          status: reply.status,
          headers: reply.headers,
          body: call.asStream ? undefined : jsonIn(reply.body.toString(), reply.headers),
          stream: call.asStream ? Readable.from([reply.body]) : undefined,
        };
      return {
        status: reply.status,
        headers: reply.headers,
        body: reply.body instanceof JsonText ? (JSON.parse(reply.body.text) as Json) : reply.body,
        stream: undefined,
      };
    },
  };
}

/** `endpoints` maps a service type to its root URL, e.g. {image: 'http://glance:9292'}. */
export function createSocketClient(endpoints: Readonly<Record<string, string>>): HttpClient {
  return {
    async send(call) {
      const root = endpoints[call.service];
      if (root === undefined)
        return fault('unavailable', `No endpoint is configured for ${call.service}.`);
      const headers: Record<string, string> = { accept: 'application/json', ...call.headers };
      if (call.token) headers['x-auth-token'] = call.token;
      if (call.serviceToken) headers['x-service-token'] = call.serviceToken;
      if (call.requestId) headers['x-openstack-request-id'] = call.requestId;
      if (call.body !== undefined) headers['content-type'] ??= 'application/json';
      call.stream?.on('error', () => undefined); // fetch rejects with it
      currentFence(); // throws when the caller's is lost
      try {
        const answer = await fetch(root + call.path, {
          method: call.method,
          headers,
          redirect: 'manual',
          signal: AbortSignal.timeout(call.timeoutMs ?? defaultTimeoutMs),
          ...(call.stream
            ? { body: Readable.toWeb(call.stream) as ReadableStream, duplex: 'half' }
            : call.body === undefined
              ? {}
              : { body: JSON.stringify(call.body) }),
          // `duplex` is not in the DOM's type:
          // https://fetch.spec.whatwg.org/#dom-requestinit-duplex
        } as RequestInit);
        const plain = Object.fromEntries(answer.headers);
        if (call.asStream && answer.body)
          return {
            status: answer.status,
            headers: plain,
            body: undefined,
            stream: Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]),
          };
        const text = await answer.text();
        return {
          status: answer.status,
          headers: plain,
          body: text === '' ? undefined : jsonIn(text, plain),
          stream: undefined,
        };
      } catch (error) {
        const late = error instanceof Error && error.name === 'TimeoutError';
        return late
          ? fault('timeout', `${call.service} did not answer in time.`)
          : fault('unavailable', `${call.service} cannot be reached: ${String(error)}`);
      }
    },
  };
}

/** Glance words its faults in HTML: such a body is a string to the caller. */
function jsonIn(text: string, headers: Readonly<Record<string, string>>): Json {
  return headers['content-type']?.startsWith('text/') ? text : (JSON.parse(text) as Json);
}

function splitPath(full: string): [string, string] {
  const at = full.indexOf('?');
  return at < 0 ? [full, ''] : [full.slice(0, at), full.slice(at + 1)];
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
