// HTTP calls to the cloud's services, by other services, agents and the CLI: within the process
// when embedded, over sockets otherwise. Both use the same routes and checks.
import { finished, Readable } from 'node:stream';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock, Deadline } from '#platform/clock.ts';
import { DeadlinePassed } from '#platform/clock.ts';
import { currentFence, withoutFence } from '#platform/fence.ts';
import type { HttpMethod, RawReply } from '#platform/http/messages.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { Dispatcher } from './dispatcher.ts';

export interface HttpCall {
  method: HttpMethod;
  /**
   * Name of the called service: a key of `mounts` in compose/catalog.ts, e.g. 'identity', 'volume'
   * or 'ha'. Not the type in Keystone's catalog, where Cinder is 'volumev3'.
   */
  service: string;
  /** Path and query below the service's endpoint root, e.g. `/v2/images/…`. */
  path: string;
  headers?: Record<string, string>;
  token?: string;
  /**
   * The calling service's own token, sent beside a user's token. It tells the callee that the
   * access rules of the user's token were checked when the user's request arrived.
   */
  serviceToken?: string;
  requestId?: string;
  body?: Json;
  /** Bytes to send instead of JSON. */
  stream?: Readable;
  /**
   * Limit for the whole exchange, streams included; default 60 s. When it has passed, the result is
   * the fault `timeout`, or a stream in progress fails with `DeadlinePassed`; the callee may go on
   * working.
   */
  timeoutMs?: number;
}

export interface HttpAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /**
   * Parsed JSON, as a copy that the caller owns. undefined for an empty body or with `asStream`.
   */
  body: Json | undefined;
  stream: Readable | undefined;
}

/**
 * Calls services by name. Faults: unavailable (not reachable) and timeout (no answer in time). Any
 * HTTP status is an answer, not a fault. `body` is serialised at once: later changes to it are not
 * sent. Throws FenceLost if the calling work has lost its fence (fence.ts).
 */
export interface HttpClient {
  send(call: HttpCall & { asStream?: boolean }): Promise<Outcome<HttpAnswer>>;
}

const defaultTimeoutMs = 60_000;

const notInTime = (service: string): Fault =>
  fault('timeout', `${service} did not answer in time.`);

/**
 * A client that calls the dispatcher of this process. `mounts` maps a service's name
 * (`HttpCall.service`) to its mount, e.g. {image: '/image'}. The dispatcher is a function, since
 * services need this client before it exists.
 */
export function createInProcessClient(
  mounts: Readonly<Record<string, string>>,
  origin: string,
  dispatcher: () => Dispatcher,
  clock: Clock,
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
      // whoever reads the stream sees the error; here it must only not be unhandled
      call.stream?.on('error', () => undefined);
      currentFence(); // throws if the caller has lost its fence
      const body = call.stream
        ? { stream: call.stream }
        : call.body === undefined
          ? null
          : { json: throughJson(call.body) };
      const deadline = clock.deadline(call.timeoutMs ?? defaultTimeoutMs);
      const late = new Promise<Fault>((resolve) => {
        deadline.signal.addEventListener(
          'abort',
          () => {
            resolve(notInTime(call.service));
            call.stream?.destroy(deadline.signal.reason as Error);
          },
          { once: true },
        );
      });
      const exchange = async (): Promise<Outcome<HttpAnswer>> => {
        // The callee behaves as if in another process: the caller's fence does not apply to its
        // work.
        const reply = await withoutFence(
          async () =>
            await dispatcher().handle({ method: call.method, path, query, headers, origin, body }),
        );
        call.stream?.destroy(); // refused without being read
        return await answerOf(reply, call, deadline);
      };
      return await Promise.race([exchange(), late]);
    },
  };
}

/** The reply in the form in which a socket would transfer it. */
async function answerOf(
  reply: RawReply,
  call: HttpCall & { asStream?: boolean },
  deadline: Deadline,
): Promise<Outcome<HttpAnswer>> {
  const { status } = reply;
  const headers = { ...reply.headers };
  const isEmpty = reply.body === undefined || status === 204 || call.method === 'HEAD';
  if (reply.body instanceof Readable && (isEmpty || deadline.signal.aborted)) {
    reply.body.on('error', () => undefined).destroy(); // nobody reads it
  }
  if (deadline.signal.aborted) return notInTime(call.service);
  if (isEmpty) {
    deadline.clear();
    return { status, headers, body: undefined, stream: undefined };
  }
  if (reply.body instanceof Readable) {
    const stream = within(deadline, reply.body);
    if (call.asStream) return { status, headers, body: undefined, stream };
    try {
      return { status, headers, body: jsonIn(await textOf(stream), headers), stream: undefined };
    } catch (error) {
      return brokeOff(call.service, error);
    }
  }
  deadline.clear();
  if (!Buffer.isBuffer(reply.body)) headers['content-type'] ??= 'application/json';
  const text = Buffer.isBuffer(reply.body)
    ? reply.body.toString()
    : reply.body instanceof JsonText
      ? reply.body.text
      : JSON.stringify(reply.body);
  return call.asStream
    ? { status, headers, body: undefined, stream: Readable.from([Buffer.from(text)]) }
    : { status, headers, body: jsonIn(text, headers), stream: undefined };
}

/**
 * A client that calls services over sockets. `endpoints` maps a service's name to its root URL,
 * e.g. {image: 'http://glance:9292'}.
 */
export function createSocketClient(
  endpoints: Readonly<Record<string, string>>,
  clock: Clock,
): HttpClient {
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
      call.stream?.on('error', () => undefined); // fetch rejects with this error
      currentFence(); // throws if the caller has lost its fence
      const deadline = clock.deadline(call.timeoutMs ?? defaultTimeoutMs);
      try {
        const answer = await fetch(root + call.path, {
          method: call.method,
          headers,
          redirect: 'manual',
          signal: deadline.signal,
          ...(call.stream
            ? { body: Readable.toWeb(call.stream) as ReadableStream, duplex: 'half' }
            : call.body === undefined
              ? {}
              : { body: JSON.stringify(call.body) }),
          // `duplex` is not in the DOM's type:
          // https://fetch.spec.whatwg.org/#dom-requestinit-duplex
        } as RequestInit);
        const plain = Object.fromEntries(answer.headers);
        if (call.asStream && answer.body) {
          const stream = within(
            deadline,
            Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]),
          );
          return { status: answer.status, headers: plain, body: undefined, stream };
        }
        const text = await answer.text();
        deadline.clear();
        call.stream?.destroy(); // refused without being read
        return {
          status: answer.status,
          headers: plain,
          body: text === '' ? undefined : jsonIn(text, plain),
          stream: undefined,
        };
      } catch (error) {
        deadline.clear();
        call.stream?.destroy();
        return brokeOff(call.service, error);
      }
    },
  };
}

const brokeOff = (service: string, error: unknown): Fault =>
  error instanceof DeadlinePassed
    ? notInTime(service)
    : fault('unavailable', `${service} cannot be reached: ${String(error)}`);

/** The stream; it fails if the deadline passes before its end. */
function within(deadline: Deadline, stream: Readable): Readable {
  const destroy = (): void => void stream.destroy(deadline.signal.reason as Error);
  deadline.signal.addEventListener('abort', destroy, { once: true });
  finished(stream, () => deadline.clear());
  return stream;
}

/**
 * A copy by way of JSON text: faster than structuredClone, and it changes a Date or NaN in the same
 * way as a socket would.
 */
const throughJson = (body: Json): Json => JSON.parse(JSON.stringify(body)) as Json;

/** Parses JSON. A text body, such as Glance's HTML faults, is returned as a string. */
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
