// Pages of lists that are short enough to be read whole: everything after the marker, at most
// `limit`, and the link to what follows.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { first, limitOf } from './request.ts';

export interface Page<T> {
  items: T[];
  /** Links to the next page; undefined where this one was the last. */
  links: Json[] | undefined;
}

type Asked = Pick<ApiRequest, 'query' | 'queryString' | 'baseUrl' | 'path'>;

/** badRequest: a limit that is no number, a marker that is not in the list. */
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
  // As in Nova: a full page has a link, even when nothing follows.
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
