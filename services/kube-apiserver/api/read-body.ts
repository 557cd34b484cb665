// Reads request bodies: JSON, YAML (server-side apply), and protobuf for built-in kinds.
import { parse } from 'yaml';
import { isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { RawRequest } from '#platform/http/messages.ts';
import { parseJson } from '#platform/http/parse-json.ts';
import { readBytesInTime } from '#platform/http/read-json.ts';
import { decodeProtobuf, isProtobuf } from '../domain/protobuf.ts';
import type { Answer } from '../domain/status.ts';
import { Refusal, badRequest } from '../domain/status.ts';

/** 3 MiB, as kube-apiserver. */
const maxBytes = 3 * 1024 * 1024;
/** Maximum nesting of a body. Schemas of custom resources are nested deeply. */
const deepest = 256;
/** Limit of YAML aliases, with which a small text could expand to a huge object. */
const maxAliases = 100;

export interface Body {
  /** Media type without parameters, in lower case. */
  type: string;
  value: unknown;
}

/** Reads the body of a request. `value` is undefined if the request has no body. */
export async function readBody(
  raw: Pick<RawRequest, 'body' | 'headers'>,
  clock: Pick<Clock, 'after'>,
): Promise<Answer<Body>> {
  const type =
    raw.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() || 'application/json';
  if (raw.body === null) return { type, value: undefined };
  if ('json' in raw.body) return { type, value: raw.body.json };
  const bytes = await readBytesInTime(raw.body.stream, { maxBytes }, clock);
  if (isFault(bytes))
    return bytes.kind === 'tooLarge'
      ? new Refusal('RequestEntityTooLarge', `Request entity too large: limit is ${maxBytes}`)
      : new Refusal(bytes.kind === 'requestTimeout' ? 'Timeout' : 'BadRequest', bytes.message);
  if (bytes.length === 0) return { type, value: undefined };
  if (isProtobuf(bytes) || type === 'application/vnd.kubernetes.protobuf') {
    const object = decodeProtobuf(bytes);
    return object instanceof Refusal ? object : { type: 'application/json', value: object };
  }
  if (type.endsWith('yaml')) return readYaml(bytes, type);
  if (type !== 'application/json' && !type.endsWith('+json'))
    return new Refusal(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
    );
  const value = parseJson(bytes, maxBytes, deepest);
  return isFault(value) ? badRequest(`error decoding the body: ${value.message}`) : { type, value };
}

/** Parses YAML. Also reads JSON, which is a subset of YAML: server-side apply is sent as either. */
function readYaml(bytes: Buffer, type: string): Answer<Body> {
  try {
    return {
      type,
      value: parse(bytes.toString(), { maxAliasCount: maxAliases, schema: 'core' }) as unknown,
    };
  } catch (error) {
    return badRequest(`error decoding YAML: ${(error as Error).message}`);
  }
}
