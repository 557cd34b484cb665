// Filters, sorting and paging of the volume type list.
import { isDeepStrictEqual } from 'node:util';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { VolumeTypeRow } from '../store/tables.ts';
import { extraSpecsOf, listTypes } from '../store/types.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { allowedFilters, pairsIn } from './list-filters.ts';
import { orderOf } from './list-query.ts';
import { first, isAdmin, numberOf, pageSize, scopeOf } from './request.ts';
import type { Request } from './request.ts';

/**
 * Before this microversion types are filtered only by whether they are public.
 * rest_api_version_history, 3.52
 */
const filtersSince = 52;
const notFilters = new Set([
  'limit',
  'offset',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'all_tenants',
  'is_public',
]);
const sortKeys = {
  id: 'id',
  name: 'name',
  created_at: 'created_at_ms',
  description: 'description',
  is_public: 'is_public',
} as const;

export async function requestedTypes(
  deps: HandlerDeps,
  request: Request,
): Promise<Outcome<VolumeTypeRow[]>> {
  const [limit, offset, order] = [
    pageSize(request, deps.config.maxListLimit),
    numberOf(request, 'offset'),
    orderOf(request, sortKeys),
  ];
  if (isFault(limit)) return limit;
  if (isFault(offset)) return offset;
  if (isFault(order)) return order;
  const filters = allowedFilters(
    request,
    { members: ['extra_specs'], filtersSince },
    Object.keys(request.query).filter((name) => !notFilters.has(name)),
  );
  if (isFault(filters)) return filters;
  // Members get the public types; admins may ask for private types or all.
  const isPublicText = first(request, 'is_public');
  const wanted =
    isPublicText === undefined || !isAdmin(request)
      ? true
      : /^none$/i.test(isPublicText)
        ? null
        : booleanOf(isPublicText);
  if (wanted === undefined)
    return fault('badRequest', `Invalid is_public filter [${isPublicText}]`);
  const visible = await listTypes(
    deps.database.db,
    scopeOf(request),
    isAdmin(request) ? wanted : null,
  );
  const matchingTypes = visible.filter((type) =>
    filters.every((name) => matches(type, name, request.query[name] ?? [])),
  );
  matchingTypes.sort((a, b) => compared(a, b, order));
  const marker = first(request, 'marker');
  const from = marker === undefined ? 0 : matchingTypes.findIndex(({ id }) => id === marker) + 1;
  if (marker !== undefined && from === 0)
    return fault('notFound', `Volume type ${marker} could not be found.`);
  return matchingTypes.slice(from + (offset ?? 0), from + (offset ?? 0) + limit);
}

/**
 * Whether the type passes a filter. extra_specs: it must have all the given ones. Other names: a
 * text column; an unknown name matches nothing.
 */
function matches(type: VolumeTypeRow, name: string, values: readonly string[]): boolean {
  if (name === 'extra_specs') {
    const wanted = pairsIn(values[0] ?? '');
    const specs = extraSpecsOf(type);
    return (
      wanted !== undefined &&
      Object.entries(wanted).every(
        ([key, value]) => Object.hasOwn(specs, key) && isDeepStrictEqual(specs[key], value),
      )
    );
  }
  return (
    (name === 'id' || name === 'name' || name === 'description') &&
    values.includes(type[name] ?? '')
  );
}

/**
 * Compares two types by the columns of `order`: texts by code units, as the database does; null
 * sorts first.
 */
function compared(
  a: VolumeTypeRow,
  b: VolumeTypeRow,
  order: readonly { column: string; direction: 'asc' | 'desc' }[],
): number {
  for (const { column, direction } of order) {
    const [left, right] = [
      a[column as keyof VolumeTypeRow] ?? '',
      b[column as keyof VolumeTypeRow] ?? '',
    ]; // names come from sortKeys
    if (left !== right) return (left < right ? -1 : 1) * (direction === 'asc' ? 1 : -1);
  }
  return 0;
}
