// Validates an object by a structural schema, with Kubernetes' messages.
// https://github.com/kubernetes/kube-openapi/blob/master/pkg/validation/errors/schema.go (facts)
import { RE2JS } from 're2js';
import { isSameJson } from '../same-json.ts';
import type { Cause } from '../status.ts';
import { formatTrouble } from './formats.ts';
import type { Schema } from './schema.ts';
import { isObject, schemaOfField } from './schema.ts';

/** At most this many causes are reported; a hostile object could have very many. */
const maxCauses = 100;

export function validate(value: unknown, schema: Schema): Cause[] {
  const causes: Cause[] = [];
  check(value, schema, '', causes);
  return causes.slice(0, maxCauses);
}

function check(value: unknown, schema: Schema, path: string, causes: Cause[]): void {
  if (causes.length >= maxCauses) return;
  const addCause = (reason: Cause['reason'], message: string): void => {
    causes.push({ reason, message, field: path === '' ? '<nil>' : path });
  };
  const invalid = (words: string): void =>
    addCause('FieldValueInvalid', `Invalid value: ${shown(value)}: ${words}`);
  const inBody = (words: string): void => invalid(`${path} in body ${words}`);
  if (value === null && schema.nullable === true) return;
  const wrongType = typeTrouble(value, schema);
  if (wrongType !== undefined) {
    addCause(
      'FieldValueTypeInvalid',
      `Invalid value: ${shown(typeOf(value))}: ${path} in body must be of type ${wrongType}: ${shown(typeOf(value))}`,
    );
    return;
  }
  if (schema.enum && !schema.enum.some((each) => isSameJson(each, value)))
    addCause(
      'FieldValueNotSupported',
      `Unsupported value: ${shown(value)}: supported values: ${schema.enum.map(shown).join(', ')}`,
    );
  if (typeof value === 'string') checkString(value, schema, addCause, inBody);
  if (typeof value === 'number') checkNumber(value, schema, inBody);
  if (Array.isArray(value)) checkArray(value, schema, path, causes, { say: addCause, inBody });
  if (isObject(value)) checkObject(value, schema, path, causes, { say: addCause, inBody });
  checkCombinations(value, schema, path, causes, inBody);
}

const patterns = new Map<string, RE2JS>();
/** Size of the cache of compiled patterns of all definitions; the oldest is dropped. */
const maxPatterns = 1_000;

function patternOf(text: string): RE2JS {
  const cached = patterns.get(text);
  if (cached) return cached;
  const [oldest] = patterns.size >= maxPatterns ? patterns.keys() : [];
  if (oldest !== undefined) patterns.delete(oldest);
  const compiled = RE2JS.compile(text);
  patterns.set(text, compiled);
  return compiled;
}

/** Why a pattern is not a valid RE2 expression; undefined: it is valid. */
export function patternTrouble(text: string): string | undefined {
  if (text.length > maxPatternLength) return `it is longer than ${maxPatternLength} characters`;
  try {
    patternOf(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const maxPatternLength = 10_000;

type Say = (reason: Cause['reason'], message: string) => void;
type InBody = (words: string) => void;

function checkString(value: string, schema: Schema, say: Say, inBody: InBody): void {
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength)
    say('FieldValueTooLong', `Too long: may not be more than ${schema.maxLength} bytes`);
  if (schema.minLength !== undefined && length < schema.minLength)
    inBody(`should be at least ${schema.minLength} chars long`);
  // RE2 takes linear time; the expression and the text both come from clients.
  if (schema.pattern !== undefined && !patternOf(schema.pattern).matcher(value).find())
    inBody(`should match '${schema.pattern}'`);
  const trouble = schema.format === undefined ? undefined : formatTrouble(value, schema.format);
  if (trouble !== undefined) inBody(trouble);
}

function checkNumber(value: number, schema: Schema, inBody: InBody): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    inBody(
      exclusiveMinimum
        ? `should be greater than ${minimum}`
        : `should be greater than or equal to ${minimum}`,
    );
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    inBody(
      exclusiveMaximum
        ? `should be less than ${maximum}`
        : `should be less than or equal to ${maximum}`,
    );
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf))
    inBody(`should be a multiple of ${multipleOf}`);
}

interface Tell {
  say: Say;
  inBody: InBody;
}

function checkArray(
  value: readonly unknown[],
  schema: Schema,
  path: string,
  causes: Cause[],
  { say, inBody }: Tell,
): void {
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    say(
      'FieldValueTooMany',
      `Too many: ${value.length}: must have at most ${schema.maxItems} items`,
    );
    return;
  }
  if (schema.minItems !== undefined && value.length < schema.minItems)
    inBody(`should have at least ${schema.minItems} items`);
  const { items } = schema;
  const itemKeys = new Set<string>();
  for (const [index, item] of value.entries()) {
    const key = keyOfItem(item, schema);
    if (key !== undefined && itemKeys.has(key))
      causes.push({
        reason: 'FieldValueDuplicate',
        message: `Duplicate value: ${key}`,
        field: `${path}[${index}]`,
      });
    if (key !== undefined) itemKeys.add(key);
    if (items) check(item, items, `${path}[${index}]`, causes);
  }
}

/** The key that must be unique in a set or map list; undefined: the list has no such key. */
export function keyOfItem(item: unknown, schema: Schema): string | undefined {
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return JSON.stringify(item);
    case 'map': {
      if (!isObject(item)) return undefined;
      const keys = schema['x-kubernetes-list-map-keys'] ?? [];
      return JSON.stringify(
        Object.fromEntries(
          keys.map((key) => [key, item[key] ?? schema.items?.properties?.[key]?.default]),
        ),
      );
    }
    default:
      return undefined;
  }
}

function checkObject(
  value: Record<string, unknown>,
  schema: Schema,
  path: string,
  causes: Cause[],
  { inBody }: Tell,
): void {
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(value, name))
      causes.push({ reason: 'FieldValueRequired', message: 'Required value', field: at(name) });
  const names = Object.keys(value);
  if (schema.maxProperties !== undefined && names.length > schema.maxProperties)
    inBody(`should have at most ${schema.maxProperties} properties`);
  if (schema.minProperties !== undefined && names.length < schema.minProperties)
    inBody(`should have at least ${schema.minProperties} properties`);
  for (const name of names) {
    const inner = schemaOfField(schema, name);
    if (inner) check(value[name], inner, at(name), causes);
  }
}

function checkCombinations(
  value: unknown,
  schema: Schema,
  path: string,
  causes: Cause[],
  inBody: InBody,
): void {
  const holds = (each: Schema): boolean => {
    const found: Cause[] = [];
    check(value, each, path, found);
    return found.length === 0;
  };
  for (const each of schema.allOf ?? []) check(value, each, path, causes);
  if (schema.anyOf && !schema.anyOf.some(holds))
    inBody('must validate at least one schema (anyOf)');
  if (schema.oneOf && schema.oneOf.filter(holds).length !== 1)
    inBody('must validate one and only one schema (oneOf)');
  if (schema.not && holds(schema.not)) inBody('must not validate the schema (not)');
}

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
};

/** The expected type; undefined: the value has it. */
function typeTrouble(value: unknown, schema: Schema): string | undefined {
  const type = typeOf(value);
  if (schema['x-kubernetes-int-or-string'] === true)
    return type === 'integer' || type === 'string' ? undefined : 'integer,string';
  const { type: wanted } = schema;
  if (wanted === undefined || wanted === type) return undefined;
  return wanted === 'number' && type === 'integer' ? undefined : wanted;
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'null';
