// Reads a bounded JSON body, from a socket or from an in-process caller.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../clock.ts';
import { parseJson } from './parse-json.ts';

/**
 * Default limit of a JSON body: oslo.middleware's `max_request_body_size`.
 * https://docs.openstack.org/oslo.middleware/latest/reference/opts.html
 */
export const defaultMaxBodyBytes = 114_688;
/** Deadline for receiving a whole JSON body, however steadily it arrives. */
const bodyDeadlineMs = 60_000;

/**
 * Reads and parses a body; null: there is none. Faults: requestTimeout, tooLarge,
 * unsupportedMediaType, badRequest.
 */
export async function readJson(
  raw: {
    body: { json: Json } | { stream: Readable } | null;
    headers: Readonly<Record<string, string | undefined>>;
  },
  route: {
    maxBodyBytes?: number | undefined;
    /** Content types with JSON besides application/json. */
    jsonTypes?: readonly string[] | undefined;
    bodyDeadlineMs?: number;
  },
  clock: Pick<Clock, 'after'>,
): Promise<Outcome<Json>> {
  if (raw.body === null) return null;
  if ('json' in raw.body) return raw.body.json;
  const maxBytes = route.maxBodyBytes ?? defaultMaxBodyBytes;
  const bytes = await readBytesInTime(raw.body.stream, { ...route, maxBytes }, clock);
  if (isFault(bytes)) return bytes;
  if (bytes.length === 0) return null;
  const type = raw.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (
    type &&
    type !== 'application/json' &&
    !type.endsWith('+json') &&
    !(route.jsonTypes ?? []).includes(type)
  ) {
    return fault(
      'unsupportedMediaType',
      `The content type ${type} is not supported; send application/json.`,
    );
  }
  return parseJson(bytes, maxBytes);
}

/**
 * Reads a body of any type into memory. Faults: `requestTimeout` at the deadline, `tooLarge` beyond
 * maxBytes.
 */
export async function readBytesInTime(
  stream: Readable,
  bounds: { maxBytes: number; bodyDeadlineMs?: number },
  clock: Pick<Clock, 'after'>,
): Promise<Outcome<Buffer>> {
  return await withDeadline(
    readBytes(stream, bounds.maxBytes),
    bounds.bodyDeadlineMs ?? bodyDeadlineMs,
    () => fault('requestTimeout', 'The request body did not come in time.'),
    clock,
  );
}

async function readBytes(stream: Readable, maxBytes: number): Promise<Outcome<Buffer>> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream.iterator({
      destroyOnReturn: false,
    }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) return fault('tooLarge', `The body is larger than ${maxBytes} bytes.`);
      chunks.push(chunk);
    }
  } catch (error) {
    return fault(
      'badRequest',
      `The request body broke off: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}
