// Sorting and paging of lists, and the links to the next page. Filters: list-filters.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Listing, ListedTable } from '../store/rows.ts';
import { countRows, listRows } from '../store/rows.ts';
import type { CinderTables } from '../store/tables.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { columnNamed, filtersOf } from './list-filters.ts';
import type { ListRules } from './list-filters.ts';
import { first, numberOf, pageSize } from './request.ts';
import type { Request } from './request.ts';

export interface Page<Row> {
  rows: Row[];
  /** `<collection>_links`; undefined on the last page. */
  links: Json[] | undefined;
  /** The number of matching rows, if the caller asked for it. */
  count: number | undefined;
}

export async function readPage<N extends ListedTable>(
  deps: HandlerDeps,
  request: Request,
  rules: ListRules<N>,
): Promise<Outcome<Page<CinderTables[N]>>> {
  const { db } = deps.database;
  const filters = filtersOf(request, rules);
  if (isFault(filters)) return filters;
  const order = orderOf(request, rules.sort);
  if (isFault(order)) return order;
  const [limit, offset] = [
    pageSize(request, deps.config.maxListLimit),
    numberOf(request, 'offset'),
  ];
  if (isFault(limit)) return limit;
  if (isFault(offset)) return offset;
  const markerId = first(request, 'marker');
  const [marker] =
    markerId === undefined
      ? []
      : await listRows(db, rules.table, {
          scope: filters.scope,
          equal: { id: [markerId] },
          order: [],
          offset: 0,
          limit: 1,
        });
  if (markerId !== undefined && !marker) return fault('notFound', `marker [${markerId}] not found`);
  const rows =
    limit === 0
      ? []
      : await listRows(db, rules.table, {
          ...filters,
          order,
          marker: marker as Record<string, unknown> | undefined,
          offset: offset ?? 0,
          limit,
        });
  const last = rows.at(-1) as { id: string } | undefined; // every listed table has ids
  return {
    rows,
    count: filters.counted ? await countRows(db, rules.table, filters) : undefined,
    // As in stock Cinder: a full page has a next link, even if no rows follow.
    links: last && rows.length === limit ? nextLinks(request, last.id) : undefined,
  };
}

function nextLinks(request: Request, marker: string): Json[] {
  const query = new URLSearchParams(request.queryString);
  query.delete('offset');
  query.set('marker', marker);
  return [{ rel: 'next', href: `${request.baseUrl}${request.path}?${query.toString()}` }];
}

/**
 * The order that the query asks for by `sort=key:dir,key`, or by sort_key and sort_dir. Default:
 * newest first.
 */
export function orderOf(
  request: Request,
  keysAllowed: Readonly<Record<string, string>>,
): Outcome<Listing['order']> {
  const sort = first(request, 'sort');
  const [keys, directions] = [request.query['sort_key'] ?? [], request.query['sort_dir'] ?? []];
  if (sort !== undefined && (keys.length > 0 || directions.length > 0))
    return fault(
      'badRequest',
      "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.",
    );
  const sortPairs =
    sort !== undefined
      ? sort.split(',').map((part) => part.trim().split(':'))
      : (keys.length > 0 ? keys : ['created_at']).map((key, index) => [
          key,
          directions[index] ?? directions[0],
        ]);
  const order: { column: string; direction: 'asc' | 'desc' }[] = [];
  for (const [key = '', direction = 'desc'] of sortPairs) {
    const column = columnNamed(keysAllowed, key);
    if (column === undefined)
      return fault(
        'badRequest',
        `Invalid sort key ${key}: ${Object.keys(keysAllowed).join(', ')} are allowed.`,
      );
    if (direction !== 'asc' && direction !== 'desc')
      return fault('badRequest', `Unknown sort direction ${direction}, must be 'asc' or 'desc'.`);
    if (!order.some((each) => each.column === column)) order.push({ column, direction });
  }
  // The id as last key makes the order total, so that a marker has a definite place.
  if (!order.some(({ column }) => column === 'id'))
    order.push({ column: 'id', direction: order[0]?.direction ?? 'desc' });
  return order;
}
