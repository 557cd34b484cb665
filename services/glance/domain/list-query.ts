// Parses the query of an image list. Pure. https://docs.openstack.org/api-ref/image/v2/#list-images
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Query } from '#platform/http/messages.ts';
import type { GlanceConfig } from '../deps.ts';
import type { MemberStatus, Visibility } from './image.ts';
import { memberStatuses, uuidPattern, visibilities } from './image.ts';

export const sortKeys = [
  'name',
  'status',
  'container_format',
  'disk_format',
  'size',
  'id',
  'created_at',
  'updated_at',
  'min_disk',
  'min_ram',
  'owner',
  'visibility',
  'protected',
] as const;
export type SortKey = (typeof sortKeys)[number];
export interface Sort {
  key: SortKey;
  direction: 'asc' | 'desc';
}

export type Comparison = 'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq';
const operatorColumns = ['id', 'name', 'status', 'container_format', 'disk_format'] as const;
const plainColumns = ['owner', 'checksum', 'os_hash_value'] as const;
export type TextColumn = (typeof operatorColumns | typeof plainColumns)[number];
const numberColumns = ['size', 'virtual_size', 'min_disk', 'min_ram'] as const;
export type NumberColumn = (typeof numberColumns)[number];
const hashAlgorithm = 'sha512';

export interface ListRequest {
  /** Each column must have one of the values. */
  texts: { column: TextColumn; values: string[] }[];
  /** In the column's unit: bytes, GiB or MiB. */
  numbers: { column: NumberColumn; comparison: 'gte' | 'lte' | 'eq'; value: number }[];
  times: { column: 'created_at_ms' | 'updated_at_ms'; comparison: Comparison; ms: number }[];
  properties: { name: string; value: string }[];
  /** The image must have all these tags. */
  tags: readonly string[];
  visibility: Visibility | 'all' | null;
  /** Of the images shared with the caller's project: those with this status of membership. */
  memberStatus: MemberStatus | 'all';
  isHidden: boolean;
  /** null: protected and unprotected images. */
  isProtected: boolean | null;
  /**
   * Whether the image must have a hash ('present'), because the filter named our algorithm; 'none':
   * it named another algorithm, so that no image matches.
   */
  hash: 'any' | 'present' | 'none';
  sorts: Sort[];
  limit: number;
  marker: string | null;
}

const bad = (message: string) => fault('badRequest', message);
/** As many tags as an image can have: image_tag_quota. */
const maxFilterTags = 128;
/**
 * As many properties as an image can have: image_property_quota. A thousand would exceed SQLite's
 * limit of expression depth.
 */
const maxFilterProperties = 128;
/** Besides properties, about twenty fields have filters. */
const maxFilters = maxFilterProperties + 32;
const paging = new Set(['limit', 'marker', 'sort', 'sort_key', 'sort_dir']);

export function readListQuery(
  query: Query,
  config: Pick<GlanceConfig, 'defaultListLimit' | 'maxListLimit'>,
): Outcome<ListRequest> {
  const sorts = readSorts(query);
  if (isFault(sorts)) return sorts;
  const limit = query['limit']?.[0];
  if (limit !== undefined && !/^\d+$/.test(limit))
    return bad('limit param must be an integer from 0.');
  const request: ListRequest = {
    texts: [],
    numbers: [],
    times: [],
    properties: [],
    tags: [...new Set(query['tag'])],
    visibility: null,
    memberStatus: 'accepted',
    isHidden: false,
    isProtected: null,
    hash: 'any',
    sorts,
    limit: Math.min(
      limit === undefined ? config.defaultListLimit : Number(limit),
      config.maxListLimit,
    ),
    marker: query['marker']?.[0] ?? null,
  };
  if (request.tags.length > maxFilterTags)
    return bad(`The filter tag has more than ${maxFilterTags} values.`);
  if (request.marker !== null && !uuidPattern.test(request.marker))
    return bad(`Invalid marker: ${request.marker} is no image id.`);
  const filters = Object.entries(query);
  if (filters.length > maxFilters)
    return bad(`A list has at most ${maxFilterProperties} filters by property.`);
  for (const [name, values] of filters) {
    const value = values.at(-1) ?? '';
    const wrong = paging.has(name) || name === 'tag' ? undefined : readFilter(request, name, value);
    if (wrong) return wrong;
  }
  return request;
}

/** Adds one filter to the request. badRequest: an invalid value. */
function readFilter(
  request: ListRequest,
  name: string,
  value: string,
): ReturnType<typeof fault> | undefined {
  if ((operatorColumns as readonly string[]).includes(name)) {
    const values = readAny(value);
    if (isFault(values)) return values;
    request.texts.push({ column: name as TextColumn, values }); // one of operatorColumns
    return undefined;
  }
  if ((plainColumns as readonly string[]).includes(name)) {
    request.texts.push({ column: name as TextColumn, values: [value] }); // one of plainColumns
    return undefined;
  }
  const [, column = '', bound] = /^(.+?)(?:_(min|max))?$/.exec(name) ?? [];
  if ((numberColumns as readonly string[]).includes(column)) {
    if (!/^-?\d{1,15}$/.test(value))
      return bad(`Unable to filter on '${name}': ${value} is no whole number.`);
    request.numbers.push({
      column: column as NumberColumn,
      comparison: bound === 'min' ? 'gte' : bound === 'max' ? 'lte' : 'eq',
      value: Number(value),
    }); // one of numberColumns
    return undefined;
  }
  switch (name) {
    case 'visibility':
      if (value !== 'all' && !(visibilities as readonly string[]).includes(value))
        return bad(
          `Invalid visibility value: ${value}. It must be one of ${visibilities.join(', ')} or all.`,
        );
      request.visibility = value as Visibility | 'all'; // checked above
      return undefined;
    case 'member_status':
      if (value !== 'all' && !(memberStatuses as readonly string[]).includes(value))
        return bad(
          `Invalid status: ${value}. It must be one of ${memberStatuses.join(', ')} or all.`,
        );
      request.memberStatus = value as MemberStatus | 'all'; // checked above
      return undefined;
    case 'os_hidden':
    case 'protected': {
      // `protected` must be in lower case: api-ref, "List images".
      const word = name === 'os_hidden' ? value.toLowerCase() : value;
      if (word !== 'true' && word !== 'false')
        return bad(
          `Invalid value '${value}' for '${name}' filter. Valid values are 'true' or 'false'.`,
        );
      if (name === 'os_hidden') request.isHidden = word === 'true';
      else request.isProtected = word === 'true';
      return undefined;
    }
    case 'os_hash_algo':
      request.hash = value === hashAlgorithm ? 'present' : 'none';
      return undefined;
    case 'changes-since':
      return bad('The "changes-since" filter is no longer available on v2.');
    case 'deleted': // Glance itself sets it: a deleted image is in no list.
      return undefined;
    case 'created_at':
    case 'updated_at': {
      const match = /^(?:(gt|gte|lt|lte|eq|neq):)?(.+)$/.exec(value);
      const ms = Date.parse(
        /(Z|[+-]\d\d:?\d\d)$/i.test(match?.[2] ?? '') ? (match?.[2] ?? '') : `${match?.[2] ?? ''}Z`,
      );
      if (!match || Number.isNaN(ms))
        return bad(
          `Invalid ${name} '${value}': it must be an operator (gt, gte, lt, lte, eq, neq) and an ISO 8601 time.`,
        );
      request.times.push({
        column: `${name}_ms`,
        comparison: (match[1] ?? 'eq') as Comparison,
        ms,
      }); // an operator of the pattern
      return undefined;
    }
    default:
      request.properties.push({ name, value });
      return undefined;
  }
}

/**
 * Values of a filter: `in:a,"b,c"` is any of them; `eq:a`, or a text without a colon, a single one.
 * badRequest: another operator. api-ref, "List images"
 */
function readAny(text: string): Outcome<string[]> {
  const colonAt = text.indexOf(':');
  if (colonAt < 0) return [text];
  const operator = text.slice(0, colonAt);
  if (operator === 'eq') return [text.slice(colonAt + 1)];
  // A time also contains a colon, but no operator.
  if (operator !== 'in')
    return /^\d{4}-\d\d-\d\dT\d\d$/.test(operator)
      ? [text]
      : bad(`Unable to filter by unknown operator '${operator}'.`);
  const words = text.slice(3).match(/"(?:[^"\\]|\\.)*"|[^,"]+/g) ?? [];
  if (words.join(',') !== text.slice(3))
    return bad(`Invalid filter value ${text}: a value with a comma or a quote must be quoted.`);
  return words.map((word) =>
    word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, '$1') : word,
  );
}

function readSorts(query: Query): Outcome<Sort[]> {
  const { sort, sort_key, sort_dir } = query;
  if (sort && (sort_key || sort_dir)) return bad('Old and new sorting syntax cannot be combined.');
  const wanted = sort
    ? sort.flatMap((text) => text.split(',')).map((text) => text.trim().split(':'))
    : (sort_key ?? ['created_at']).map((key, at) => [
        key,
        sort_dir?.[at] ?? sort_dir?.[0] ?? 'desc',
      ]);
  if (sort_dir && sort_dir.length > 1 && sort_dir.length !== (sort_key ?? []).length)
    return bad('Number of sort dirs does not match the number of sort keys.');
  const sorts: Sort[] = [];
  for (const [key = '', direction = 'desc'] of wanted) {
    if (!(sortKeys as readonly string[]).includes(key))
      return bad(
        `Invalid sort key: ${key}. It must be one of the following: ${sortKeys.join(', ')}.`,
      );
    if (direction !== 'asc' && direction !== 'desc')
      return bad(`Invalid sort direction: ${direction}. It must be asc or desc.`);
    if (!sorts.some((earlier) => earlier.key === key))
      // one of sortKeys; a key named twice counts once
      sorts.push({ key: key as SortKey, direction });
  }
  // Makes the order total, so that a marker has a definite place.
  for (const key of ['created_at', 'id'] as const)
    if (!sorts.some((earlier) => earlier.key === key))
      sorts.push({ key, direction: sorts[0]?.direction ?? 'desc' });
  return sorts;
}
