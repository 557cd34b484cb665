// Finds the first wrong part of a refused body. A validator that lists every error would be slow,
// e.g. for 200,000 wrong tags; this descends to the first wrong member, so that only that part is
// explained. Used by schema.ts.
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import type { Json, JsonObject } from '#contracts/common/json.ts';

export interface WrongPart {
  schema: TSchema;
  value: Json;
  /** Keys and indexes that lead to `value`. */
  path: readonly string[];
}

/** The JSON schema keywords about a value's members. */
interface Containing {
  type?: string | string[];
  items?: TSchema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, TSchema>;
  patternProperties?: Record<string, TSchema>;
  anyOf?: TSchema[];
}

export function firstWrongPart(
  schema: TSchema,
  value: Json,
  path: readonly string[] = [],
): WrongPart {
  const containing = schema as Containing; // read keyword by keyword
  if (containing.anyOf) {
    const ofItsType = containing.anyOf.filter((member) => takes(member, value));
    const [only] = ofItsType;
    return ofItsType.length === 1 && only && typeof value === 'object'
      ? firstWrongPart(only, value, path)
      : { schema, value, path };
  }
  if (Array.isArray(value))
    return (
      wrongItem(containing, value, path) ?? {
        schema,
        value: value.slice(0, shownItems(containing)),
        path,
      }
    );
  if (typeof value === 'object' && value !== null)
    return wrongProperty(containing, value, path) ?? { schema, value, path };
  return { schema, value, path };
}

/**
 * Number of an array's items that an explanation needs: of one that is too long, one beyond the
 * limit.
 */
const shownItems = ({ maxItems = Infinity }: Containing): number => maxItems + 1;

function takes(schema: TSchema, value: Json): boolean {
  const { type } = schema as Containing; // as above
  const own = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  return type === undefined || type === own || (Array.isArray(type) && type.includes(own));
}

function wrongItem(
  { items, maxItems = Infinity, minItems = 0 }: Containing,
  value: Json[],
  path: readonly string[],
): WrongPart | undefined {
  if (!items || Array.isArray(items) || value.length > maxItems || value.length < minItems)
    return undefined;
  const index = value.findIndex((item) => !Check(items, item));
  return index < 0
    ? undefined
    : firstWrongPart(items, value[index] ?? null, [...path, String(index)]);
}

function wrongProperty(
  { properties = {}, patternProperties = {} }: Containing,
  value: JsonObject,
  path: readonly string[],
): WrongPart | undefined {
  for (const [name, schema] of Object.entries(properties)) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member !== undefined && !Check(schema, member))
      return firstWrongPart(schema, member, [...path, name]);
  }
  for (const [source, schema] of Object.entries(patternProperties)) {
    const pattern = new RegExp(source, 'u');
    const name = Object.keys(value).find((key) => pattern.test(key) && !Check(schema, value[key]));
    if (name !== undefined) return firstWrongPart(schema, value[name] ?? null, [...path, name]);
  }
  return undefined;
}
