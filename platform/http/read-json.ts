// Reads a bounded JSON body, from a socket or handed over in-process.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Route } from '#platform/http/api.ts';

const defaultMaxBytes = 1024 * 1024;

export async function readJson(
  raw: { body: { json: Json } | { stream: Readable } | null; headers: Readonly<Record<string, string | undefined>> },
  route: Pick<Route, 'maxBodyBytes' | 'jsonTypes'>,
): Promise<Outcome<Json>> {
  if (raw.body === null) return null;
  if ('json' in raw.body) return raw.body.json;
  const maxBytes = route.maxBodyBytes ?? defaultMaxBytes;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of raw.body.stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) return fault('tooLarge', `The body is larger than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  if (size === 0) return null;
  const type = raw.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type && type !== 'application/json' && !type.endsWith('+json') && !(route.jsonTypes ?? []).includes(type)) {
    return fault('unsupportedMediaType', `The content type ${type} is not supported; send application/json.`);
  }
  try {
    return JSON.parse((chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)).toString('utf8')) as Json;
  } catch {
    return fault('badRequest', 'Malformed request body: it is not valid JSON.');
  }
}
