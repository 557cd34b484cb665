// /v3/registered_limits and /v3/limits: unified limits, kept here for services that ask. The flat
// model: no hierarchy is enforced.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import {
  deleteLimit,
  deleteRegisteredLimit,
  findLimit,
  findRegisteredLimit,
  hasLimits,
  insertLimits,
  insertRegisteredLimits,
  isRegistered,
  listLimits,
  listRegisteredLimits,
  updateLimit,
  updateRegisteredLimit,
} from '../store/limits.ts';
import { findProject, projectIdsOfDomain } from '../store/projects.ts';
import { findRegion } from '../store/regions.ts';
import { findService } from '../store/services.ts';
import type { LimitRow, RegisteredLimitRow } from '../store/tables.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { asked, done, idText, listed, nameOf, shown, text, urlOf, wrapped } from './shapes.ts';

const amount = Type.Integer({ minimum: -1, maximum: 2_147_483_647 });
const nullableId = Type.Optional(Type.Union([idText, Type.Null()]));
const key = {
  service_id: idText,
  region_id: nullableId,
  resource_name: nameOf(255),
  description: Type.Optional(text),
};
const createRegistered = Type.Object({
  registered_limits: Type.Array(
    Type.Object({ ...key, default_limit: amount }, { additionalProperties: false }),
    { minItems: 1 },
  ),
});
const updateRegisteredBody = wrapped('registered_limit', {
  service_id: Type.Optional(idText),
  region_id: nullableId,
  resource_name: Type.Optional(nameOf(255)),
  default_limit: Type.Optional(amount),
  description: Type.Optional(text),
});
const createLimits = Type.Object({
  limits: Type.Array(
    Type.Object(
      { ...key, resource_limit: amount, project_id: nullableId, domain_id: nullableId },
      { additionalProperties: false },
    ),
    { minItems: 1 },
  ),
});
const updateBody = wrapped('limit', {
  resource_limit: Type.Optional(amount),
  description: Type.Optional(text),
});

export function limitRoutes(k: Keystone): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v3/limits/model',
      policy: 'identity:list_limits',
      handler: () => ({
        status: 200,
        body: {
          model: {
            name: 'flat',
            description:
              'Limit enforcement and validation does not take project hierarchy into consideration.',
          },
        },
      }),
    }),
    ...registeredRoutes(k),
    ...projectLimitRoutes(k),
  ];
}

function registeredRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: RegisteredLimitRow): JsonObject => ({
    ...row,
    region_id: row.region_id || null,
    links: { self: urlOf(request, `registered_limits/${row.id}`) },
  });
  async function find(request: ApiRequest<unknown>): Promise<Outcome<RegisteredLimitRow>> {
    const id = request.params['limit_id'] ?? '';
    return (await findRegisteredLimit(k.db, id)) ?? notFound('registered limit', id);
  }
  return [
    route({
      method: 'GET',
      path: '/v3/registered_limits',
      policy: 'identity:list_registered_limits',
      async handler(request) {
        const rows = await listRegisteredLimits(k.db, keyFilters(request));
        return listed(
          request,
          'registered_limits',
          rows.map((row) => view(request, row)),
          keyFilterNames,
        );
      },
    }),
    route<Static<typeof createRegistered>>({
      method: 'POST',
      path: '/v3/registered_limits',
      policy: 'identity:create_registered_limit',
      body: createRegistered,
      faults: ['conflict'],
      async handler(request) {
        const rows = request.body.registered_limits.map((sent): RegisteredLimitRow => ({
          id: k.ids.hex(),
          service_id: sent.service_id,
          region_id: sent.region_id ?? '',
          resource_name: sent.resource_name,
          default_limit: sent.default_limit,
          description: sent.description ?? null,
        }));
        for (const row of rows) {
          const wrong = await checkPlace(k, row.service_id, row.region_id);
          if (wrong) return wrong;
        }
        return (await insertRegisteredLimits(k.db, rows))
          ? createdAll(
              'registered_limits',
              rows.map((row) => view(request, row)),
            )
          : duplicate('registered_limits');
      },
    }),
    route({
      method: 'GET',
      path: '/v3/registered_limits/:limit_id',
      policy: 'identity:get_registered_limit',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row) ? row : shown('registered_limit', view(request, row));
      },
    }),
    route<Static<typeof updateRegisteredBody>>({
      method: 'PATCH',
      path: '/v3/registered_limits/:limit_id',
      policy: 'identity:update_registered_limit',
      body: updateRegisteredBody,
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const sent = request.body.registered_limit;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          service_id: sent.service_id ?? row.service_id,
          region_id: sent.region_id === undefined ? row.region_id : (sent.region_id ?? ''),
          resource_name: sent.resource_name ?? row.resource_name,
          default_limit: sent.default_limit ?? row.default_limit,
          description: sent.description === undefined ? row.description : sent.description,
        };
        const wrong = await checkPlace(k, changes.service_id, changes.region_id);
        if (wrong) return wrong;
        return (await updateRegisteredLimit(k.db, row.id, changes))
          ? shown('registered_limit', view(request, { ...row, ...changes }))
          : duplicate('registered_limits');
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/registered_limits/:limit_id',
      policy: 'identity:delete_registered_limit',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        if (await hasLimits(k.db, row))
          return fault(
            'forbidden',
            `Unable to update or delete registered limit ${row.id} because there are project limits associated with it.`,
          );
        await deleteRegisteredLimit(k.db, row.id);
        return done;
      },
    }),
  ];
}

function projectLimitRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: LimitRow): JsonObject => ({
    ...row,
    region_id: row.region_id || null,
    project_id: row.project_id || null,
    domain_id: row.domain_id || null,
    links: { self: urlOf(request, `limits/${row.id}`) },
  });
  /**
   * Callers without a wider view see the limits of their own project, or of their domain and its
   * projects.
   */
  async function isMine(request: ApiRequest<unknown>): Promise<(row: LimitRow) => boolean> {
    const { projectId, domainId } = request.auth;
    if (request.allows('admin_or_system_reader')) return () => true;
    if (domainId === null) return (row) => projectId !== null && row.project_id === projectId;
    const projects = await projectIdsOfDomain(k.db, domainId);
    return (row) => row.domain_id === domainId || projects.has(row.project_id);
  }
  async function find(request: ApiRequest<unknown>): Promise<Outcome<LimitRow>> {
    const id = request.params['limit_id'] ?? '';
    const row = await findLimit(k.db, id);
    return row && (await isMine(request))(row) ? row : notFound('limit', id);
  }
  return [
    route({
      method: 'GET',
      path: '/v3/limits',
      policy: 'identity:list_limits',
      async handler(request) {
        const filters = {
          ...keyFilters(request),
          project_id: asked(request, 'project_id'),
          domain_id: asked(request, 'domain_id'),
        };
        const rows = await listLimits(k.db, filters);
        return listed(
          request,
          'limits',
          rows.filter(await isMine(request)).map((row) => view(request, row)),
          [...keyFilterNames, 'project_id', 'domain_id'],
        );
      },
    }),
    route<Static<typeof createLimits>>({
      method: 'POST',
      path: '/v3/limits',
      policy: 'identity:create_limit',
      body: createLimits,
      faults: ['conflict'],
      async handler(request) {
        const rows = request.body.limits.map((sent): LimitRow => ({
          id: k.ids.hex(),
          service_id: sent.service_id,
          region_id: sent.region_id ?? '',
          resource_name: sent.resource_name,
          resource_limit: sent.resource_limit,
          description: sent.description ?? null,
          project_id: sent.project_id ?? '',
          domain_id: sent.domain_id ?? '',
        }));
        for (const row of rows) {
          const wrong =
            (await checkPlace(k, row.service_id, row.region_id)) ??
            (await checkOwner(k, row)) ??
            (await checkRegistered(k, row));
          if (wrong) return wrong;
        }
        return (await insertLimits(k.db, rows))
          ? createdAll(
              'limits',
              rows.map((row) => view(request, row)),
            )
          : duplicate('limits');
      },
    }),
    route({
      method: 'GET',
      path: '/v3/limits/:limit_id',
      policy: 'identity:get_limit',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row) ? row : shown('limit', view(request, row));
      },
    }),
    route<Static<typeof updateBody>>({
      method: 'PATCH',
      path: '/v3/limits/:limit_id',
      policy: 'identity:update_limit',
      body: updateBody,
      faults: ['notFound'],
      async handler(request) {
        const sent = request.body.limit;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          resource_limit: sent.resource_limit ?? row.resource_limit,
          description: sent.description === undefined ? row.description : sent.description,
        };
        await updateLimit(k.db, row.id, changes);
        return shown('limit', view(request, { ...row, ...changes }));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v3/limits/:limit_id',
      policy: 'identity:delete_limit',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        await deleteLimit(k.db, row.id);
        return done;
      },
    }),
  ];
}

const keyFilterNames = ['service_id', 'region_id', 'resource_name'] as const;

function keyFilters(request: ApiRequest<unknown>): Record<string, string | undefined> {
  return {
    service_id: asked(request, 'service_id'),
    region_id: asked(request, 'region_id'),
    resource_name: asked(request, 'resource_name'),
  };
}

async function checkPlace(
  k: Keystone,
  serviceId: string,
  regionId: string,
): Promise<Fault | undefined> {
  if (!(await findService(k.db, serviceId)))
    return fault('badRequest', `Service not found: ${serviceId}.`);
  if (regionId !== '' && !(await findRegion(k.db, regionId)))
    return fault('badRequest', `Region not found: ${regionId}.`);
  return undefined;
}

async function checkOwner(k: Keystone, row: LimitRow): Promise<Fault | undefined> {
  if ((row.project_id === '') === (row.domain_id === ''))
    return fault('badRequest', 'A limit is for either a project or a domain.');
  const id = row.project_id || row.domain_id;
  const owner = await findProject(k.db, id);
  return owner && (row.project_id !== '' || owner.is_domain)
    ? undefined
    : fault('badRequest', `Project or domain not found: ${id}.`);
}

async function checkRegistered(k: Keystone, row: LimitRow): Promise<Fault | undefined> {
  return (await isRegistered(k.db, row))
    ? undefined
    : fault('forbidden', `There is no registered limit for ${row.resource_name}.`);
}

const createdAll = (name: string, views: JsonObject[]): Reply => ({
  status: 201,
  body: { [name]: views },
});

const duplicate = (name: string): Fault =>
  fault('conflict', `Conflict occurred attempting to store ${name} - Duplicate entry.`);
