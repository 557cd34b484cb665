// Paging for lists that are short enough to be read as a whole: the items after the marker, at most
// `limit`, and the link to the next page.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { first, limitOf } from './request.ts';

export interface Page<T> {
  items: T[];
  /** Links to the next page; undefined if the list has ended. */
  links: Json[] | undefined;
}

type Asked = Pick<ApiRequest, 'query' | 'queryString' | 'baseUrl' | 'path'>;

/**
 * The page of a list that the query asks for. badRequest: `limit` is not a number, or the marker is
 * not in the list.
 */
export function pageOf<T>(
  request: Asked,
  all: readonly T[],
  idOf: (item: T) => string,
  maxLimit: number,
): Outcome<Page<T>> {
  const limit = limitOf(request, maxLimit);
  if (isFault(limit)) return limit;
  const marker = first(request, 'marker');
  const at = marker === undefined ? -1 : all.findIndex((item) => idOf(item) === marker);
  if (marker !== undefined && at < 0) return fault('badRequest', `marker [${marker}] not found`);
  const items = all.slice(at + 1, at + 1 + limit);
  const last = items.at(-1);
  // As in Nova, every full page has a next link, even if no item follows.
  return {
    items,
    links:
      last !== undefined && items.length === limit ? nextLinks(request, idOf(last)) : undefined,
  };
}

export function nextLinks(request: Asked, marker: string): Json[] {
  const query = new URLSearchParams(request.queryString);
  query.set('marker', marker);
  return [{ rel: 'next', href: `${request.baseUrl}${request.path}?${query.toString()}` }];
}
