// Envelopes of Identity API responses, and the reading of list parameters.
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { own } from '#contracts/common/own.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import type { Query } from '#platform/http/messages.ts';

export function urlOf(request: ApiRequest<unknown>, path: string): string {
  return `${request.baseUrl}/v3/${path}`;
}

/**
 * The response for a list. `filters`: attributes by which the caller may filter, also with a suffix
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

/** The first value of a query parameter, as in upstream. */
export function queryValue(request: ApiRequest<unknown>, name: string): string | undefined {
  return request.query[name]?.[0];
}

/** The first value of each of these query parameters. */
export const queryValues = <N extends string>(
  request: ApiRequest<unknown>,
  names: readonly N[],
): Record<N, string | undefined> =>
  Object.fromEntries(names.map((name) => [name, queryValue(request, name)])) as Record<
    N,
    string | undefined
  >; // one member per name

/** Any other word, even an empty one, means true. keystone.common.utils.attr_as_boolean */
const isYes = (word: string): boolean => !/^(0|f|false|n|no|off)$/i.test(word.trim());

/** The boolean value of a query parameter; undefined: it is absent. */
export function queryFlag(request: ApiRequest<unknown>, name: string): boolean | undefined {
  const value = queryValue(request, name);
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

type Request = ApiRequest<unknown>;
type Find<Row> = (request: Request) => Promise<Outcome<Row>>;

/** A route that shows one object. */
export const showRoute = <Row>(
  path: string,
  policy: string,
  key: string,
  find: Find<Row>,
  view: (request: Request, row: Row) => JsonObject,
): Route =>
  route('GET', path, {
    policy,
    faults: ['notFound'],
    async handler(request) {
      const row = await find(request);
      return isFault(row) ? row : shown(key, view(request, row));
    },
  });

/** A route that deletes one object, for kinds whose deletion nothing prevents. */
export const deleteRoute = <Row>(
  path: string,
  policy: string,
  find: Find<Row>,
  remove: (row: Row) => Promise<unknown>,
): Route =>
  route('DELETE', path, {
    policy,
    faults: ['notFound'],
    async handler(request) {
      const row = await find(request);
      if (isFault(row)) return row;
      await remove(row);
      return noContent;
    },
  });
