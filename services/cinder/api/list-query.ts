// The query of a list: which rows, in which order, which page; and the links to what follows. One table a kind of object.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { CinderParts } from '../parts.ts';
import type { Listing, ListedTable, Metadata } from '../store/rows.ts';
import { countRows, listRows } from '../store/rows.ts';
import type { CinderTables } from '../store/tables.ts';
import { timeFrom } from './times.ts';
import { booleanOf, first, isAdmin, numberOf, pageSize } from './request.ts';
import type { Request } from './request.ts';

export interface ListRules<N extends ListedTable> {
  table: N;
  /** In links, e.g. 'volumes'. */
  collection: string;
  /** Query parameters that select by a column's text; several values: any of them. */
  text: Readonly<Record<string, keyof CinderTables[N] & string>>;
  booleans?: Readonly<Record<string, keyof CinderTables[N] & string>>;
  numbers?: Readonly<Record<string, keyof CinderTables[N] & string>>;
  /** Selects by entries of a JSON column. */
  entries?: Readonly<Record<string, keyof CinderTables[N] & string>>;
  /** Names one may sort by. */
  sort: Readonly<Record<string, keyof CinderTables[N] & string>>;
}

export interface Page<Row> {
  rows: Row[];
  /** `<collection>_links`; undefined where this page was the last. */
  links: Json[] | undefined;
  /** All that match, where the caller asked for it. */
  count: number | undefined;
}

const likeSince = 31;
const countSince = 45;
const timesSince = 60;

export async function readPage<N extends ListedTable>(parts: CinderParts, request: Request, rules: ListRules<N>): Promise<Outcome<Page<CinderTables[N]>>> {
  const { database: { db } } = parts;
  const chosen = selection(request, rules);
  if (isFault(chosen)) return chosen;
  const order = orderOf(request, rules);
  if (isFault(order)) return order;
  const [limit, offset] = [pageSize(request, parts.config.maxListLimit), numberOf(request, 'offset')];
  if (isFault(limit)) return limit;
  if (isFault(offset)) return offset;
  const markerId = first(request, 'marker');
  const [marker] = markerId === undefined ? [] : await listRows(db, rules.table, { scope: chosen.scope, equal: { id: [markerId] }, order: [], offset: 0, limit: 1 });
  if (markerId !== undefined && !marker) return fault('notFound', `marker [${markerId}] not found`);
  const rows = limit === 0 ? [] : await listRows(db, rules.table, { ...chosen, order, marker: marker as Record<string, unknown> | undefined, offset: offset ?? 0, limit });
  const wantsCount = request.version >= countSince && booleanOf(first(request, 'with_count')) === true;
  const last = rows.at(-1) as { id: string } | undefined; // every listed table has ids
  return {
    rows, count: wantsCount ? await countRows(db, rules.table, chosen) : undefined,
    // As in Cinder: a full page has a link, even when nothing follows.
    links: last && rows.length === limit ? nextLinks(request, last.id) : undefined,
  };
}

function nextLinks(request: Request, marker: string): Json[] {
  const query = new URLSearchParams(request.queryString);
  query.delete('offset');
  query.set('marker', marker);
  return [{ rel: 'next', href: `${request.baseUrl}${request.path}?${query.toString()}` }];
}

/** The column of a name the caller sent; not what every object inherits. */
const named = (table: Readonly<Record<string, string>> | undefined, name: string): string | undefined => (table && Object.hasOwn(table, name) ? table[name] : undefined);

type Selection = Pick<Listing, 'scope' | 'equal' | 'contains' | 'entries' | 'between'>;

function selection<N extends ListedTable>(request: Request, rules: ListRules<N>): Outcome<Selection> {
  const everybody = isAdmin(request) && booleanOf(first(request, 'all_tenants')) === true;
  const equal: Record<string, (string | number | null)[]> = {};
  const contains: Record<string, string> = {};
  const entries: Record<string, Metadata> = {};
  const between: { column: string; fromMs?: number; toMs?: number }[] = [];
  for (const [name, values] of Object.entries(request.query)) {
    const plain = name.endsWith('~') ? name.slice(0, -1) : name;
    const column = named(rules.text, plain);
    const [flag, number, entry] = [named(rules.booleans, name), named(rules.numbers, name), named(rules.entries, name)];
    if (column !== undefined) {
      if (name !== plain && request.version >= likeSince) contains[column] = values[0] ?? '';
      else if (name === plain) equal[column] = [...values];
    } else if (flag !== undefined) {
      const wanted = booleanOf(values[0]);
      if (wanted === undefined) return fault('badRequest', `Invalid value '${values[0]}' for ${name}: true or false is allowed.`);
      equal[flag] = [wanted ? 1 : 0];
    } else if (number !== undefined) {
      equal[number] = values.map((value) => (/^\d{1,9}$/.test(value) ? Number(value) : -1));
    } else if (entry !== undefined) {
      const pairs = pairsIn(values[0] ?? '');
      if (!pairs) return fault('badRequest', `Invalid value for the filter ${name}: {'key': 'value'} is allowed.`);
      entries[entry] = pairs;
    } else if ((name === 'created_at' || name === 'updated_at') && request.version >= timesSince && named(rules.sort, name) !== undefined) {
      const limits = timesIn(`${name}_ms`, values[0] ?? '');
      if (isFault(limits)) return limits;
      between.push(...limits);
    }
  }
  return { scope: everybody ? null : (request.auth.projectId ?? ''), equal, contains, entries, between };
}

const maxPairsLength = 2_000;
const maxMoments = 10;

/** `{'key': 'value'}` as Python writes it, or JSON. */
function pairsIn(text: string): Metadata | undefined {
  if (text.length > maxPairsLength) return undefined;
  for (const candidate of [text, text.replace(/(?<!\w)u?'((?:[^'\\]|\\.)*)'/g, (_, inner: string) => JSON.stringify(inner))]) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === 'string')) return value as Metadata;
    } catch {
      // the other spelling
    }
  }
  return undefined;
}

/** `gt:2026-01-01,lte:2026-02-01`; a bare time: exactly then. */
function timesIn(column: string, text: string): Outcome<{ column: string; fromMs?: number; toMs?: number }[]> {
  const limits: { column: string; fromMs?: number; toMs?: number }[] = [];
  for (const part of text.split(',', maxMoments)) {
    const [, word, moment] = /^(?:(gt|gte|eq|lt|lte):)?(.+)$/.exec(part.trim()) ?? [];
    const ms = timeFrom(moment ?? '');
    if (ms === undefined) return fault('badRequest', `Invalid value '${part}' for ${column.slice(0, -3)}: operator:time is allowed, with gt, gte, eq, lt or lte.`);
    if (word === 'gt' || word === 'gte') limits.push({ column, fromMs: word === 'gt' ? ms + 1 : ms });
    else if (word === 'lt' || word === 'lte') limits.push({ column, toMs: word === 'lt' ? ms - 1 : ms });
    else limits.push({ column, fromMs: ms, toMs: ms });
  }
  return limits;
}

/** `sort=key:dir,key`, or sort_key and sort_dir; newest first unless told. */
function orderOf<N extends ListedTable>(request: Request, rules: ListRules<N>): Outcome<Listing['order']> {
  const sort = first(request, 'sort');
  const [keys, directions] = [request.query['sort_key'] ?? [], request.query['sort_dir'] ?? []];
  if (sort !== undefined && (keys.length > 0 || directions.length > 0)) return fault('badRequest', "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.");
  const asked = sort !== undefined
    ? sort.split(',').map((part) => part.trim().split(':'))
    : (keys.length > 0 ? keys : ['created_at']).map((key, index) => [key, directions[index] ?? directions[0]]);
  const order: { column: string; direction: 'asc' | 'desc' }[] = [];
  for (const [key = '', direction = 'desc'] of asked) {
    const column = named(rules.sort, key);
    if (column === undefined) return fault('badRequest', `Invalid sort key ${key}: ${Object.keys(rules.sort).join(', ')} are allowed.`);
    if (direction !== 'asc' && direction !== 'desc') return fault('badRequest', `Unknown sort direction ${direction}, must be 'asc' or 'desc'.`);
    if (!order.some((known) => known.column === column)) order.push({ column, direction });
  }
  // The id makes the order whole, so that a marker has one place in it.
  if (!order.some(({ column }) => column === 'id')) order.push({ column: 'id', direction: order[0]?.direction ?? 'desc' });
  return order;
}
