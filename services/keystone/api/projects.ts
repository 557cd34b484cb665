// /v3/projects and their tags.
import { Type, type Static } from 'typebox';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { route, type ApiRequest, type Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import {
  ancestorsOf,
  deleteDomain,
  deleteProjects,
  descendantsOf,
  findDomain,
  findProject,
  insertProject,
  listProjects,
  tagsOf,
  updateProject,
} from '../store/projects.ts';
import type { ProjectRow } from '../store/tables.ts';
import { idText, nameOf, wrapped } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { deniedByImmutable } from './options.ts';
import {
  denied,
  enabledFilter,
  homeDomain,
  listDomain,
  notFound,
  duplicateEntry,
} from './permit.ts';
import { changedFields, newFields, projectAttributes } from './project-fields.ts';
import { relativesOf } from './project-relatives.ts';
import { projectTagRoutes } from './project-tags.ts';
import { projectView } from './project-view.ts';
import { queryValue, queryFlag, created, noContent, listed, shown } from './replies.ts';

const nullableId = Type.Optional(Type.Union([idText, Type.Null()]));
const createBody = wrapped('project', {
  name: nameOf(64),
  domain_id: nullableId,
  parent_id: nullableId,
  is_domain: Type.Optional(Type.Boolean()),
  ...projectAttributes,
});
const updateBody = wrapped('project', {
  name: Type.Optional(nameOf(64)),
  domain_id: nullableId,
  parent_id: nullableId,
  is_domain: Type.Optional(Type.Boolean()),
  ...projectAttributes,
});

/** Levels of projects below a domain; upstream's max_project_tree_depth. */
const maxProjectDepth = 5;

export function projectRoutes(k: Keystone): Route[] {
  async function view(request: ApiRequest<unknown>, row: ProjectRow): Promise<JsonObject> {
    return projectView(request, row, (await tagsOf(k.db, [row.id])).get(row.id) ?? []);
  }

  /** The path's project, if `rule` allows the caller to act on it. */
  async function find(request: ApiRequest<unknown>, rule: string): Promise<Outcome<ProjectRow>> {
    const id = request.params['project_id'] ?? '';
    const row = await findProject(k.db, id);
    return (
      denied(request, rule, { project_id: id, domain_id: row?.domain_id }) ??
      row ??
      notFound('project', id)
    );
  }

  /** An id in a body that names nothing is a 400, not a 404. */
  const unknown = (what: string, id: string): Fault =>
    fault('badRequest', notFound(what, id).message);

  /** The domain and parent of a new project. */
  async function place(
    request: ApiRequest<unknown>,
    input: Static<typeof createBody>['project'],
  ): Promise<Outcome<{ domain_id: string; parent_id: string | null }>> {
    if (input.is_domain)
      return input.parent_id || input.domain_id
        ? fault('badRequest', 'A project that acts as a domain has neither parent nor domain.')
        : { domain_id: '', parent_id: null };
    const parentId = input.parent_id ?? input.domain_id ?? homeDomain(request);
    const parent = await findProject(k.db, parentId);
    if (!parent) return unknown(input.parent_id ? 'project' : 'domain', parentId);
    const domainId = input.domain_id ?? (parent.domain_id || parent.id);
    if (!(await findDomain(k.db, domainId))) return unknown('domain', domainId);
    const ancestors = [parent, ...(await ancestorsOf(k.db, parent))];
    if (ancestors.at(-1)?.id !== domainId)
      return fault('badRequest', 'The parent project is in another domain.');
    if (ancestors.some((one) => !one.enabled))
      return fault(
        'forbidden',
        `Cannot create a project in a branch that has a disabled project: ${parentId}.`,
      );
    if (ancestors.length > maxProjectDepth)
      return fault('forbidden', `Max hierarchy depth reached for ${parentId} branch.`);
    return { domain_id: domainId, parent_id: parentId };
  }

  return [
    route('GET', '/v3/projects', {
      policy: 'identity:list_projects',
      async handler(request) {
        const isDomain = Number(queryFlag(request, 'is_domain') ?? false);
        const rows = await listProjects(k.db, {
          is_domain: isDomain,
          name: queryValue(request, 'name'),
          domain_id:
            isDomain && request.allows('admin_or_system_reader') ? undefined : listDomain(request),
          parent_id: queryValue(request, 'parent_id'),
          enabled: enabledFilter(request),
        });
        const byProject = await tagsOf(
          k.db,
          rows.map((row) => row.id),
        );
        const has = (row: ProjectRow): boolean => hasTags(byProject.get(row.id) ?? [], request);
        return listed(
          request,
          'projects',
          rows.filter(has).map((row) => projectView(request, row, byProject.get(row.id) ?? [])),
          ['domain_id', 'enabled', 'name', 'parent_id', 'is_domain'],
        );
      },
    }),
    route<Static<typeof createBody>>('POST', '/v3/projects', {
      policy: 'identity:create_project',
      body: createBody,
      faults: ['conflict', 'notFound'],
      async handler(request) {
        const { project } = request.body;
        const where = await place(request, project);
        if (isFault(where)) return where;
        const refusal = denied(request, 'identity:create_project', { domain_id: where.domain_id });
        if (refusal) return refusal;
        const row: ProjectRow = {
          id: k.ids.hex(),
          ...where,
          is_domain: Number(project.is_domain ?? false),
          ...newFields(project),
        };
        return (await insertProject(k.db, row, project.tags ?? []))
          ? created('project', await view(request, row))
          : duplicateEntry('project', row.name);
      },
    }),
    route('GET', '/v3/projects/:project_id', {
      policy: 'identity:get_project',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:get_project');
        if (isFault(row)) return row;
        for (const kind of ['parents', 'subtree']) {
          const both = [`${kind}_as_list`, `${kind}_as_ids`].every(
            (form) => request.query[form] !== undefined,
          );
          if (both)
            return fault(
              'badRequest',
              `Cannot use ${kind}_as_list and ${kind}_as_ids query params at the same time.`,
            );
        }
        return shown('project', {
          ...(await view(request, row)),
          ...(await relativesOf(k, request, row)),
        });
      },
    }),
    route<Static<typeof updateBody>>('PATCH', '/v3/projects/:project_id', {
      policy: 'identity:update_project',
      body: updateBody,
      faults: ['notFound', 'conflict'],
      async handler(request) {
        const { project } = request.body;
        const row = await find(request, 'identity:update_project');
        if (isFault(row)) return row;
        const wrong =
          deniedByImmutable('project', row, project) ??
          fixed(row, project) ??
          (project.enabled === true && (await ancestorsOf(k.db, row)).some((one) => !one.enabled)
            ? fault('forbidden', 'Cannot enable a project that has a disabled parent.')
            : undefined);
        if (wrong) return wrong;
        const changes = changedFields(row, project);
        return (await updateProject(k.db, row.id, changes, project.tags))
          ? shown('project', await view(request, { ...row, ...changes }))
          : duplicateEntry('project', changes.name ?? row.name);
      },
    }),
    route('DELETE', '/v3/projects/:project_id', {
      policy: 'identity:delete_project',
      faults: ['notFound'],
      async handler(request) {
        const row = await find(request, 'identity:delete_project');
        if (isFault(row)) return row;
        const wrong = deniedByImmutable('project', row);
        if (wrong) return wrong;
        if (row.is_domain && row.enabled)
          return fault(
            'forbidden',
            'Cannot delete a project acting as a domain that is enabled, please disable it first.',
          );
        if (!row.is_domain && (await descendantsOf(k.db, [row.id])).length > 0)
          return fault(
            'forbidden',
            `Cannot delete the project ${row.id} since it is not a leaf in the hierarchy.`,
          );
        await transaction(k.db, (trx) =>
          row.is_domain ? deleteDomain(trx, row.id) : deleteProjects(trx, [row.id]),
        );
        return noContent;
      },
    }),
    ...projectTagRoutes(k, find),
  ];
}

function fixed(
  row: ProjectRow,
  input: { domain_id?: string | null; parent_id?: string | null; is_domain?: boolean },
): Fault | undefined {
  if (input.domain_id !== undefined && (input.domain_id ?? '') !== row.domain_id)
    return fault('badRequest', 'The domain_id of a project cannot be changed.');
  if (input.parent_id !== undefined && input.parent_id !== row.parent_id)
    return fault('forbidden', 'The parent_id of a project cannot be changed.');
  if (input.is_domain !== undefined && input.is_domain !== (row.is_domain === 1))
    return fault('badRequest', 'is_domain of a project cannot be changed.');
  return undefined;
}

/**
 * Whether a project's tags pass the query's filters. `tags`: has all; `tags-any`: has one;
 * `not-tags`: lacks one; `not-tags-any`: has none. Values are comma-separated.
 */
function hasTags(tagsOfProject: readonly string[], request: ApiRequest<unknown>): boolean {
  const wanted = (name: string): string[] | undefined => queryValue(request, name)?.split(',');
  const has = (one: string): boolean => tagsOfProject.includes(one);
  return (
    (wanted('tags')?.every(has) ?? true) &&
    (wanted('tags-any')?.some(has) ?? true) &&
    !(wanted('not-tags')?.every(has) ?? false) &&
    !(wanted('not-tags-any')?.some(has) ?? false)
  );
}
