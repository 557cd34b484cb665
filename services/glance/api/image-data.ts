// PUT and GET of an image's data.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { readRange } from '../domain/byte-range.ts';
import { checkContent, headBytes, tailBytes, type ContentEnds } from '../domain/image-content.ts';
import { virtualSizeOf } from '../domain/virtual-size.ts';
import { findImage } from '../store/images.ts';
import {
  abandonUpload,
  claimUpload,
  finishUpload,
  touchUpload,
  usedBytes,
  type UploadKind,
} from '../store/uploads.ts';
import type { GlanceParts } from './parts.ts';
import { allowedImage, requestedImage } from './requested-image.ts';

export function dataRoutes(parts: GlanceParts): readonly Route[] {
  return [
    route('PUT', '/v2/images/:id/file', {
      policy: null,
      streams: true,
      faults: ['notFound', 'conflict', 'gone'],
      handler: async (request) => await upload(parts, request, 'saving'),
    }),
    route('PUT', '/v2/images/:id/stage', {
      policy: null,
      streams: true,
      faults: ['notFound', 'conflict', 'gone'],
      handler: async (request) => await upload(parts, request, 'uploading'),
    }),
    route('GET', '/v2/images/:id/file', {
      policy: null,
      faults: ['notFound', 'rangeNotSatisfiable'],
      handler: async (request) => await download(parts, request),
    }),
  ];
}

async function upload(
  parts: GlanceParts,
  request: ApiRequest,
  kind: UploadKind,
): Promise<Outcome<Reply>> {
  const {
    database: { db },
    store,
    clock,
    ids,
    config,
    writing,
    processName: owner,
  } = parts;
  const requested = await allowedImage(
    parts,
    request,
    kind === 'saving' ? 'upload_image' : 'modify_image',
  );
  if (isFault(requested)) return requested;
  const { image } = requested;
  const type = request.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && type !== 'application/octet-stream')
    return fault(
      'unsupportedMediaType',
      `The content type ${type} is not supported; send application/octet-stream.`,
    );
  const missing = [
    image.containerFormat ?? 'container_format',
    image.diskFormat ?? 'disk_format',
  ].filter((name) => name.endsWith('_format'));
  if (missing.length > 0)
    return fault(
      'badRequest',
      `Properties ${missing.join(', ')} must be set prior to saving data.`,
    );
  const maxBytes = Math.min(
    config.maxImageBytes,
    config.projectQuotaBytes - (await usedBytes(db, image.owner)),
  );
  if (Number(request.header('content-length') ?? 0) > maxBytes)
    return fault(
      'tooLarge',
      `The image is larger than the ${Math.max(0, maxBytes)} bytes that may still be stored.`,
    );
  const key = `${image.id}_${ids.hex()}`;
  const conflict = fault(
    'conflict',
    `Image status transition from ${image.status} to ${kind} is not allowed`,
  );
  writing.add(key);
  const stopBeating = new AbortController();
  try {
    if (!(await claimUpload(db, image.id, { kind, key, owner }, clock.now()))) return conflict;
    void beat(parts, key, stopBeating.signal);
    const data = await store.write(key, request.stream, {
      maxBytes: Math.max(0, maxBytes),
      stallMs: config.uploadStallMs,
    });
    if (isFault(data)) {
      await abandonUpload(db, key, clock.now());
      return data;
    }
    const virtualSizeBytes = await inspectData(parts, image.id, key, data.sizeBytes);
    if (isFault(virtualSizeBytes)) {
      await store.remove(key);
      await abandonUpload(db, key, clock.now());
      return virtualSizeBytes;
    }
    const result = await finishUpload(
      db,
      { key, owner: image.owner, data, virtualSizeBytes },
      config.projectQuotaBytes,
      clock.now(),
    );
    if (result === 'stored') return { status: 204 };
    await store.remove(key);
    await abandonUpload(db, key, clock.now());
    return result === 'abandoned'
      ? fault(
          'gone',
          `Image ${image.id} could not be found after upload. The image may have been deleted during the upload.`,
        )
      : fault('tooLarge', 'The quota on the size of all images is exhausted.');
  } catch (error) {
    await abandonUpload(db, key, clock.now());
    await store.remove(key);
    throw error;
  } finally {
    stopBeating.abort();
    writing.delete(key);
  }
}

/**
 * Returns the disk's virtual size; null if the data does not tell. unsupportedMediaType: the data
 * does not fit the image's formats; gone: the image was deleted meanwhile.
 */
async function inspectData(
  parts: GlanceParts,
  imageId: string,
  key: string,
  sizeBytes: number,
): Promise<Outcome<number | null>> {
  // Read again: since the upload was claimed nobody can change the image's formats any more.
  const image = await findImage(parts.database.db, imageId);
  const ends = await endsOf(parts, key, sizeBytes);
  if (image === undefined || isFault(ends))
    return fault(
      'gone',
      `Image ${imageId} could not be found after upload. The image may have been deleted during the upload.`,
    );
  const refusal = parts.config.requireFormatMatch ? checkContent(image, ends) : undefined;
  return refusal ?? virtualSizeOf(image.diskFormat, { head: ends.head, sizeBytes });
}

/** The first and last bytes of the data. notFound: the data was removed meanwhile. */
async function endsOf(
  { store }: GlanceParts,
  key: string,
  sizeBytes: number,
): Promise<Outcome<ContentEnds>> {
  const read = async (first: number): Promise<Outcome<Buffer>> => {
    if (sizeBytes === 0) return Buffer.alloc(0);
    const stream = await store.read(key, {
      first,
      last: Math.min(sizeBytes, first + headBytes) - 1,
    });
    return isFault(stream)
      ? stream
      : Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>));
  };
  const head = await read(0);
  const tail = isFault(head) ? head : await read(Math.max(0, sizeBytes - tailBytes));
  return isFault(head) ? head : isFault(tail) ? tail : { head, tail };
}

/** Heartbeat: renews the lease of this upload, so that other processes do not consider it dead. */
async function beat(
  { database: { db }, clock, config, log }: GlanceParts,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(config.uploadLeaseMs / 4, { signal, unref: true }).catch(() => undefined);
    if (!signal.aborted)
      await touchUpload(db, key, clock.now()).catch((error: unknown) =>
        log.warn({ key, err: error }, 'an upload could not be reported as alive'),
      );
  }
}

async function download(parts: GlanceParts, request: ApiRequest): Promise<Outcome<Reply>> {
  const requested = await requestedImage(parts, request);
  if (isFault(requested)) return requested;
  const { image, target } = requested;
  if (!request.allows('download_image', target))
    return fault('forbidden', 'You are not authorized to complete download_image action.');
  if (image.status === 'deactivated' && !request.allows('context_is_admin'))
    return fault(
      'forbidden',
      'The requested image has been deactivated. Image data download is forbidden.',
    );
  if (
    (image.status !== 'active' && image.status !== 'deactivated') ||
    image.dataKey === null ||
    image.sizeBytes === null
  )
    return { status: 204 };
  const range = readRange(request.header('range'), image.sizeBytes);
  if (isFault(range)) return range;
  const stream = await parts.store.read(image.dataKey, range);
  if (isFault(stream)) return stream;
  const common = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' };
  return range === undefined
    ? {
        status: 200,
        body: stream,
        headers: {
          ...common,
          'content-length': String(image.sizeBytes),
          ...(image.md5 === null ? {} : { 'content-md5': image.md5 }),
        },
      }
    : {
        status: 206,
        body: stream,
        headers: {
          ...common,
          'content-length': String(range.last - range.first + 1),
          'content-range': `bytes ${range.first}-${range.last}/${image.sizeBytes}`,
        },
      };
}
