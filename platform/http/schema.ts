// Checks bodies against TypeBox schemas and words the first error so that it names the field and what is allowed.
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Errors } from 'typebox/value';
import type { Fault } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { BodySchema } from '#platform/http/api.ts';
import { firstWrongPart } from '#platform/http/first-error.ts';

interface SchemaError {
  keyword: string;
  instancePath: string;
  message: string;
  params: object;
  schemaPath: string;
}

/** A checker for one schema or one a version range; compiled at first use, since most are never used in one run. */
export function bodyChecker(schema: BodySchema): (body: Json, version: number) => Fault | undefined {
  if (!Array.isArray(schema)) {
    const check = lazyChecker(schema as TSchema); // not an array, so not the versioned form
    return (body) => check(body);
  }
  const byVersion = schema.map((entry: { from: number; schema: TSchema }) => ({ from: entry.from, check: lazyChecker(entry.schema) })).sort((a, b) => b.from - a.from);
  return (body, version) => {
    const entry = byVersion.find(({ from }) => from <= version);
    return entry ? entry.check(body) : fault('badRequest', 'This request is not supported in this API version.');
  };
}

function lazyChecker(schema: TSchema): (body: Json) => Fault | undefined {
  let compiled: ReturnType<typeof Compile> | undefined;
  return (body) => {
    compiled ??= Compile(schema);
    if (compiled.Check(body)) return undefined;
    const wrong = firstWrongPart(schema, body);
    const errors = Errors(wrong.schema, wrong.value) as unknown as SchemaError[]; // TypeBox's error union is wider than what is read here
    return explain(errors, wrong.value, wrong.path);
  };
}

function explain(errors: SchemaError[], part: Json, path: readonly string[]): Fault {
  // A union reports each member's reasons and then itself: the deepest path is what the caller got wrong.
  const notNoise = errors.filter((error) => error.keyword !== 'boolean');
  const chosen = notNoise.reduce((best, error) => (depth(error) > depth(best) ? error : best), notNoise[0] ?? errors[0]);
  if (!chosen) return fault('badRequest', 'Invalid request body.');
  const params = chosen.params as { additionalProperties?: string[]; requiredProperties?: string[]; allowedValues?: unknown[] };
  const below = chosen.instancePath.split('/').filter(Boolean);
  const where = [...path, ...below].join('.').slice(0, maxShown);
  if (chosen.keyword === 'additionalProperties') {
    return fault('badRequest', `Additional properties are not allowed (${namesOf(params.additionalProperties)} unexpected)${where ? ` in ${where}` : ''}.`);
  }
  if (chosen.keyword === 'required') {
    return fault('badRequest', `${namesOf(params.requiredProperties)} is a required property${where ? ` of ${where}` : ''}.`);
  }
  const value = below.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], part);
  const shown = JSON.stringify(value)?.slice(0, maxShown) ?? 'nothing';
  const allowed = alternatives(notNoise, chosen);
  return fault('badRequest', `Invalid input for field/attribute ${where || 'body'}. Value: ${shown}. ${allowed}.`);
}

/** Of names and values that a caller sent. */
const maxShown = 100;
const namesOf = (names: readonly string[] = []): string => names.slice(0, 3).map((name) => `'${name.slice(0, maxShown)}'`).join(', ');

const depth = (error: SchemaError | undefined): number => (error?.instancePath.split('/').length ?? 0) * 2 - (error?.keyword === 'anyOf' ? 1 : 0);

function alternatives(errors: SchemaError[], chosen: SchemaError): string {
  const same = errors.filter((error) => error.instancePath === chosen.instancePath && error.keyword !== 'anyOf' && error.keyword !== 'oneOf');
  // Of a number that is too small, nobody wants to hear that it might also have been a string.
  const ofItsType = same.filter((error) => error.keyword !== 'type');
  const words = [...new Set((ofItsType.length > 0 ? ofItsType : same).map(({ message, keyword, params }) => {
    const { allowedValues, allowedValue, pattern } = params as { allowedValues?: unknown[]; allowedValue?: unknown; pattern?: unknown };
    if (keyword === 'enum' && allowedValues) return `must be one of ${allowedValues.map(String).join(', ')}`;
    if (keyword === 'const') return `must be ${JSON.stringify(allowedValue)}`;
    if (keyword === 'pattern') return `must match ${String(pattern)}`;
    return message;
  }))];
  return words.join(' or ') || chosen.message;
}
