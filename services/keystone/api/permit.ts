// Policy checks that depend on the object. The route's own rule was checked before, against the
// caller's ids.
import { fault, type Fault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { PolicyTarget } from '#openstack/policy/policy.ts';
import { queryValue, queryFlag } from './replies.ts';

/** forbidden unless `rule` allows the caller to act on `target`. */
export function denied(
  request: ApiRequest<unknown>,
  rule: string,
  target: PolicyTarget,
): Fault | undefined {
  return request.allows(rule, target)
    ? undefined
    : fault('forbidden', `You are not authorized to perform the requested action: ${rule}.`);
}

/** The id of no domain: a list restricted to it is empty. */
const noDomain = '-';

/**
 * The domain to which a list is restricted. For admins and system readers the requested one
 * (undefined: all domains); for others that of their domain-scoped token, else none.
 */
export function listDomain(request: ApiRequest<unknown>): string | undefined {
  const wanted = queryValue(request, 'domain_id');
  if (request.allows('admin_or_system_reader')) return wanted;
  const own = request.auth.domainId ?? noDomain;
  return wanted === undefined || wanted === own ? own : noDomain;
}

/** The domain of a new object if the request names none. Identity API, "POST /v3/users". */
export function homeDomain(request: ApiRequest<unknown>): string {
  return request.auth.domainId ?? request.auth.projectDomainId ?? 'default';
}

/** `?enabled=` as the value of the column; undefined: not given. */
export function enabledFilter(request: ApiRequest<unknown>): number | undefined {
  const flag = queryFlag(request, 'enabled');
  return flag === undefined ? undefined : Number(flag);
}

export const notFound = (what: string, id: string): Fault =>
  fault('notFound', `Could not find ${what}: ${id}.`);
export const duplicateEntry = (what: string, name: string): Fault =>
  fault(
    'conflict',
    `Conflict occurred attempting to store ${what} - Duplicate entry found with name ${name}.`,
  );
