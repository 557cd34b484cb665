// /v3/regions: regions of the service catalog.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import {
  deleteRegion,
  findRegion,
  insertRegion,
  isRegionInUse,
  listRegions,
  updateRegion,
} from '../store/regions.ts';
import type { RegionRow } from '../store/tables.ts';
import { extraOf, parsed, text, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { queryValue, created, noContent, listed, shown, urlOf, showRoute } from './replies.ts';

const columns = ['id', 'parent_region_id', 'description'];
export const regionId = Type.String({ minLength: 1, maxLength: 255 });
const attributes = {
  description: Type.Optional(text),
  parent_region_id: Type.Optional(Type.Union([regionId, Type.Null()])),
};
const createBody = wrapped('region', {
  id: Type.Optional(Type.String({ maxLength: 255 })),
  ...attributes,
});
const updateBody = wrapped('region', attributes, { minProperties: 1 });

export function regionRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: RegionRow): JsonObject => ({
    ...parsed(row.extra),
    id: row.id,
    description: row.description,
    parent_region_id: row.parent_region_id,
    links: { self: urlOf(request, `regions/${row.id}`) },
  });
  async function find(request: ApiRequest<unknown>): Promise<Outcome<RegionRow>> {
    const id = request.params['region_id'] ?? '';
    return (await findRegion(k.db, id)) ?? notFound('region', id);
  }
  async function checkParent(id: string | null | undefined): Promise<Fault | undefined> {
    if (!id) return undefined;
    return (await findRegion(k.db, id)) ? undefined : notFound('region', id);
  }

  async function create(
    request: ApiRequest<Static<typeof createBody>>,
    id: string,
  ): Promise<Outcome<Reply>> {
    const { region } = request.body;
    const noParent = await checkParent(region.parent_region_id);
    if (noParent) return noParent;
    const row: RegionRow = {
      id,
      parent_region_id: region.parent_region_id ?? null,
      description: region.description ?? '',
      extra: extraOf(region, columns),
    };
    return (await insertRegion(k.db, row))
      ? created('region', view(request, row))
      : fault('conflict', `Conflict occurred attempting to store region - Duplicate ID, ${id}.`);
  }

  return [
    route('GET', '/v3/regions', {
      policy: 'identity:list_regions',
      async handler(request) {
        const rows = await listRegions(k.db, {
          parent_region_id: queryValue(request, 'parent_region_id'),
        });
        return listed(
          request,
          'regions',
          rows.map((row) => view(request, row)),
          ['parent_region_id'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/regions', {
      policy: 'identity:create_region',
      body: createBody,
      faults: ['conflict', 'notFound'],
      handler: (request) => create(request, request.body.region.id || k.ids.hex()),
    }),
    route<Static<typeof createBody>>('PUT', '/v3/regions/:region_id', {
      policy: 'identity:create_region',
      body: createBody,
      faults: ['conflict', 'notFound'],
      handler: (request) => create(request, request.params['region_id'] ?? ''),
    }),
    showRoute('/v3/regions/:region_id', 'identity:get_region', 'region', find, view),
    route<Static<typeof updateBody>>('PATCH', '/v3/regions/:region_id', {
      policy: 'identity:update_region',
      body: updateBody,
      faults: ['notFound'],
      async handler(request) {
        const { region } = request.body;
        const row = await find(request);
        if (isFault(row)) return row;
        const noParent = await checkParent(region.parent_region_id);
        if (noParent) return noParent;
        const changes = {
          ...(region.description !== undefined && { description: region.description ?? '' }),
          ...(region.parent_region_id !== undefined && {
            parent_region_id: region.parent_region_id,
          }),
          extra: extraOf(region, columns, row.extra),
        };
        await updateRegion(k.db, row.id, changes);
        return shown('region', view(request, { ...row, ...changes }));
      },
    }),
    route('DELETE', '/v3/regions/:region_id', {
      policy: 'identity:delete_region',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        if (await isRegionInUse(k.db, row.id))
          return fault(
            'forbidden',
            `Unable to delete region ${row.id} because it or its child regions have associated endpoints.`,
          );
        await deleteRegion(k.db, row.id);
        return noContent;
      },
    }),
  ];
}
