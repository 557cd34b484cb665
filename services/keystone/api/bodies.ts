// Body schemas that many routes share, and attributes beyond the columns.
import { Type, type TProperties } from 'typebox';
import type { JsonObject } from '#contracts/common/json.ts';

/** A name with at least one character that is not blank. */
export const nameOf = (maxLength: number) =>
  Type.String({ minLength: 1, maxLength, pattern: '\\S' });
export const idText = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' });
export const text = Type.Union([Type.String(), Type.Null()]);
export const enabled = Type.Boolean();
export const maxTags = 80;
/** No comma or slash, at most 80 of 255 characters, each once. Identity API, "Project Tags". */
export const tags = Type.Array(Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' }), {
  maxItems: maxTags,
  uniqueItems: true,
});

/** `{[key]: {...properties}}`; the Identity API keeps attributes it does not know. */
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

/** What the caller sent beyond the attributes that have columns; shown again at top level. */
export function extraOf(
  sent: Readonly<Record<string, unknown>>,
  columns: readonly string[],
  before = '{}',
): string {
  // Spread keeps `__proto__` as a name like any other; an assignment would not.
  const further = Object.fromEntries(
    Object.entries(sent).filter(([name]) => !columns.includes(name) && name !== 'links'),
  );
  // written by us as an object
  return JSON.stringify({ ...(JSON.parse(before) as object), ...further });
}

// columns written by `extraOf` and for options
export const parsed = (json: string): JsonObject => JSON.parse(json) as JsonObject;
