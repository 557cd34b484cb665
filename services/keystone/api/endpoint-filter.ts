// /v3/OS-EP-FILTER: which endpoints the catalog of a project contains.
import { Type, type Static } from 'typebox';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Reply, type Route } from '#openstack/http/route.ts';
import { type HttpMethod } from '#platform/http/messages.ts';
import { filterOf, inGroup } from '../domain/endpoint-filter.ts';
import {
  associate,
  deleteEndpointGroup,
  dissociate,
  endpointGroupsOfProject,
  findEndpointGroup,
  insertEndpointGroup,
  isAssociable,
  isAssociated,
  listEndpointGroups,
  projectsOfEndpoint,
  projectsOfEndpointGroup,
  updateEndpointGroup,
  visibleTo,
  type Association,
} from '../store/endpoint-filter.ts';
import { listEndpoints } from '../store/endpoints.ts';
import { findProject } from '../store/projects.ts';
import type { EndpointGroupRow } from '../store/tables.ts';
import { idText, nameOf, text, wrapped } from './bodies.ts';
import { endpointView } from './endpoints.ts';
import type { Keystone } from './keystone.ts';
import { notFound } from './permit.ts';
import { projectView } from './project-view.ts';
import { queryValue, created, noContent, listed, shown, urlOf } from './replies.ts';

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
  async function find(request: ApiRequest<unknown>): Promise<Outcome<EndpointGroupRow>> {
    const id = request.params['group_id'] ?? '';
    return (await findEndpointGroup(k.db, id)) ?? notFound('endpoint group', id);
  }
  return [
    route('GET', `${base}/endpoint_groups`, {
      policy: 'identity:list_endpoint_groups',
      async handler(request) {
        const rows = await listEndpointGroups(k.db, { name: queryValue(request, 'name') });
        return listed(
          request,
          'endpoint_groups',
          rows.map((row) => view(request, row)),
          ['name'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', `${base}/endpoint_groups`, {
      policy: 'identity:create_endpoint_group',
      body: createBody,
      async handler(request) {
        const input = request.body.endpoint_group;
        const row: EndpointGroupRow = {
          id: k.ids.hex(),
          name: input.name.trim(),
          description: input.description ?? null,
          filters: JSON.stringify(input.filters),
        };
        await insertEndpointGroup(k.db, row);
        return created('endpoint_group', view(request, row));
      },
    }),
    ...(['GET', 'HEAD'] satisfies Methods).map((method) =>
      route(method, `${base}/endpoint_groups/:group_id`, {
        policy: 'identity:get_endpoint_group',
        faults: ['notFound'],
        async handler(request) {
          const row = await find(request);
          return isFault(row) ? row : shown('endpoint_group', view(request, row));
        },
      }),
    ),
    route<Static<typeof updateBody>>('PATCH', `${base}/endpoint_groups/:group_id`, {
      policy: 'identity:update_endpoint_group',
      body: updateBody,
      faults: ['notFound'],
      async handler(request) {
        const input = request.body.endpoint_group;
        const row = await find(request);
        if (isFault(row)) return row;
        const changes = {
          name: input.name?.trim() ?? row.name,
          description: input.description === undefined ? row.description : input.description,
          filters: JSON.stringify({ ...filterOf(row), ...input.filters }),
        };
        await updateEndpointGroup(k.db, row.id, changes);
        return shown('endpoint_group', view(request, { ...row, ...changes }));
      },
    }),
    route('DELETE', `${base}/endpoint_groups/:group_id`, {
      policy: 'identity:delete_endpoint_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        await deleteEndpointGroup(k.db, row.id);
        return noContent;
      },
    }),
    route('GET', `${base}/endpoint_groups/:group_id/endpoints`, {
      policy: 'identity:list_endpoints_associated_with_endpoint_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        return isFault(row)
          ? row
          : listed(
              request,
              'endpoints',
              (await listEndpoints(k.db))
                .filter((endpoint) => inGroup(endpoint, row))
                .map((endpoint) => endpointView(request, endpoint)),
            );
      },
    }),
    route('GET', `${base}/endpoint_groups/:group_id/projects`, {
      policy: 'identity:list_projects_associated_with_endpoint_group',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request);
        if (isFault(row)) return row;
        const projects = await projectsOfEndpointGroup(k.db, row.id);
        return listed(
          request,
          'projects',
          projects.map((project) => projectView(request, project, [])),
        );
      },
    }),
    route('GET', `${base}/projects/:project_id/endpoint_groups`, {
      policy: 'identity:list_endpoint_groups_for_project',
      faults: ['notFound'],
      async handler(request) {
        const id = request.params['project_id'] ?? '';
        return (await findProject(k.db, id))
          ? listed(
              request,
              'endpoint_groups',
              (await endpointGroupsOfProject(k.db, id)).map((row) => view(request, row)),
            )
          : notFound('project', id);
      },
    }),
    route('GET', `${base}/projects/:project_id/endpoints`, {
      policy: 'identity:list_endpoints_for_project',
      faults: ['notFound'],
      async handler(request) {
        const id = request.params['project_id'] ?? '';
        if (!(await findProject(k.db, id))) return notFound('project', id);
        return listed(
          request,
          'endpoints',
          (await visibleTo(k.db, id, await listEndpoints(k.db))).map((endpoint) =>
            endpointView(request, endpoint),
          ),
        );
      },
    }),
    route('GET', `${base}/endpoints/:endpoint_id/projects`, {
      policy: 'identity:list_projects_for_endpoint',
      async handler(request) {
        const projects = await projectsOfEndpoint(k.db, request.params['endpoint_id'] ?? '');
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
      'endpoint_group',
      'endpoint_group_to_project',
      200,
    ),
    ...associationRoutes(
      k,
      `${base}/projects/:project_id/endpoints/:other_id`,
      'endpoint',
      'endpoint_to_project',
      204,
    ),
  ];
}

/** PUT, GET, HEAD and DELETE on a pair of a project and an endpoint or endpoint group. */
function associationRoutes(
  k: Keystone,
  path: string,
  kind: Association['kind'],
  policy: string,
  foundStatus: number,
): Route[] {
  const on = (
    method: HttpMethod,
    rule: string,
    act: (association: Association) => Promise<Outcome<Reply>>,
  ): Route =>
    route(method, path, {
      policy: rule,
      faults: ['notFound'],
      async handler(request) {
        const { project_id: projectId = '', other_id: id = '' } = request.params;
        if (!(await findProject(k.db, projectId))) return notFound('project', projectId);
        if (!(await isAssociable(k.db, { kind, id }))) return notFound(kind, id);
        return await act({ kind, id, projectId });
      },
    });
  const unknown = notFound('association', path.slice(base.length));
  const check = async (association: Association): Promise<Outcome<Reply>> =>
    (await isAssociated(k.db, association)) ? { status: foundStatus } : unknown;
  return [
    on('PUT', `identity:add_${policy}`, async (association) => {
      await associate(k.db, association);
      return noContent;
    }),
    on('GET', `identity:check_${policy}`, check),
    on('HEAD', `identity:check_${policy}`, check),
    on('DELETE', `identity:remove_${policy}`, async (association) =>
      (await dissociate(k.db, association)) ? noContent : unknown,
    ),
  ];
}
