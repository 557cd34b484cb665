// Checks that Keystone knows a project before quota or flavor access is granted to it: with a
// mistyped project id the grant would be stored for ever without effect.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { refusedStatus } from '#openstack/clients/call.ts';
import { keystoneClient } from '#openstack/clients/keystone.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';

const timeoutMs = 10_000;

/**
 * Checks at Keystone that the project exists. badRequest: Keystone says that the project does not
 * exist. If Keystone does not answer, or does not let the caller look, the project id is accepted
 * unchecked, as in Nova (nova.api.openstack.identity).
 */
export async function checkProject(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  projectId: string,
): Promise<Outcome<undefined>> {
  const caller = { token: request.auth.token, requestId: request.id };
  const project = await keystoneClient(deps, caller, { timeoutMs }).project(projectId);
  if (!isFault(project)) return undefined;
  if (project.kind === 'notFound')
    return fault('badRequest', `Project ID ${projectId} is not a valid project.`);
  if (refusedStatus(project) === undefined)
    deps.log.warn(
      { project: projectId, req: request.id, reason: project.message },
      'project taken unchecked: keystone does not answer',
    );
  return undefined;
}
