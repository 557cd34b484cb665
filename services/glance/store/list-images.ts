// The image list: the images that a caller may see, filtered, sorted and paged.
import { sql, type Expression, type ExpressionBuilder, type SqlBool } from 'kysely';
import type { Comparison, ListRequest, SortKey } from '../domain/list-query.ts';
import type { StoredImage } from './images.ts';
import { withBelongings } from './images.ts';
import type { GlanceDb, GlanceTables } from './tables.ts';

export interface Viewer {
  projectId: string | null;
  seesAll: boolean;
}

type Eb = ExpressionBuilder<GlanceTables, 'images'>;
type Condition = Expression<SqlBool>;

/** One page of the images. 'noMarker': the marker is no image that this viewer may see. */
export async function listImages(
  db: GlanceDb,
  viewer: Viewer,
  request: ListRequest,
): Promise<StoredImage[] | 'noMarker'> {
  const marker =
    request.marker === null
      ? undefined
      : await db
          .selectFrom('images')
          .selectAll()
          .where('id', '=', request.marker)
          .where('status', '!=', 'deleted')
          .where((eb) => inScope(eb, viewer, { visibility: 'all', memberStatus: 'all' }))
          .executeTakeFirst();
  if (request.marker !== null && !marker) return 'noMarker';
  if (request.limit === 0) return [];
  let query = db
    .selectFrom('images')
    .selectAll('images')
    .where('status', '!=', 'deleted')
    .where((eb) => eb.and([inScope(eb, viewer, request), ...matches(eb, request)]));
  if (marker) query = query.where((eb) => after(eb, request, (key) => sortValue(marker, key)));
  for (const { key, direction } of request.sorts) query = query.orderBy(sortColumn(key), direction);
  return await withBelongings(db, await query.limit(request.limit).execute());
}

/**
 * The condition for the images that a viewer lists. For projects: own and public images, those
 * shared with it, and community images if requested. For admins: all, but community images of other
 * projects only if requested.
 */
function inScope(
  eb: Eb,
  { projectId, seesAll }: Viewer,
  { visibility, memberStatus }: Pick<ListRequest, 'visibility' | 'memberStatus'>,
): Condition {
  const own = projectId === null ? eb.lit(false) : eb('owner', '=', projectId);
  const byVisibility =
    visibility === null
      ? eb.or([eb('visibility', '!=', 'community'), own])
      : visibility === 'all'
        ? eb.lit(true)
        : eb('visibility', '=', visibility);
  if (seesAll) return byVisibility;
  const shared =
    projectId === null
      ? eb.lit(false)
      : eb.and([
          eb('visibility', '=', 'shared'),
          eb.exists(
            eb
              .selectFrom('image_members')
              .select('image_id')
              .whereRef('image_members.image_id', '=', 'images.id')
              .where('member_id', '=', projectId)
              .$if(memberStatus !== 'all', (members) =>
                members.where(
                  'image_members.status',
                  '=',
                  memberStatus as Exclude<ListRequest['memberStatus'], 'all'>,
                ),
              ),
          ), // not 'all': checked by $if
        ]);
  return eb.and([
    byVisibility,
    eb.or([own, eb('visibility', 'in', ['public', 'community']), shared]),
  ]);
}

function matches(eb: Eb, request: ListRequest): Condition[] {
  return [
    eb('os_hidden', '=', Number(request.isHidden)),
    ...(request.isProtected === null ? [] : [eb('protected', '=', Number(request.isProtected))]),
    ...(request.hash === 'any'
      ? []
      : [request.hash === 'none' ? eb.lit(false) : eb('os_hash_value', 'is not', null)]),
    ...request.texts.map(({ column, values }) =>
      eb(sql<string>`${sql.ref(`images.${column}`)}`, 'in', values),
    ),
    ...request.numbers.map(({ column, comparison, value }) =>
      eb(column, operators[comparison], value),
    ),
    // Responses show whole seconds, so filters compare whole seconds.
    ...request.times.map(({ column, comparison, ms }) =>
      eb(sql<number>`${sql.ref(column)} - ${sql.ref(column)} % 1000`, operators[comparison], ms),
    ),
    ...request.tags.map((tag) =>
      eb.exists(
        eb
          .selectFrom('image_tags')
          .select('tag')
          .whereRef('image_id', '=', 'images.id')
          .where('tag', '=', tag),
      ),
    ),
    ...request.properties.map(({ name, value }) =>
      eb.exists(
        eb
          .selectFrom('image_properties')
          .select('value')
          .whereRef('image_id', '=', 'images.id')
          .where('image_properties.name', '=', name)
          .where('value', '=', value),
      ),
    ),
  ];
}

const operators = {
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  eq: '=',
  neq: '!=',
} as const satisfies Record<Comparison, string>;

/** Rows behind the marker in the requested order. */
function after(
  eb: Eb,
  { sorts }: ListRequest,
  markerValue: (key: SortKey) => string | number,
): Condition {
  return eb.or(
    sorts.map(({ key, direction }, at) =>
      eb.and([
        ...sorts
          .slice(0, at)
          .map((earlier) => eb(sortColumn(earlier.key), '=', markerValue(earlier.key))),
        eb(sortColumn(key), direction === 'asc' ? '>' : '<', markerValue(key)),
      ]),
    ),
  );
}

// Stands for NULL, so that NULL sorts first on both databases and can be compared with a marker.
const nullAs: Partial<Record<SortKey, string | number>> = {
  name: '',
  container_format: '',
  disk_format: '',
  owner: '',
  size: -1,
};
const columnOf = (key: SortKey) =>
  key === 'created_at' || key === 'updated_at' ? (`${key}_ms` as const) : key;

const sortColumn = (key: SortKey) => {
  const column = sql.ref<string | number>(`images.${columnOf(key)}`);
  const none = nullAs[key];
  return none === undefined
    ? sql<string | number>`${column}`
    : sql<string | number>`coalesce(${column}, ${sql.lit(none)})`;
};
const sortValue = (row: GlanceTables['images'], key: SortKey): string | number =>
  row[columnOf(key)] ?? nullAs[key] ?? '';
