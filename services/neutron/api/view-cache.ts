// Caches each object's view as JSON text by id and revision: a list is then one small query whose
// texts are joined. Attributes that a caller may not see are removed before the text is made, so
// each text belongs to one set of hidden attributes.
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { ListedRow, ListedTable } from '../store/list.ts';
import type { RowOf } from '../store/objects.ts';
import type { AnswerCache } from './answer-cache.ts';
import { createAnswerCache } from './answer-cache.ts';
import type { NeutronParts } from './parts.ts';
import type { Resource } from './resource.ts';

const maxKept = 20_000;
/** Ids in one query, since databases limit the parameters of a statement. */
const maxAtOnce = 1000;

export interface Views<T extends ListedTable> {
  /** Names the set of attributes hidden from the caller; cached texts are kept per variant. */
  variant(request: ApiRequest): string;
  /** The cache of complete list answers of this kind. */
  readonly answers: AnswerCache;
  /**
   * The JSON texts in the order of `listed`; rows that are not cached are read in one go by
   * `rowsOf`. An object deleted in the meantime is left out.
   */
  texts(
    request: ApiRequest,
    listed: readonly ListedRow[],
    rowsOf: (ids: readonly string[]) => Promise<readonly RowOf<T>[]>,
  ): Promise<string[]>;
  /** `{"network": {…}}`, reduced to `fields`. */
  one(request: ApiRequest, row: RowOf<T>, fields?: readonly string[]): Promise<JsonText>;
}

export function createViews<T extends ListedTable>(
  parts: NeutronParts,
  resource: Resource<T, any>,
): Views<T> {
  const { db } = parts.database;
  const guarded = Object.entries(resource.attributes)
    .filter(([, { hidden }]) => hidden)
    .map(([name]) => name);
  const cache = new Map<string, { revision: number; text: string }>();

  function keep(key: string, revision: number, text: string): void {
    cache.delete(key);
    cache.set(key, { revision, text });
    const [oldest] = cache.size > maxKept ? cache.keys() : [];
    if (oldest !== undefined) cache.delete(oldest);
  }

  const hiddenFrom = (request: ApiRequest): string[] =>
    guarded.filter((name) => !request.allows(`get_${resource.singular}:${name}`));
  const variantOf = (hidden: readonly string[]): string =>
    hidden.length === 0 ? '' : hidden.length === guarded.length ? '-' : hidden.join();

  async function texts(
    request: ApiRequest,
    listed: readonly ListedRow[],
    rowsOf: (ids: readonly string[]) => Promise<readonly RowOf<T>[]>,
  ): Promise<string[]> {
    const hidden = hiddenFrom(request);
    const variant = variantOf(hidden);
    const textById = new Map<string, string>();
    for (const { id, revision_number: revision } of listed) {
      const cached = cache.get(variant + id);
      if (cached?.revision === revision) textById.set(id, cached.text);
    }
    const missing = listed.filter(({ id }) => !textById.has(id)).map(({ id }) => id);
    for (let from = 0; from < missing.length; from += maxAtOnce) {
      const rows = await rowsOf(missing.slice(from, from + maxAtOnce));
      for (const [index, view] of (await resource.views(db, rows, parts)).entries()) {
        const row = rows[index];
        if (!row) continue;
        for (const name of hidden) delete view[name];
        const text = JSON.stringify(view);
        textById.set(row.id, text);
        keep(variant + row.id, row.revision_number, text);
      }
    }
    return listed.flatMap(({ id }) => textById.get(id) ?? []);
  }

  return {
    answers: createAnswerCache(),
    variant: (request) => variantOf(hiddenFrom(request)),
    texts,
    one: async (request, row, fields) => {
      const [text = '{}'] = await texts(request, [row], async () => [row]);
      return new JsonText(`{"${resource.singular}":${fields ? cutTo(text, fields) : text}}`);
    },
  };
}

/** Reduces a view to exactly the attributes in `fields`; `id` is not added to them. */
export function cutTo(text: string, fields: readonly string[]): string {
  const view = JSON.parse(text) as JsonObject; // made by JSON.stringify above
  return JSON.stringify(
    Object.fromEntries(
      fields.filter((name) => Object.hasOwn(view, name)).map((name) => [name, view[name]]),
    ),
  );
}
