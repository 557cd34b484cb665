// /v3/OS-EP-FILTER: which endpoints a project's catalog shows.
import { Type, type Static } from 'typebox';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import { upsert } from '#platform/db/transaction.ts';
import { type HttpMethod } from '#platform/http/messages.ts';
import { filterOf, groupsOfProject, inGroup, visibleTo } from '../store/endpoint-filter.ts';
import { filtered } from '../store/filter.ts';
import { findProject } from '../store/projects.ts';
import type { EndpointGroupRow, EndpointRow } from '../store/tables.ts';
import { endpointView } from './catalog.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { projectView } from './project-view.ts';
import {
  asked,
  created,
  done,
  idText,
  listed,
  nameOf,
  shown,
  text,
  urlOf,
  wrapped,
} from './shapes.ts';

const face = Type.Union([Type.Literal('public'), Type.Literal('internal'), Type.Literal('admin')]);
const filters = Type.Object(
  {
    service_id: Type.Optional(idText),
    region_id: Type.Optional(Type.String()),
    interface: Type.Optional(face),
  },
  { additionalProperties: false, minProperties: 1 },
);
const createBody = wrapped('endpoint_group', {
  name: nameOf(255),
  description: Type.Optional(text),
  filters,
});
const updateBody = wrapped('endpoint_group', {
  name: Type.Optional(nameOf(255)),
  description: Type.Optional(text),
  filters: Type.Optional(filters),
});

const base = '/v3/OS-EP-FILTER';
type Methods = readonly HttpMethod[];

export function endpointFilterRoutes(k: Keystone): Route[] {
  const view = (request: ApiRequest<unknown>, row: EndpointGroupRow): JsonObject => ({
    id: row.id,
    name: row.name,
    description: row.description,
    filters: { ...filterOf(row) },
    links: { self: urlOf(request, `OS-EP-FILTER/endpoint_groups/${row.id}`) },
  });
  const allEndpoints = async (): Promise<EndpointRow[]> =>
    await k.db.selectFrom('endpoint').selectAll().orderBy('id').execute();
  async function find(request: ApiRequest<unknown>): Promise<Outcome<EndpointGroupRow>> {
    const id = request.params['group_id'] ?? '';
    return (
      (await k.db
        .selectFrom('endpoint_group')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()) ?? notFound('endpoint group', id)
    );
  }
  return [
    route({
      method: 'GET',
      path: `${base}/endpoint_groups`,
      policy: 'identity:list_endpoint_groups',
      async handler(request) {
        const rows = await filtered(k.db.selectFrom('endpoint_group').selectAll().orderBy('name'), {
          name: asked(request, 'name'),
        }).execute();
        return listed(
          request,
          'endpoint_groups',
          rows.map((row) => view(request, row)),
          ['name'],
        );
      },
    }),
    route<Static<typeof createBody>>({
      method: 'POST',
      path: `${base}/endpoint_groups`,
      policy: 'identity:create_endpoint_group',
      body: createBody,
      async handler(request) {
        const sent = request.body.endpoint_group;
        const row: EndpointGroupRow = {
          id: k.ids.hex(),
          name: sent.name.trim(),
          description: sent.description ?? null,
          filters: JSON.stringify(sent.filters),
        };
        await k.db.insertInto('endpoint_group').values(row).execute();
        return created('endpoint_group', view(request, row));
      },
    }),
    ...(['GET', 'HEAD'] satisfies Methods).map((method) =>
      route({
        method,
        path: `${base}/endpoint_groups/:group_id`,
        policy: 'identity:get_endpoint_group',
        faults: ['notFound'],
        async handler(request) {
          const row = await find(request);
          return isFault(row) ? row : shown('endpoint_group', view(request, row));
        },
      }),
    ),
    route<Static<typeof updateBody>>({
      method: 'PATCH',
      path: `${base}/endpoint_groups/:group_id`,
      policy: 'identity:update_endpoint_group',
      body: updateBody,
      faults: ['notFound'],
      async handler(request) {
        const sent = request.body.endpoint_group;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          name: sent.name?.trim() ?? row.name,
          description: sent.description === undefined ? row.description : sent.description,
          filters: JSON.stringify({ ...filterOf(row), ...sent.filters }),
        };
        await k.db.updateTable('endpoint_group').set(changes).where('id', '=', row.id).execute();
        return shown('endpoint_group', view(request, { ...row, ...changes }));
      },
    }),
    route({
      method: 'DELETE',
      path: `${base}/endpoint_groups/:group_id`,
      policy: 'identity:delete_endpoint_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        await k.db.deleteFrom('endpoint_group').where('id', '=', row.id).execute();
        return done;
      },
    }),
    route({
      method: 'GET',
      path: `${base}/endpoint_groups/:group_id/endpoints`,
      policy: 'identity:list_endpoints_associated_with_endpoint_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row)
          ? row
          : listed(
              request,
              'endpoints',
              (await allEndpoints())
                .filter((endpoint) => inGroup(endpoint, row))
                .map((endpoint) => endpointView(request, endpoint)),
            );
      },
    }),
    route({
      method: 'GET',
      path: `${base}/endpoint_groups/:group_id/projects`,
      policy: 'identity:list_projects_associated_with_endpoint_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        const projects = await k.db
          .selectFrom('project_endpoint_group')
          .innerJoin('project', 'project.id', 'project_endpoint_group.project_id')
          .selectAll('project')
          .where('project_endpoint_group.endpoint_group_id', '=', row.id)
          .orderBy('project.name')
          .execute();
        return listed(
          request,
          'projects',
          projects.map((project) => projectView(request, project, [])),
        );
      },
    }),
    route({
      method: 'GET',
      path: `${base}/projects/:project_id/endpoint_groups`,
      policy: 'identity:list_endpoint_groups_for_project',
      faults: ['notFound'],
      async handler(request) {
        const id = request.params['project_id'] ?? '';
        return (await findProject(k.db, id))
          ? listed(
              request,
              'endpoint_groups',
              (await groupsOfProject(k.db, id)).map((row) => view(request, row)),
            )
          : notFound('project', id);
      },
    }),
    route({
      method: 'GET',
      path: `${base}/projects/:project_id/endpoints`,
      policy: 'identity:list_endpoints_for_project',
      faults: ['notFound'],
      async handler(request) {
        const id = request.params['project_id'] ?? '';
        if (!(await findProject(k.db, id))) return notFound('project', id);
        return listed(
          request,
          'endpoints',
          (await visibleTo(k.db, id, await allEndpoints())).map((endpoint) =>
            endpointView(request, endpoint),
          ),
        );
      },
    }),
    route({
      method: 'GET',
      path: `${base}/endpoints/:endpoint_id/projects`,
      policy: 'identity:list_projects_for_endpoint',
      async handler(request) {
        const projects = await k.db
          .selectFrom('project_endpoint')
          .innerJoin('project', 'project.id', 'project_endpoint.project_id')
          .selectAll('project')
          .where('project_endpoint.endpoint_id', '=', request.params['endpoint_id'] ?? '')
          .orderBy('project.name')
          .execute();
        return listed(
          request,
          'projects',
          projects.map((project) => projectView(request, project, [])),
        );
      },
    }),
    ...associationRoutes(
      k,
      `${base}/endpoint_groups/:other_id/projects/:project_id`,
      'project_endpoint_group',
      'endpoint_group_id',
      'endpoint_group',
      'endpoint_group_to_project',
      200,
    ),
    ...associationRoutes(
      k,
      `${base}/projects/:project_id/endpoints/:other_id`,
      'project_endpoint',
      'endpoint_id',
      'endpoint',
      'endpoint_to_project',
      204,
    ),
  ];
}

/** Tying an endpoint or a group to a project: PUT, GET, HEAD, DELETE on the pair. */
function associationRoutes(
  k: Keystone,
  path: string,
  table: 'project_endpoint' | 'project_endpoint_group',
  column: 'endpoint_id' | 'endpoint_group_id',
  other: 'endpoint' | 'endpoint_group',
  policy: string,
  foundStatus: number,
): Route[] {
  const there = (row: Record<string, string>) =>
    filtered(k.db.selectFrom(table).select('project_id'), row).executeTakeFirst();
  const on = (
    method: HttpMethod,
    rule: string,
    act: (row: Record<string, string>) => Promise<Outcome<Reply>>,
  ): Route =>
    route({
      method,
      path,
      policy: rule,
      faults: ['notFound'],
      async handler(request) {
        const { project_id = '', other_id = '' } = request.params;
        if (!(await findProject(k.db, project_id))) return notFound('project', project_id);
        if (
          !(await k.db.selectFrom(other).select('id').where('id', '=', other_id).executeTakeFirst())
        )
          return notFound(other, other_id);
        return await act({ project_id, [column]: other_id });
      },
    });
  const unknown = notFound('association', path.slice(base.length));
  const check = async (row: Record<string, string>): Promise<Outcome<Reply>> =>
    (await there(row)) ? { status: foundStatus } : unknown;
  return [
    on('PUT', `identity:add_${policy}`, async (row) => {
      await upsert(
        k.db,
        table,
        row as { project_id: string; endpoint_id: string; endpoint_group_id: string },
        ['project_id', column] as never,
      ); // the columns of `table`
      return done;
    }),
    on('GET', `identity:check_${policy}`, check),
    on('HEAD', `identity:check_${policy}`, check),
    on('DELETE', `identity:remove_${policy}`, async (row) => {
      const gone = await filtered(k.db.deleteFrom(table), row).executeTakeFirst();
      return gone.numDeletedRows > 0n ? done : unknown;
    }),
  ];
}
