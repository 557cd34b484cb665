// Body schemas that several routes share, and the handling of attributes without a column.
import { Type, type TProperties } from 'typebox';
import type { JsonObject } from '#contracts/common/json.ts';

/** A name with at least one character that is not blank. */
export const nameOf = (maxLength: number) =>
  Type.String({ minLength: 1, maxLength, pattern: '\\S' });
export const idText = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' });
export const text = Type.Union([Type.String(), Type.Null()]);
export const enabled = Type.Boolean();
export const maxTags = 80;
/**
 * At most 80 tags of 255 characters, unique, without comma or slash. Identity API, "Project Tags".
 */
export const tags = Type.Array(Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' }), {
  maxItems: maxTags,
  uniqueItems: true,
});

/**
 * The schema of `{[key]: {...properties}}`. Unknown attributes are allowed: the Identity API stores
 * them.
 */
export function wrapped<K extends string, P extends TProperties>(
  key: K,
  properties: P,
  bounds: { minProperties?: number } = {},
) {
  return Type.Object(
    { [key]: Type.Object(properties, { additionalProperties: true, ...bounds }) } as {
      [N in K]: ReturnType<typeof Type.Object<P>>;
    },
    { additionalProperties: true },
  );
}

/**
 * JSON of the attributes that have no column; views show them at top level again. `before`: those
 * stored so far.
 */
export function extraOf(
  input: Readonly<Record<string, unknown>>,
  columns: readonly string[],
  before = '{}',
): string {
  // Spreading keeps `__proto__` as an ordinary name; an assignment would set the prototype.
  const further = Object.fromEntries(
    Object.entries(input).filter(([name]) => !columns.includes(name) && name !== 'links'),
  );
  // Keystone wrote `before` as a JSON object.
  return JSON.stringify({ ...(JSON.parse(before) as object), ...further });
}

// For columns that `extraOf` wrote, and for columns of options.
export const parsed = (json: string): JsonObject => JSON.parse(json) as JsonObject;
