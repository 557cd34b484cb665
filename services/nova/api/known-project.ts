// Whether Keystone knows a project that somebody grants something to. Called where a typing error
// would be kept for ever.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';

/**
 * badRequest: there is no such project. Where Keystone cannot or may not tell, the caller is
 * believed, as in Nova (nova.api.openstack.identity).
 */
export async function checkProject(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  projectId: string,
): Promise<Outcome<undefined>> {
  const answer = await deps.http.send({
    method: 'GET',
    service: 'identity',
    path: `/v3/projects/${encodeURIComponent(projectId)}`,
    token: request.auth.token,
    requestId: request.id,
    timeoutMs: 10_000,
  });
  if (isFault(answer)) {
    deps.log.warn(
      { project: projectId, req: request.id, reason: answer.message },
      'project taken unchecked: keystone does not answer',
    );
    return undefined;
  }
  return answer.status === 404
    ? fault('badRequest', `Project ID ${projectId} is not a valid project.`)
    : undefined;
}
