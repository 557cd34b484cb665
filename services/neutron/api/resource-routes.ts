// The routes that all kinds of objects have: list, show, create (one or a bulk), update, delete,
// tags. Called by routes.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { ListedTable } from '../store/list.ts';
import { findByIds, findVisible } from '../store/objects.ts';
import { write } from '../store/write.ts';
import { postedObjects, readPost, readPut } from './attributes.ts';
import { listPage } from './list.ts';
import type { NeutronParts } from './parts.ts';
import type { Context, Resource } from './resource.ts';
import { contextOf, findToChange, missing, writeFaults } from './resource.ts';
import { tagRoutes } from './tags.ts';
import type { Views } from './view-cache.ts';
import { createViews } from './view-cache.ts';

export function resourceRoutes<T extends ListedTable, Input>(
  parts: NeutronParts,
  resource: Resource<T, Input>,
): readonly Route[] {
  const { singular, collection } = resource;
  const views = createViews(parts, resource);
  const path = `/v2.0/${collection.replaceAll('_', '-')}`;
  const one = `${path}/:${singular}_id`;
  const idOf = (request: ApiRequest): string => request.params[`${singular}_id`] ?? '';
  return [
    route('GET', path, {
      policy: `get_${singular}`,
      faults: ['notFound'],
      handler: async (request) => await listPage(contextOf(parts, request), resource, views),
    }),
    route('POST', path, {
      policy: `create_${singular}`,
      faults: writeFaults,
      handler: async (request) => await create(contextOf(parts, request), resource, views),
    }),
    route('GET', one, {
      policy: `get_${singular}`,
      faults: ['notFound'],
      handler: async (request) => {
        const context = contextOf(parts, request);
        const row = await findVisible(
          parts.database.db,
          resource.listing,
          idOf(request),
          context.scope,
        );
        return row
          ? { status: 200, body: await views.one(request, row, request.query['fields']) }
          : missing(resource, idOf(request));
      },
    }),
    ...(resource.change
      ? [
          route('PUT', one, {
            policy: `update_${singular}`,
            faults: writeFaults,
            handler: async (request) =>
              await update(contextOf(parts, request), resource, views, idOf(request)),
          }),
        ]
      : []),
    route('DELETE', one, {
      policy: `delete_${singular}`,
      faults: writeFaults,
      handler: async (request) => {
        const context = contextOf(parts, request);
        const deletion = await write(parts.database.db, async (trx) => {
          const row = await findToChange(
            context,
            trx,
            resource,
            idOf(request),
            `delete_${singular}`,
          );
          return isFault(row) ? row : await resource.remove(context, trx, row);
        });
        if (isFault(deletion)) return deletion;
        parts.changed(request.id);
        return { status: 204 };
      },
    }),
    ...('tags' in resource.attributes ? tagRoutes(parts, resource, one, idOf) : []),
  ];
}

async function create<T extends ListedTable, Input>(
  context: Context,
  resource: Resource<T, Input>,
  views: Views<T>,
): Promise<Outcome<Reply>> {
  const { parts, request } = context;
  const posted = postedObjects(resource, request.body);
  if (isFault(posted)) return posted;
  const inputs: (Input & { project_id: string })[] = [];
  for (const object of posted.objects) {
    const input = readPost<Input & { project_id: string }>(resource, object, request);
    if (isFault(input)) return input;
    inputs.push(input);
  }
  await resource.beforeCreate?.(context, [...new Set(inputs.map(({ project_id }) => project_id))]);
  const ids = await write(parts.database.db, async (trx): Promise<Outcome<string[]>> => {
    const createdIds: string[] = [];
    for (const input of inputs) {
      const id = await resource.create(context, trx, input);
      if (isFault(id)) return id;
      createdIds.push(id);
    }
    return createdIds;
  });
  if (isFault(ids)) return ids;
  parts.changed(request.id);
  const rows = new Map(
    (await findByIds(parts.database.db, resource.listing.table, ids)).map((row) => [row.id, row]),
  );
  const createdRows = ids.flatMap((id) => rows.get(id) ?? []);
  const [first] = createdRows;
  if (!first) return missing(resource, ids[0] ?? ''); // deleted since its commit
  if (!posted.bulk) return { status: 201, body: await views.one(request, first) };
  return {
    status: 201,
    body: new JsonText(
      `{"${resource.collection}":[${(await views.texts(request, createdRows, async () => createdRows)).join()}]}`,
    ),
  };
}

async function update<T extends ListedTable, Input>(
  context: Context,
  resource: Resource<T, Input>,
  views: Views<T>,
  id: string,
): Promise<Outcome<Reply>> {
  const { parts, request } = context;
  const input = readPut<Input>(resource, request.body, request);
  if (isFault(input)) {
    // An object that the caller cannot see is a 404, even if the body would be refused as well.
    const row = await findVisible(parts.database.db, resource.listing, id, context.scope);
    return row ? input : missing(resource, id);
  }
  const changed = await write(parts.database.db, async (trx): Promise<Outcome<void>> => {
    const row = await findToChange(context, trx, resource, id, `update_${resource.singular}`);
    return isFault(row) ? row : await resource.change?.(context, trx, row, input);
  });
  if (isFault(changed)) return changed;
  parts.changed(request.id);
  const row = await findVisible(parts.database.db, resource.listing, id, null);
  return row ? { status: 200, body: await views.one(request, row) } : missing(resource, id);
}
