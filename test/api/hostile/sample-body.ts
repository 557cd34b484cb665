// Generates bodies that a route's schema accepts, so that hostile requests reach the handlers.
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { BodySchema } from '#openstack/http/route.ts';
import type { Random } from './random.ts';
import { words } from './values.ts';

interface Keywords {
  type?: string | string[];
  const?: Json;
  enum?: Json[];
  anyOf?: TSchema[];
  properties?: Record<string, TSchema>;
  required?: string[];
  patternProperties?: Record<string, TSchema>;
  additionalProperties?: unknown;
  items?: TSchema;
  minItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  format?: string;
}

/** Ids and names of objects in this cloud. */
export type Pool = readonly string[];

export function sampleBody(
  random: Random,
  schema: BodySchema | undefined,
  version: number,
  pool: Pool,
): Json {
  if (schema === undefined) return random.pick<Json>([{}, null, { a: 1 }]);
  // A single schema, without versions.
  if (!Array.isArray(schema)) return sample(random, schema as TSchema, pool);
  // Cast: the form with versions.
  const versions = schema as readonly { from: number; schema: TSchema }[];
  const entry =
    versions.filter(({ from }) => from <= version).sort((a, b) => b.from - a.from)[0] ??
    versions[0];
  return entry ? sample(random, entry.schema, pool) : {};
}

function sample(random: Random, schema: TSchema, pool: Pool): Json {
  const keywords = schema as Keywords; // cast: read keyword by keyword
  if (keywords.const !== undefined) return keywords.const;
  if (keywords.enum) return random.pick(keywords.enum);
  if (keywords.anyOf) return sample(random, random.pick(keywords.anyOf), pool);
  const type = Array.isArray(keywords.type) ? random.pick(keywords.type) : keywords.type;
  switch (type) {
    case 'object':
      return sampleObject(random, keywords, pool);
    case 'array':
      return Array.from({ length: (keywords.minItems ?? 0) + random.below(3) }, () =>
        keywords.items ? sample(random, keywords.items, pool) : random.pick(words),
      );
    case 'integer':
    case 'number':
      return Math.min(
        keywords.maximum ?? Infinity,
        Math.max(keywords.minimum ?? -Infinity, random.pick([0, 1, 2, 10, 64, 1_000, 2 ** 31])),
      );
    case 'boolean':
      return random.chance(0.5);
    case 'null':
      return null;
    case 'string':
      return sampleText(random, schema, pool);
    default:
      return random.pick<Json>(['x', 1, null, {}, []]);
  }
}

function sampleObject(
  random: Random,
  { properties = {}, required = [], patternProperties = {}, additionalProperties }: Keywords,
  pool: Pool,
): JsonObject {
  const object: JsonObject = {};
  for (const [name, schema] of Object.entries(properties))
    if (required.includes(name) || random.chance(0.35)) object[name] = sample(random, schema, pool);
  for (const schema of Object.values(patternProperties))
    for (const name of mapKeys)
      if (random.chance(0.3))
        Object.defineProperty(object, name, {
          value: sample(random, schema, pool),
          enumerable: true,
          configurable: true,
          writable: true,
        });
  if (additionalProperties !== false && Object.keys(patternProperties).length === 0)
    for (const name of mapKeys)
      if (random.chance(0.1))
        Object.defineProperty(object, name, {
          value: random.pick(words),
          enumerable: true,
          configurable: true,
          writable: true,
        });
  return object;
}
const mapKeys: readonly string[] = [
  'colour',
  'constructor',
  '__proto__',
  'toString',
  'hw:cpu_policy',
  'VCPU',
  'CUSTOM_GOLD',
  'valueOf',
];

const texts: readonly string[] = [
  'name',
  'x',
  '1',
  '10',
  'AUTO',
  '/dev/vdb',
  '10.0.0.5',
  '10.1.0.0/24',
  'fd00::5',
  '00000000-0000-4000-8000-000000000001',
  'VCPU',
  'CUSTOM_GOLD',
  'true',
  '2027-01-01T00:00:00Z',
  'eyJ9',
  'https://a.example/',
];
function sampleText(random: Random, schema: TSchema, pool: Pool): string {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const text = random.pick(random.pick([texts, pool, pool, words]));
    if (Check(schema, text)) return text;
  }
  return (
    texts.find((text) => Check(schema, text)) ?? 'x'.repeat((schema as Keywords).minLength ?? 1)
  ); // cast: keyword by keyword, as above
}
