// Parents and subtree of a project for its response. Called by projects.ts.
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { reachableBy } from '../store/assignments.ts';
import { ancestorsOf, descendantsOf } from '../store/projects.ts';
import type { ProjectRow } from '../store/tables.ts';
import type { Keystone } from './keystone.ts';
import { projectView } from './project-view.ts';

const familyForms = ['parents_as_list', 'parents_as_ids', 'subtree_as_list', 'subtree_as_ids'];

/** Handles `?parents_as_list`, `?subtree_as_list` and their `_as_ids` forms. */
export async function relativesOf(
  k: Keystone,
  request: ApiRequest<unknown>,
  row: ProjectRow,
): Promise<JsonObject> {
  const wants = (name: string): boolean => request.query[name] !== undefined;
  if (!familyForms.some(wants)) return {};
  // Lists contain only projects that the caller may see or use; the `_as_ids` forms contain all.
  // Identity API, "Show project details".
  const usable = new Set(
    (await reachableBy(k.db, request.auth.userId)).projects.map((one) => one.id),
  );
  const isVisible = (one: ProjectRow): boolean =>
    usable.has(one.id) ||
    request.allows('identity:get_project', { project_id: one.id, domain_id: one.domain_id });
  const asList = (rows: ProjectRow[]): JsonObject[] =>
    rows.filter(isVisible).map((one) => ({ project: projectView(request, one, []) }));
  const relatives: JsonObject = {};
  if (wants('parents_as_list'))
    relatives['parents'] = asList((await ancestorsOf(k.db, row)).filter((one) => !one.is_domain));
  if (wants('parents_as_ids'))
    relatives['parents'] = (await ancestorsOf(k.db, row)).reduceRight<JsonObject | null>(
      (inner, one) => ({ [one.id]: inner }),
      null,
    );
  if (wants('subtree_as_list')) relatives['subtree'] = asList(await descendantsOf(k.db, [row.id]));
  if (wants('subtree_as_ids')) {
    const below = await descendantsOf(k.db, [row.id]);
    const tree = (id: string): JsonObject | null => {
      const children = below.filter((one) => one.parent_id === id);
      return children.length === 0
        ? null
        : Object.fromEntries(children.map((child) => [child.id, tree(child.id)]));
    };
    relatives['subtree'] = tree(row.id);
  }
  return relatives;
}
