// Client for Glance's API, for other services: images with a user's identity, so that Glance
// decides who may see them; data with the service's own.
import { Readable } from 'node:stream';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { GlanceImage } from '#contracts/glance/wire.ts';
import type { Caller, ClientDeps, ServiceCall } from './call.ts';
import { callService } from './call.ts';

/**
 * Calls to Glance. Faults of every call: unavailable, timeout; and Glance's refusal as badRequest,
 * forbidden, notFound, conflict, overQuota (413) or unavailable, with its status and the beginning
 * of its body (`answer`) in `detail`.
 */
export interface Glance {
  /**
   * An image in any status. notFound: also for another project's image that the caller cannot see.
   */
  image(id: string): Promise<Outcome<GlanceImage>>;
  /** One page of the list; `query` has Glance's parameters. */
  list(query: URLSearchParams): Promise<Outcome<{ images: GlanceImage[]; isLast: boolean }>>;
  /** Creates an image in status queued. */
  create(image: JsonObject): Promise<Outcome<GlanceImage>>;
  /** Uploads the data of a queued image, which becomes active. Consumes the stream in any case. */
  upload(
    id: string,
    bytes: Readable,
    options?: { sizeBytes?: number; timeoutMs?: number },
  ): Promise<Outcome<void>>;
  /** Downloads the data. After `timeoutMs` the stream fails with `DeadlinePassed`. */
  download(id: string, options: { timeoutMs: number }): Promise<Outcome<Readable>>;
  /** Sets properties, and removes those with value null; returns the changed image. */
  changeProperties(
    id: string,
    properties: Readonly<Record<string, string | null>>,
  ): Promise<Outcome<GlanceImage>>;
  /** Deletes the image. Succeeds if it does not exist. */
  deleteImage(id: string): Promise<Outcome<void>>;
}

const defaultTimeoutMs = 30_000;

export function glanceClient(
  deps: ClientDeps,
  caller: Caller,
  { timeoutMs: callTimeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): Glance {
  const send = async (
    call: Omit<ServiceCall, 'service'> & { asStream?: boolean },
    expected: number,
  ) => {
    const answer = await callService(deps, caller, {
      timeoutMs: callTimeoutMs,
      ...call,
      service: 'image',
    });
    if (isFault(answer) || answer.status === expected) return answer;
    const text = answer.stream ? '' : JSON.stringify(answer.body ?? '').slice(0, 300);
    answer.stream?.on('error', () => undefined).destroy();
    return refusal(answer.status, text);
  };
  const pathOf = (id: string): string => `/v2/images/${encodeURIComponent(id)}`;
  const imageOf = async (call: ReturnType<typeof send>): Promise<Outcome<GlanceImage>> => {
    const answer = await call;
    return isFault(answer) ? answer : (answer.body as GlanceImage); // the image document
  };

  return {
    image: async (id) => await imageOf(send({ method: 'GET', path: pathOf(id) }, 200)),
    async list(query) {
      const answer = await send({ method: 'GET', path: `/v2/images?${query.toString()}` }, 200);
      if (isFault(answer)) return answer;
      // 200: the list's document
      const { images, next } = answer.body as { images: GlanceImage[]; next?: string };
      return { images, isLast: next === undefined };
    },
    create: async (image) =>
      await imageOf(send({ method: 'POST', path: '/v2/images', body: image as Json }, 201)),
    async upload(id, bytes, { sizeBytes, timeoutMs = callTimeoutMs } = {}) {
      const answer = await send(
        {
          method: 'PUT',
          path: `${pathOf(id)}/file`,
          headers: {
            'content-type': 'application/octet-stream',
            ...(sizeBytes === undefined ? {} : { 'content-length': String(sizeBytes) }),
          },
          stream: bytes,
          timeoutMs,
        },
        204,
      );
      bytes.on('error', () => undefined).destroy(); // for a call that was never sent
      return isFault(answer) ? answer : undefined;
    },
    async download(id, { timeoutMs }) {
      const answer = await send(
        { method: 'GET', path: `${pathOf(id)}/file`, asStream: true, timeoutMs },
        200,
      );
      return isFault(answer) ? answer : (answer.stream ?? Readable.from([]));
    },
    async changeProperties(id, properties) {
      const patch = Object.entries(properties).map(([name, value]) => {
        const path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
        return value === null ? { op: 'remove', path } : { op: 'add', path, value };
      });
      const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
      return await imageOf(send({ method: 'PATCH', path: pathOf(id), headers, body: patch }, 200));
    },
    async deleteImage(id) {
      const answer = await send({ method: 'DELETE', path: pathOf(id) }, 204);
      return isFault(answer) && answer.kind !== 'notFound' ? answer : undefined;
    },
  };
}

const kinds = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  410: 'notFound',
  413: 'overQuota',
} as const;

const refusal = (status: number, text: string): Fault =>
  fault(
    kinds[status as keyof typeof kinds] ?? 'unavailable',
    `Glance answered ${status}: ${text}`,
    { status: String(status), answer: text },
  );
