// /v3/limits: unified limits of projects and domains, which other services read. Enforcement model
// `flat`: limits of a hierarchy do not restrict each other.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import {
  deleteLimit,
  findLimit,
  insertLimits,
  isRegistered,
  listLimits,
  updateLimit,
} from '../store/limits.ts';
import { findProject, projectIdsOfDomain } from '../store/projects.ts';
import type { LimitRow } from '../store/tables.ts';
import { text, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import {
  amount,
  checkPlace,
  createdOrDuplicate,
  keyFilterNames,
  keyRow,
  limitList,
  nullableId,
} from './limit-key.ts';
import { notFound } from './permit.ts';
import { queryValues, listed, shown, urlOf, showRoute, deleteRoute } from './replies.ts';

const createBody = Type.Object({
  limits: limitList({ resource_limit: amount, project_id: nullableId, domain_id: nullableId }),
});
const updateBody = wrapped('limit', {
  resource_limit: Type.Optional(amount),
  description: Type.Optional(text),
});

const filterNames = [...keyFilterNames, 'project_id', 'domain_id'] as const;

export function limitRoutes(k: Keystone): Route[] {
  return [
    route('GET', '/v3/limits/model', {
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

    ...projectLimitRoutes(k),
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
   * Which limits the caller may see: without wider rights those of the own project, or of the own
   * domain and its projects.
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
    route('GET', '/v3/limits', {
      policy: 'identity:list_limits',
      async handler(request) {
        const rows = await listLimits(k.db, queryValues(request, filterNames));
        return listed(
          request,
          'limits',
          rows.filter(await isMine(request)).map((row) => view(request, row)),
          filterNames,
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/limits', {
      policy: 'identity:create_limit',
      body: createBody,
      faults: ['conflict'],
      async handler(request) {
        const rows = request.body.limits.map((input): LimitRow => ({
          ...keyRow(k, input),
          resource_limit: input.resource_limit,
          project_id: input.project_id ?? '',
          domain_id: input.domain_id ?? '',
        }));
        for (const row of rows) {
          const wrong =
            (await checkPlace(k, row.service_id, row.region_id)) ??
            (await checkOwner(k, row)) ??
            (await checkRegistered(k, row));
          if (wrong) return wrong;
        }
        return createdOrDuplicate(
          await insertLimits(k.db, rows),
          'limits',
          rows.map((row) => view(request, row)),
        );
      },
    }),
    showRoute('/v3/limits/:limit_id', 'identity:get_limit', 'limit', find, view),
    route<Static<typeof updateBody>>('PATCH', '/v3/limits/:limit_id', {
      policy: 'identity:update_limit',
      body: updateBody,
      faults: ['notFound'],
      async handler(request) {
        const input = request.body.limit;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          resource_limit: input.resource_limit ?? row.resource_limit,
          description: input.description === undefined ? row.description : input.description,
        };
        await updateLimit(k.db, row.id, changes);
        return shown('limit', view(request, { ...row, ...changes }));
      },
    }),
    deleteRoute(
      '/v3/limits/:limit_id',
      'identity:delete_limit',
      find,
      async (row) => await deleteLimit(k.db, row.id),
    ),
  ];
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
