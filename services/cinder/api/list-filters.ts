// The filters of a list: which rows a caller finds. Administrators may filter by any column; others
// by the names in upstream's default configuration (cinder, etc/cinder/resource_filters.json).
// https://docs.openstack.org/cinder/latest/admin/generalized-filters.html
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { ListedTable, Listing, Metadata, TimeRange } from '../store/rows.ts';
import type { CinderTables } from '../store/tables.ts';
import { first, isAdmin } from './request.ts';
import type { Request } from './request.ts';
import { timesIn } from './time-filters.ts';

type Columns<N extends ListedTable> = Readonly<Record<string, keyof CinderTables[N] & string>>;

/** Which filters which callers may use, by microversion. */
export interface MemberRules {
  text?: Readonly<Record<string, string>>;
  times?: Readonly<Record<string, string>>;
  /** The filters that callers who are not administrators may use; undefined: all. */
  members?: readonly string[];
  /** Those of `members` that were ignored before 3.31. */
  lateForMembers?: readonly string[];
  /** Before this microversion all filters are ignored. */
  filtersSince?: number;
}

export interface ListRules<N extends ListedTable> extends MemberRules {
  /** The table; its name is also the key of the list in the response body. */
  table: N;
  /** Query parameters that match a text column; of several values any may match. */
  text: Columns<N>;
  booleans?: Columns<N>;
  numbers?: Columns<N>;
  /** Query parameters that match entries of a JSON column. */
  entries?: Columns<N>;
  /** Query parameters that compare a time column. */
  times?: Columns<N>;
  /**
   * Filters whose value spans several columns: returns the columns and their values, or undefined
   * if nothing can match.
   */
  special?: Readonly<
    Record<string, (value: string) => Readonly<Record<string, string>> | undefined>
  >;
  /** The query parameter that matches the availability zone of the volume named by `volume_id`. */
  volumeZone?: string;
  /** Whether the query parameter `with_count` is supported. */
  counted?: boolean;
  /** Whether the query parameter `consumes_quota` is supported. */
  consumesQuota?: boolean;
  /** Whether an `all_tenants` that is no boolean is refused. */
  strictAllTenants?: boolean;
  /** The sort keys, with their columns. */
  sort: Columns<N>;
}

// Minor microversions from which on unknown filters are refused, `name~` matches a part of the
// name, `with_count` and `consumes_quota` are supported: Cinder's rest_api_version_history.
const refusedSince = 31;
const likeSince = 34;
const countSince = 45;
const consumesQuotaSince = 65;

/** The column for a name that the caller sent; inherited names such as `constructor` are none. */
export const columnNamed = (
  table: Readonly<Record<string, string>> | undefined,
  name: string,
): string | undefined => (table && Object.hasOwn(table, name) ? table[name] : undefined);

type Selection = Pick<
  Listing,
  'scope' | 'equal' | 'contains' | 'entries' | 'between' | 'volumeZones'
> & { counted: boolean };
interface Draft {
  equal: Record<string, (string | number)[]>;
  contains: Record<string, string>;
  entries: Record<string, Metadata>;
  between: TimeRange[];
  volumeZones?: readonly string[];
}

const paging = ['limit', 'offset', 'marker', 'sort', 'sort_key', 'sort_dir', 'all_tenants'];

export function filtersOf<N extends ListedTable>(
  request: Request,
  rules: ListRules<N>,
): Outcome<Selection> {
  const [everybodyText, countText] = [
    first(request, 'all_tenants') ?? 'false',
    rules.counted && request.version >= countSince ? first(request, 'with_count') : undefined,
  ];
  const [everybody, counted] = [booleanOf(everybodyText), booleanOf(countText ?? false)];
  if (everybody === undefined && rules.strictAllTenants)
    return fault('badRequest', `Value '${everybodyText}' for 'all_tenants' is not a boolean.`);
  if (counted === undefined)
    return fault('badRequest', `Value '${countText}' for 'with_count' is not a boolean.`);
  const filterNames = allowedFilters(
    request,
    rules,
    Object.keys(request.query).filter(
      (name) => !paging.includes(name) && !(name === 'with_count' && countText !== undefined),
    ),
  );
  if (isFault(filterNames)) return filterNames;
  const draft: Draft = { equal: {}, contains: {}, entries: {}, between: [] };
  for (const name of filterNames) {
    const refusal = addFilter(request, rules, draft, name, request.query[name] ?? []);
    if (isFault(refusal)) return refusal;
  }
  const scope = isAdmin(request) && everybody === true ? null : (request.auth.projectId ?? '');
  // Without all_tenants the caller's own project replaces a `project_id` filter.
  // cinder.db.sqlalchemy.api, volume_get_all_by_project
  if (scope !== null) delete draft.equal['project_id'];
  return { scope, ...draft, counted };
}

const withoutTilde = (name: string): string => (name.endsWith('~') ? name.slice(0, -1) : name);

/**
 * The filters to apply. Since 3.31 a filter that a member may not use is refused, before that it is
 * ignored. cinder.api.common, reject_invalid_filters
 */
export function allowedFilters(
  request: Request,
  rules: MemberRules,
  filterNames: readonly string[],
): Outcome<readonly string[]> {
  const { version } = request;
  if (version < (rules.filtersSince ?? 0)) return [];
  if (filterNames.some((name) => /[^\0-\x7f]/.test(name)))
    return fault('badRequest', 'Filter keys can only contain ASCII characters.');
  const { members } = rules;
  if (isAdmin(request) || !members)
    return version < refusedSince
      ? filterNames.filter((name) => columnNamed(rules.times, name) === undefined)
      : filterNames;
  if (version < refusedSince)
    return filterNames.filter(
      (name) => members.includes(name) && !rules.lateForMembers?.includes(name),
    );
  // Treats the configuration as if it allowed 'name~' for each text filter 'name' it allows.
  const wrong = filterNames.filter(
    (name) =>
      !members.includes(
        version >= likeSince && columnNamed(rules.text, withoutTilde(name)) !== undefined
          ? withoutTilde(name)
          : name,
      ),
  );
  return wrong.length === 0
    ? filterNames
    : fault('badRequest', `Invalid filters ${wrong.join(',')} are found in query options.`);
}

/**
 * Adds one filter to the draft. A filter that matches no column makes the list empty.
 * cinder.db.sqlalchemy.api, is_valid_model_filters
 */
function addFilter<N extends ListedTable>(
  request: Request,
  rules: ListRules<N>,
  draft: Draft,
  name: string,
  values: readonly string[],
): Outcome<undefined> {
  const [value = ''] = values;
  const like =
    request.version >= likeSince && name.endsWith('~')
      ? columnNamed(rules.text, withoutTilde(name))
      : undefined;
  const [text, flag, number] = [
    columnNamed(rules.text, name),
    columnNamed(rules.booleans, name),
    columnNamed(rules.numbers, name),
  ];
  const [entry, time] = [columnNamed(rules.entries, name), columnNamed(rules.times, name)];
  if (like !== undefined) draft.contains[like] = value;
  else if (text !== undefined) restrict(draft, text, values);
  else if (number !== undefined)
    restrict(
      draft,
      number,
      values.map((item) => (/^\d{1,9}$/.test(item) ? Number(item) : -1)),
    );
  else if (flag !== undefined) {
    const wanted = booleanOf(value);
    if (wanted === undefined)
      return fault('badRequest', `Invalid value '${value}' for ${name}: true or false is allowed.`);
    restrict(draft, flag, [wanted ? 1 : 0]);
  } else if (entry !== undefined) {
    const pairs = pairsIn(value);
    if (!pairs)
      return fault(
        'badRequest',
        `Invalid value for the filter ${name}: {'key': 'value'} is allowed.`,
      );
    draft.entries[entry] = pairs;
  } else if (time !== undefined) {
    const ranges = timesIn(name, time, value);
    if (isFault(ranges)) return ranges;
    draft.between.push(...ranges);
  } else if (name === rules.volumeZone) draft.volumeZones = values;
  else if (
    name === 'consumes_quota' &&
    rules.consumesQuota &&
    request.version >= consumesQuotaSince
  ) {
    const wanted = booleanOf(value);
    if (wanted === undefined)
      return fault('badRequest', `Value '${value}' for 'consumes_quota' is not a boolean.`);
    if (!wanted) findNothing(draft); // every volume here consumes quota
  } else {
    const columns =
      rules.special && Object.hasOwn(rules.special, name)
        ? rules.special[name]?.(value)
        : undefined;
    if (!columns) findNothing(draft);
    for (const [column, wanted] of Object.entries(columns ?? {})) restrict(draft, column, [wanted]);
  }
  return undefined;
}

const findNothing = (draft: Draft): void => {
  draft.equal['id'] = [];
};

/** Restricts a column to these values; an earlier filter on the same column must hold as well. */
function restrict(draft: Draft, column: string, values: readonly (string | number)[]): void {
  const earlier = draft.equal[column];
  draft.equal[column] = earlier ? values.filter((value) => earlier.includes(value)) : [...values];
}

const maxPairsLength = 2_000;

/** Parses `{'key': 'value'}` in Python's spelling, or JSON. undefined: neither, or too long. */
export function pairsIn(text: string): Metadata | undefined {
  if (text.length > maxPairsLength) return undefined;
  for (const candidate of [
    text,
    text.replace(/(?<!\w)u?'((?:[^'\\]|\\.)*)'/g, (_, inner: string) => JSON.stringify(inner)),
  ]) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.values(value).every((item) => typeof item === 'string')
      )
        return value as Metadata;
    } catch {
      // try the other spelling
    }
  }
  return undefined;
}
