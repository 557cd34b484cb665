// Checks bodies against TypeBox schemas and formats the first error so that it names the field and
// what is allowed.
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Errors } from 'typebox/value';
import type { Fault } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { firstWrongPart } from './first-error.ts';
import type { SchemaError } from './jsonschema-words.ts';
import { inputFault, jsonschemaWords } from './jsonschema-words.ts';
import type { BodySchema } from './route.ts';

/**
 * A checker for one schema, or for one per version range. Schemas are compiled at first use, since
 * most are never needed in a run.
 */
export function bodyChecker(
  schema: BodySchema,
): (body: Json, version: number) => Fault | undefined {
  if (!Array.isArray(schema)) {
    const check = lazyChecker(schema as TSchema); // not an array: a single schema
    return (body) => check(body);
  }
  const byVersion = schema
    .map((entry: { from: number; schema: TSchema }) => ({
      from: entry.from,
      check: lazyChecker(entry.schema),
    }))
    .sort((a, b) => b.from - a.from);
  return (body, version) => {
    const entry = byVersion.find(({ from }) => from <= version);
    return entry
      ? entry.check(body)
      : fault('badRequest', 'This request is not supported in this API version.');
  };
}

function lazyChecker(schema: TSchema): (body: Json) => Fault | undefined {
  let compiled: ReturnType<typeof Compile> | undefined;
  return (body) => {
    compiled ??= Compile(schema);
    if (compiled.Check(body)) return undefined;
    const wrong = firstWrongPart(schema, body);
    // TypeBox's error union is wider than what is read here
    const errors = Errors(wrong.schema, wrong.value) as unknown as SchemaError[];
    return explain(errors, wrong.value, wrong.path);
  };
}

function explain(errors: SchemaError[], part: Json, path: readonly string[]): Fault {
  // TypeBox reports the errors of each member of a union and then its own: the deepest path is the
  // caller's actual mistake.
  const notNoise = errors.filter((error) => error.keyword !== 'boolean');
  const deepest = notNoise.reduce(
    (best, error) => (depth(error) > depth(best) ? error : best),
    notNoise[0] ?? errors[0],
  );
  if (!deepest) return fault('badRequest', 'Invalid request body.');
  const below = deepest.instancePath.split('/').filter(Boolean);
  const value = below.reduce<Json | undefined>(
    (at, key) => (at as JsonObject | undefined)?.[key],
    part,
  );
  const reasons = notNoise.filter(
    (error) =>
      error.instancePath === deepest.instancePath &&
      error.keyword !== 'anyOf' &&
      error.keyword !== 'oneOf',
  );
  return fault(
    'badRequest',
    inputFault(
      [...path, ...below],
      value,
      jsonschemaWords(reasons.length > 0 ? reasons : [deepest], value),
    ),
  );
}

const depth = (error: SchemaError | undefined): number =>
  (error?.instancePath.split('/').length ?? 0) * 2 - (error?.keyword === 'anyOf' ? 1 : 0);
