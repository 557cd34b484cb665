// Objects of built-in kinds in protobuf, as `kubectl create` sends them: the bytes "k8s\0", then an
// envelope (Unknown) with the kind and the object's own bytes.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
// Field numbers: https://github.com/kubernetes/api/blob/v0.32.0/core/v1/generated.proto and its
// neighbours.
import type { Answer } from './status.ts';
import { Refusal, badRequest } from './status.ts';
import { setField as setEntry } from './structural-schema/schema.ts';

const magic = Buffer.from('k8s\0');

export const isProtobuf = (bytes: Buffer): boolean => bytes.subarray(0, 4).equals(magic);

type FieldType =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'int'
  | 'time'
  | { message: Message }
  | { list: FieldType }
  | { map: 'string' | 'bytes' };

type Message = Readonly<Record<number, readonly [name: string, type: FieldType]>>;

const objectMeta: Message = {
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  7: ['generation', 'int'],
  8: ['creationTimestamp', 'time'],
  11: ['labels', { map: 'string' }],
  12: ['annotations', { map: 'string' }],
  13: [
    'ownerReferences',
    {
      list: {
        message: {
          1: ['kind', 'string'],
          3: ['name', 'string'],
          4: ['uid', 'string'],
          5: ['apiVersion', 'string'],
          6: ['controller', 'bool'],
          7: ['blockOwnerDeletion', 'bool'],
        },
      },
    },
  ],
  14: ['finalizers', { list: 'string' }],
};
const metadata = ['metadata', { message: objectMeta }] as const;

const policyRule: Message = {
  1: ['verbs', { list: 'string' }],
  2: ['apiGroups', { list: 'string' }],
  3: ['resources', { list: 'string' }],
  4: ['resourceNames', { list: 'string' }],
  5: ['nonResourceURLs', { list: 'string' }],
};
const rules = ['rules', { list: { message: policyRule } }] as const;
const binding: Message = {
  1: metadata,
  2: [
    'subjects',
    {
      list: {
        message: {
          1: ['kind', 'string'],
          2: ['apiGroup', 'string'],
          3: ['name', 'string'],
          4: ['namespace', 'string'],
        },
      },
    },
  ],
  3: [
    'roleRef',
    { message: { 1: ['apiGroup', 'string'], 2: ['kind', 'string'], 3: ['name', 'string'] } },
  ],
};
const accessSpec: Message = {
  1: [
    'resourceAttributes',
    {
      message: {
        1: ['namespace', 'string'],
        2: ['verb', 'string'],
        3: ['group', 'string'],
        4: ['version', 'string'],
        5: ['resource', 'string'],
        6: ['subresource', 'string'],
        7: ['name', 'string'],
      },
    },
  ],
  2: ['nonResourceAttributes', { message: { 1: ['path', 'string'], 2: ['verb', 'string'] } }],
};

/** Message descriptions by apiVersion and kind. */
const messages: Readonly<Record<string, Message>> = {
  'v1 Namespace': {
    1: metadata,
    2: ['spec', { message: { 1: ['finalizers', { list: 'string' }] } }],
  },
  'v1 ConfigMap': {
    1: metadata,
    2: ['data', { map: 'string' }],
    3: ['binaryData', { map: 'bytes' }],
    4: ['immutable', 'bool'],
  },
  'v1 Secret': {
    1: metadata,
    2: ['data', { map: 'bytes' }],
    3: ['type', 'string'],
    4: ['stringData', { map: 'string' }],
    5: ['immutable', 'bool'],
  },
  'v1 ServiceAccount': { 1: metadata, 4: ['automountServiceAccountToken', 'bool'] },
  'rbac.authorization.k8s.io/v1 Role': { 1: metadata, 2: rules },
  'rbac.authorization.k8s.io/v1 ClusterRole': { 1: metadata, 2: rules },
  'rbac.authorization.k8s.io/v1 RoleBinding': binding,
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': binding,
  'authorization.k8s.io/v1 SelfSubjectAccessReview': {
    1: metadata,
    2: ['spec', { message: accessSpec }],
  },
  'authorization.k8s.io/v1 SelfSubjectRulesReview': {
    1: metadata,
    2: ['spec', { message: { 1: ['namespace', 'string'] } }],
  },
  'authentication.k8s.io/v1 SelfSubjectReview': { 1: metadata },
  'authentication.k8s.io/v1 TokenRequest': {
    1: metadata,
    2: [
      'spec',
      {
        message: {
          1: ['audiences', { list: 'string' }],
          3: [
            'boundObjectRef',
            {
              message: {
                1: ['kind', 'string'],
                2: ['apiVersion', 'string'],
                3: ['name', 'string'],
                4: ['uid', 'string'],
              },
            },
          ],
          4: ['expirationSeconds', 'int'],
        },
      },
    ],
  },
  'v1 DeleteOptions': deleteOptions(),
  'meta.k8s.io/v1 DeleteOptions': deleteOptions(),
};

function deleteOptions(): Message {
  return {
    1: ['gracePeriodSeconds', 'int'],
    2: ['preconditions', { message: { 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] } }],
    3: ['orphanDependents', 'bool'],
    4: ['propagationPolicy', 'string'],
    5: ['dryRun', { list: 'string' }],
  };
}

const envelope: Message = {
  1: ['typeMeta', { message: { 1: ['apiVersion', 'string'], 2: ['kind', 'string'] } }],
  2: ['raw', 'bytes'],
};

class Malformed extends Error {}

/** Decodes an object to the form it has as JSON. */
export function decodeProtobuf(bytes: Buffer): Answer<Record<string, unknown>> {
  try {
    if (!isProtobuf(bytes)) throw new Malformed('the envelope is missing');
    const { typeMeta, raw } = decode(bytes.subarray(4), envelope) as {
      typeMeta?: { apiVersion?: string; kind?: string };
      raw?: string;
    };
    const { apiVersion = '', kind = '' } = typeMeta ?? {};
    const name = `${apiVersion} ${kind}`;
    const message = Object.hasOwn(messages, name) ? messages[name] : undefined;
    if (!message)
      return new Refusal(
        'UnsupportedMediaType',
        `${kind} of ${apiVersion} is not taken as protobuf here; send application/json`,
      );
    return { apiVersion, kind, ...decode(Buffer.from(raw ?? '', 'base64'), message) };
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError)
      return badRequest(`error decoding protobuf: ${error.message}`);
    throw error;
  }
}

function decode(bytes: Buffer, message: Message): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = bytes.readUInt8(at);
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
      if (factor > 2 ** 63) throw new Malformed('a number is too long');
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    let content: Buffer | number;
    if (wire === 0) content = varint();
    else if (wire === 2) {
      const length = varint();
      if (at + length > bytes.length) throw new Malformed('a field is cut off');
      content = bytes.subarray(at, at + length);
      at += length;
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4;
      continue; // fixed-width: no field here has such a type
    } else throw new Malformed(`wire type ${wire}`);
    const field = message[number];
    if (field) setField(object, field, content);
  }
  return object;
}

function setField(
  object: Record<string, unknown>,
  [name, type]: readonly [string, FieldType],
  content: Buffer | number,
): void {
  if (typeof type === 'object' && 'list' in type) {
    const list = (object[name] ??= []) as unknown[];
    list.push(valueOf(type.list, content));
  } else if (typeof type === 'object' && 'map' in type) {
    const { key = '', value } = decode(asBytes(content), {
      1: ['key', 'string'],
      2: ['value', type.map],
    }) as { key?: string; value?: string };
    setEntry((object[name] ??= {}) as Record<string, unknown>, key, value ?? '');
  } else {
    const value = valueOf(type, content);
    // Go clients send a string that is not set as an empty one.
    if (value !== '' && value !== undefined) object[name] = value;
  }
}

function valueOf(type: FieldType, content: Buffer | number): unknown {
  switch (type) {
    case 'string':
      return asText(asBytes(content));
    case 'bytes':
      return asBytes(content).toString('base64');
    case 'bool':
      return content !== 0;
    case 'int':
      return content;
    case 'time': {
      const { seconds } = decode(asBytes(content), { 1: ['seconds', 'int'] }) as {
        seconds?: number;
      };
      return seconds === undefined ? undefined : new Date(seconds * 1000).toISOString();
    }
    default:
      return 'message' in type ? decode(asBytes(content), type.message) : undefined;
  }
}

function asBytes(content: Buffer | number): Buffer {
  if (typeof content === 'number') throw new Malformed('a number where text is expected');
  return content;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function asText(content: Buffer): string {
  try {
    return utf8.decode(content);
  } catch {
    throw new Malformed('text that is no UTF-8');
  }
}
