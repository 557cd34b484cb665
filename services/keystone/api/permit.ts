// Policy checks that need the object: the route's rule was checked against the caller's own ids
// before.
import { fault, type Fault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { PolicyTarget } from '#openstack/policy/policy.ts';
import { asked, askedFlag } from './replies.ts';

/** forbidden unless `rule` lets the caller act on `target`. */
export function denied(
  request: ApiRequest<unknown>,
  rule: string,
  target: PolicyTarget,
): Fault | undefined {
  return request.allows(rule, target)
    ? undefined
    : fault('forbidden', `You are not authorized to perform the requested action: ${rule}.`);
}

/** The id of no domain: a list limited to it is empty. */
const noDomain = '-';

/**
 * The domain a list is limited to: the one asked for, but with a token of a domain no other than
 * that.
 */
export function listDomain(request: ApiRequest<unknown>): string | undefined {
  const wanted = asked(request, 'domain_id');
  if (request.allows('admin_or_system_reader')) return wanted;
  const own = request.auth.domainId ?? noDomain;
  return wanted === undefined || wanted === own ? own : noDomain;
}

/** The domain of a new object where the request names none. Identity API, "POST /v3/users". */
export function homeDomain(request: ApiRequest<unknown>): string {
  return request.auth.domainId ?? request.auth.projectDomainId ?? 'default';
}

/** `?enabled=` as the column holds it. */
export function enabledFilter(request: ApiRequest<unknown>): number | undefined {
  const flag = askedFlag(request, 'enabled');
  return flag === undefined ? undefined : Number(flag);
}

export const notFound = (what: string, id: string): Fault =>
  fault('notFound', `Could not find ${what}: ${id}.`);
export const taken = (what: string, name: string): Fault =>
  fault(
    'conflict',
    `Conflict occurred attempting to store ${what} - Duplicate entry found with name ${name}.`,
  );
