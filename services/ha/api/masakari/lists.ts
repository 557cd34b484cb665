// Filters, sorts and pages masakari's lists in memory, since they are short.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest } from '#openstack/http/route.ts';

type Query = Pick<ApiRequest<unknown>, 'query'>;

export const first = ({ query }: Query, name: string): string | undefined => query[name]?.[0];

/** A boolean filter; undefined: not given. badRequest: not a boolean. */
export function flagOf(request: Query, name: string): Outcome<boolean | undefined> {
  const text = first(request, name);
  if (text === undefined) return undefined;
  return booleanOf(text) ?? fault('badRequest', `Invalid value for ${name}: ${text}`);
}

const mostItems = 1_000;

interface Listed {
  uuid: string;
  number: number;
  created_at_ms: number;
  updated_at_ms: number | null;
}

/** Sort keys that every list accepts. */
export const sortKeys = {
  created_at: ({ created_at_ms: at }: Listed) => at,
  updated_at: ({ updated_at_ms: at }: Listed) => at,
  uuid: ({ uuid }: Listed) => uuid,
};

/**
 * The requested page: `limit`, `marker` (a uuid), `sort_key` (one of `keys`) and `sort_dir`; newest
 * first by default. badRequest: an invalid parameter.
 */
export function pageOf<Row extends Listed>(
  request: Query,
  rows: readonly Row[],
  keys: Readonly<Record<string, (row: Row) => string | number | null>>,
): Outcome<Row[]> {
  const key = first(request, 'sort_key') ?? 'created_at';
  const direction = first(request, 'sort_dir') ?? 'desc';
  const valueOf = Object.hasOwn(keys, key) ? keys[key] : undefined;
  if (!valueOf) return fault('badRequest', `Sort key supplied is invalid: ${key}`);
  if (direction !== 'asc' && direction !== 'desc')
    return fault('badRequest', `Unknown sort direction, must be 'asc' or 'desc'`);
  const limit = limitOf(first(request, 'limit'));
  if (typeof limit !== 'number') return limit;
  const factor = direction === 'asc' ? 1 : -1;
  const sorted = [...rows].sort(
    (one, other) =>
      factor * (compare(valueOf(one), valueOf(other)) || compare(one.number, other.number)),
  );
  const marker = first(request, 'marker');
  const at = marker === undefined ? -1 : sorted.findIndex(({ uuid }) => uuid === marker);
  if (marker !== undefined && at < 0)
    return fault('badRequest', `Marker ${marker} could not be found.`);
  return sorted.slice(at + 1, at + 1 + limit);
}

function limitOf(text: string | undefined): Outcome<number> {
  if (text === undefined) return mostItems;
  return /^[0-9]{1,9}$/.test(text)
    ? Math.min(Number(text), mostItems)
    : fault('badRequest', `limit param must be an integer from 0 on, not ${text}`);
}

function compare(one: string | number | null, other: string | number | null): number {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? -1 : 1;
  return one < other ? -1 : 1;
}
