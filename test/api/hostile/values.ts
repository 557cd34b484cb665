// Values that no well-meaning client sends: for any field, name or parameter, and bodies as bytes.
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Random } from './random.ts';

export const words: readonly string[] = [
  '',
  ' ',
  '-1',
  '0',
  '1',
  '42',
  'true',
  'None',
  'null',
  'constructor',
  '__proto__',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
  '../..',
  '%',
  '%s',
  "'; drop table servers; --",
  '\0',
  'a\0b',
  '🦊',
  'é',
  'e\u0301',
  '\u202e',
  '\ufffd',
  '\ufeff',
  'x'.repeat(256),
  'a'.repeat(4_000) + '!',
  '-'.repeat(3_000),
  '9'.repeat(30),
  '9007199254740993',
  '1e400',
  '-1e400',
  'NaN',
  'Infinity',
  'in:a,b',
  'gt:',
  'in:',
  'desc',
  'id:asc,',
  '2026-02-30T25:61:61Z',
  '2026-11-28T00:00:00Z',
  '::ffff:1.2.3.4',
  '1.2.3.4/99',
  '224.0.0.1',
  'fe80::1%eth0',
  '00000000-0000-4000-8000-000000000000',
  '{}',
  '[]',
  '/**a**a**a**ab',
];
const keys: readonly string[] = [
  'constructor',
  '__proto__',
  'toString',
  'hasOwnProperty',
  'valueOf',
  'prototype',
  '',
  'a'.repeat(300),
  '\0',
  'ключ',
  'id',
  'name',
  'links',
];
const numbers: readonly number[] = [
  0,
  -1,
  1,
  -0,
  0.5,
  65_536,
  2 ** 31,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 63),
  1e21,
  1e308,
  5e-324,
];

export function deep(levels: number): Json {
  let value: Json = 'x';
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

export function wide(count: number, value: Json): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, value]));
}

export function anyValue(random: Random): Json {
  const kind = random.below(12);
  if (kind < 4) return random.pick(words);
  if (kind < 6) return random.pick(numbers);
  if (kind === 6) return random.pick([true, false, null]);
  if (kind === 7) return random.pick<Json>([[], {}, [null], [[]], [{}], { a: [] }]);
  if (kind === 8) return deep(2 + random.below(28));
  if (kind === 9)
    return random.chance(0.1) ? wide(2_000, 'v') : wide(random.below(40), random.pick(words));
  if (kind === 10)
    return random.chance(0.1)
      ? Array.from({ length: 3_000 }, (_, index) => `item${index}`)
      : Array.from({ length: random.below(30) }, () => random.pick(words));
  return hostileKeys(random);
}

/** Hostile keys, created as JSON.parse creates them: `__proto__` is an own key. */
export function hostileKeys(random: Random): JsonObject {
  const pairs = Array.from(
    { length: 1 + random.below(3) },
    () => `${JSON.stringify(random.pick(keys))}:${JSON.stringify(random.pick(words))}`,
  );
  return JSON.parse(`{${pairs.join(',')}}`) as JsonObject; // cast: the braces make it an object
}

/** The body with one to three random changes. */
export function mutated(random: Random, body: Json): Json {
  let changed = structuredClone(body);
  for (let count = 1 + random.below(3); count > 0; count -= 1) changed = changeOne(random, changed);
  return changed;
}

function changeOne(random: Random, value: Json): Json {
  if (typeof value !== 'object' || value === null || random.chance(0.15)) return anyValue(random);
  if (Array.isArray(value)) {
    if (value.length === 0 || random.chance(0.2)) return [...value, anyValue(random)];
    const index = random.below(value.length);
    return value.map((item, at) => (at === index ? changeOne(random, item) : item));
  }
  const names = Object.keys(value);
  const name = names.length === 0 || random.chance(0.15) ? random.pick(keys) : random.pick(names);
  if (random.chance(0.1))
    return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
  return JSON.parse(
    JSON.stringify(
      Object.fromEntries([
        ...Object.entries(value),
        [name, changeOne(random, Object.hasOwn(value, name) ? (value[name] ?? null) : null)],
      ]),
    ),
  ) as Json; // cast: plain JSON again
}

/** The bytes of a body, complete or damaged. */
export function bytesOf(random: Random, body: Json): Buffer {
  const text = JSON.stringify(body);
  const kind = random.below(40);
  if (kind === 0) return Buffer.from(text.slice(0, random.below(text.length + 1)));
  if (kind === 1) return Buffer.from(text.replace(/[a-z]/, () => '\\ud800'));
  if (kind === 2)
    return Buffer.concat([
      Buffer.from(text.slice(0, -1)),
      Buffer.from([random.pick([0xff, 0xc0, 0x80, 0xed])]),
      Buffer.from(text.slice(-1)),
    ]);
  if (kind === 3) return spoiltText(random, text);
  if (kind === 4)
    return Buffer.from(
      text.replace(/\d+/, () =>
        random.pick(['9007199254740993', '1e400', '-1e999', '123456789012345678901234567890']),
      ),
    );
  if (kind === 5)
    return Buffer.from(
      text.replace(/\{/, () => '{"name":1,"name":"twice","__proto__":{"a":1},"constructor":null,'),
    );
  if (kind === 6)
    return Buffer.from(
      random.pick(['[', '{"a":', '[{"a":']).repeat(random.pick([40, 1_000, 20_000])),
    );
  return Buffer.from(text);
}

/** Replaces one byte of the text by one that mostly makes it invalid JSON or UTF-8. */
function spoiltText(random: Random, text: string): Buffer {
  const bytes = Buffer.from(text);
  bytes[random.below(bytes.length)] = random.pick([0x00, 0xff, 0xe2, 0x22, 0x5c]);
  return bytes;
}
