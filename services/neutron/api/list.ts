// GET of a collection: filters, `fields`, sorting and paging, as the network API defines them.
// https://docs.openstack.org/api-ref/network/v2/#filtering-and-column-selection, #pagination,
// #sorting
import type { RawBuilder } from 'kysely';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { own } from '#contracts/common/own.ts';
import type { ApiRequest, Reply } from '#openstack/http/route.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { ListedTable, ListOrder } from '../store/list.ts';
import { listIds, markerValues, oneOfValues, taggedWith } from '../store/list.ts';
import { findByIds } from '../store/objects.ts';
import type { Context, Resource } from './resource.ts';
import { missing } from './resource.ts';
import type { Views } from './view-cache.ts';
import { cutTo } from './view-cache.ts';

export const notFilters: ReadonlySet<string> = new Set([
  'fields',
  'limit',
  'marker',
  'page_reverse',
  'sort_key',
  'sort_dir',
]);
const bad = (message: string) => fault('badRequest', message);

export async function listPage<T extends ListedTable>(
  context: Context,
  resource: Resource<T, any>,
  views: Views<T>,
): Promise<Outcome<Reply>> {
  const {
    request,
    scope,
    parts: {
      database: { db },
    },
  } = context;
  const filters = filtersOf(resource, request);
  if (isFault(filters)) return filters;
  const page = await pageOf(context, resource);
  if (isFault(page)) return page;
  await resource.beforeList?.(
    context,
    request.query['project_id'] ?? request.query['tenant_id'] ?? [request.auth.projectId ?? ''],
  );
  const listed = await listIds(db, resource.listing, scope, filters, page.order);
  if (page.reverse) listed.reverse();
  const key = `${views.variant(request)} ${request.baseUrl}${request.path}?${request.queryString}`;
  const cached = views.answers.find(key, listed);
  if (cached) return { status: 200, body: cached };
  const texts = await views.texts(
    request,
    listed,
    async (ids) => await findByIds(db, resource.listing.table, ids),
  );
  const fields = request.query['fields']?.filter((name) => name !== '');
  const shown = fields && fields.length > 0 ? texts.map((text) => cutTo(text, fields)) : texts;
  const links = linksOf(
    request,
    listed.map(({ id }) => id),
    page.order.limit,
    page.reverse,
  );
  const linked = links.length > 0 ? `,"${resource.collection}_links":${JSON.stringify(links)}` : '';
  const answer = new JsonText(`{"${resource.collection}":[${shown.join()}]${linked}}`);
  views.answers.keep(key, listed, answer);
  return { status: 200, body: answer };
}

/**
 * Checks the filters of a list that has few of them. badRequest: the query has a parameter that is
 * not among them.
 */
export function unknownFilter(
  request: Pick<ApiRequest, 'query'>,
  filters: readonly string[],
): Outcome<undefined> {
  const unknown = Object.keys(request.query).filter(
    (name) => !notFilters.has(name) && !filters.includes(name),
  );
  return unknown.length > 0
    ? bad(`${JSON.stringify(unknown)} is invalid attribute for filtering`)
    : undefined;
}

const maxFilterTags = 100;

function filtersOf<T extends ListedTable>(
  { singular, attributes, listing }: Resource<T, any>,
  request: ApiRequest,
): Outcome<RawBuilder<boolean>[]> {
  const filters: RawBuilder<boolean>[] = [];
  for (const [parameter, values] of Object.entries(request.query)) {
    if (notFilters.has(parameter)) continue;
    const name = parameter === 'tenant_id' ? 'project_id' : parameter;
    const special =
      listing.special && Object.hasOwn(listing.special, name) ? listing.special[name] : undefined;
    const column = Object.hasOwn(listing.columns, name) ? listing.columns[name] : undefined;
    const isBoolean = column?.kind === 'bool' || (listing.specialBooleans ?? []).includes(name);
    const wrong = isBoolean
      ? values.find((value) => !/^(true|false|1|0)$/i.test(value))
      : undefined;
    // Upstream converts the values of a filter like those of a body: neutron.api.api_common,
    // get_filters_from_dict.
    if (wrong !== undefined)
      return bad(`Invalid input for operation: '${wrong}' cannot be converted to boolean.`);
    if (special) filters.push(special(values));
    else if ('tags' in attributes && /^(not-)?tags(-any)?$/.test(name)) {
      const tags = [...new Set(values.flatMap((value) => value.split(',')))];
      if (tags.length > maxFilterTags)
        return bad(`Invalid input for ${name}: more than ${maxFilterTags} tags.`);
      filters.push(taggedWith(name as 'tags', tags));
    } else {
      // filter-validation: an unknown filter is refused. Ignored, it would return every object, and
      // the caller would take them all for matches.
      if (!column) return bad(`[${JSON.stringify(parameter)}] is invalid attribute for filtering`);
      // A filter on a hidden attribute is ignored, since its matches would reveal the value.
      if (own(attributes, name)?.hidden && !request.allows(`get_${singular}:${name}`)) continue;
      filters.push(oneOfValues(column, values));
    }
  }
  return filters;
}

async function pageOf<T extends ListedTable>(
  context: Context,
  resource: Resource<T, any>,
): Promise<Outcome<{ order: ListOrder; reverse: boolean }>> {
  const { singular, attributes, listing } = resource;
  const {
    request,
    scope,
    parts: {
      database: { db },
      config,
    },
  } = context;
  const first = (name: string): string | undefined => request.query[name]?.[0];
  const limitText = first('limit');
  if (limitText !== undefined && !/^\d{1,9}$/.test(limitText))
    return bad(`Bad limit '${limitText}': it must be a number from 0.`);
  const limit =
    limitText === undefined || Number(limitText) === 0
      ? undefined
      : Math.min(Number(limitText), config.maxListLimit);
  const reverse = /^true$/i.test(first('page_reverse') ?? '');
  const names = request.query['sort_key'] ?? [];
  const directions = request.query['sort_dir'] ?? [];
  if (directions.length > 0 && directions.length !== names.length)
    return bad('The number of sort_keys and sort_dirs must be same');
  const keys: { column: string; direction: 'asc' | 'desc' }[] = [];
  for (const [index, sortKey] of names.entries()) {
    const name = sortKey === 'tenant_id' ? 'project_id' : sortKey;
    const column = Object.hasOwn(listing.columns, name) ? listing.columns[name] : undefined;
    const direction = directions[index] ?? 'asc';
    if (!column || (own(attributes, name)?.hidden && !request.allows(`get_${singular}:${name}`)))
      return bad(`${sortKey} is invalid attribute for sort_keys`);
    if (direction !== 'asc' && direction !== 'desc')
      return bad(`${direction} is invalid value for sort_dirs, valid value is 'asc' and 'desc'`);
    if (!keys.some((earlier) => earlier.column === column.column))
      keys.push({ column: column.column, direction }); // a key named twice counts once
  }
  if (!keys.some(({ column }) => column === 'id')) keys.push({ column: 'id', direction: 'asc' });
  const turned = reverse
    ? keys.map(({ column, direction }) => ({
        column,
        direction: direction === 'asc' ? ('desc' as const) : ('asc' as const),
      }))
    : keys;
  const marker = first('marker');
  // As upstream: without a limit there are no pages, and a marker is ignored.
  // neutron.api.api_common, get_limit_and_marker
  if (limit === undefined || marker === undefined || marker === '')
    return { order: { keys: turned, after: undefined, limit }, reverse };
  const after = await markerValues(db, listing, scope, marker, turned);
  return after ? { order: { keys: turned, after, limit }, reverse } : missing(resource, marker);
}

/**
 * The links to the next and the previous page. As upstream: a full page links to a next page, even
 * if that one is empty; an empty page links back to its marker.
 */
function linksOf(
  request: ApiRequest,
  ids: readonly string[],
  limit: number | undefined,
  reverse: boolean,
): { rel: string; href: string }[] {
  if (limit === undefined) return [];
  const full = ids.length >= limit;
  const href = (marker: string, back: boolean): string => {
    const query = new URLSearchParams(request.queryString);
    query.delete('page_reverse');
    query.set('marker', marker);
    if (back) query.set('page_reverse', 'True');
    return `${request.baseUrl}${request.path}?${query.toString()}`;
  };
  const fallback = request.query['marker']?.[0] ?? '';
  const [first = fallback, last = fallback] = [ids[0], ids.at(-1)];
  return [
    ...((full || reverse) && last !== '' ? [{ rel: 'next', href: href(last, false) }] : []),
    ...((full || !reverse) && first !== '' ? [{ rel: 'previous', href: href(first, true) }] : []),
  ];
}
