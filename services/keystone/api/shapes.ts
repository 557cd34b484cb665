// Body schemas that many routes share, and the envelopes of Identity API answers.
import { Type, type TProperties } from 'typebox';
import type { JsonObject } from '#contracts/common/json.ts';
import { own } from '#contracts/common/own.ts';
import type { ApiRequest, Reply } from '#openstack/http/route.ts';
import type { Query } from '#platform/http/messages.ts';

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

export function urlOf(request: ApiRequest<unknown>, path: string): string {
  return `${request.baseUrl}/v3/${path}`;
}

/**
 * A list with its links. `filters`: attributes that may be asked for, also with a suffix
 * (`name__contains`); other parameters are ignored. keystone.server.flask.common:
 * build_driver_hints, filter_by_attributes
 */
export function listed(
  request: ApiRequest<unknown>,
  key: string,
  items: readonly JsonObject[],
  filters: readonly string[] = [],
): Reply {
  const query = request.queryString === '' ? '' : `?${request.queryString}`;
  return {
    status: 200,
    body: {
      [key]: items.filter((item) => matches(item, request.query, filters)),
      links: { next: null, self: `${request.baseUrl}${request.path}${query}`, previous: null },
    },
  };
}

export const shown = (key: string, item: JsonObject): Reply => ({
  status: 200,
  body: { [key]: item },
});
export const created = (key: string, item: JsonObject): Reply => ({
  status: 201,
  body: { [key]: item },
});
export const noContent: Reply = Object.freeze({ status: 204 });

/** The first value of a query parameter, as upstream takes it. */
export function asked(request: ApiRequest<unknown>, name: string): string | undefined {
  return request.query[name]?.[0];
}

/** Every other word is yes, no word at all too. keystone.common.utils.attr_as_boolean */
const isYes = (word: string): boolean => !/^(0|f|false|n|no|off)$/i.test(word.trim());

/** A flag in a query: present and not one of Keystone's words for no. */
export function askedFlag(request: ApiRequest<unknown>, name: string): boolean | undefined {
  const value = asked(request, name);
  return value === undefined ? undefined : isYes(value);
}

const comparators: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  contains: (value, wanted) => value.includes(wanted),
  icontains: (value, wanted) => value.toLowerCase().includes(wanted.toLowerCase()),
  startswith: (value, wanted) => value.startsWith(wanted),
  istartswith: (value, wanted) => value.toLowerCase().startsWith(wanted.toLowerCase()),
  endswith: (value, wanted) => value.endsWith(wanted),
  iendswith: (value, wanted) => value.toLowerCase().endsWith(wanted.toLowerCase()),
};

function matches(item: JsonObject, query: Query, filters: readonly string[]): boolean {
  return Object.entries(query).every(([parameter, [wanted = '']]) => {
    const [name = '', comparator] = parameter.split('__');
    if (!filters.includes(name)) return true;
    const value = own(item, name);
    if (comparator === undefined)
      return typeof value === 'boolean' ? value === isYes(wanted) : value === wanted;
    const compare = own(comparators, comparator);
    return !compare || (typeof value === 'string' && compare(value, wanted));
  });
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
