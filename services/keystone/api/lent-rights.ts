// Restrictions on tokens whose rights are delegated, by a trust or an application credential.
// Identity API, "Application Credentials" (unrestricted) and "OS-TRUST".
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { withImplied } from '../domain/implied-roles.ts';
import { roleIdsIn } from '../store/assignments.ts';
import { findProject } from '../store/projects.ts';
import { implications } from '../store/roles.ts';
import type { Keystone } from './keystone.ts';

/**
 * Refuses tokens of trusts and of restricted application credentials. Such tokens must not see
 * secrets of their user, nor create, change or delete credentials and trusts.
 */
export async function deniedToLent(
  k: Keystone,
  request: ApiRequest<unknown>,
): Promise<Fault | undefined> {
  const facts = await k.tokens.open(request.auth.token);
  if (isFault(facts)) return facts; // revoked since the route checked it
  if (facts.appCred && !facts.appCred.unrestricted)
    return fault('forbidden', 'A restricted application credential may not do this.');
  return facts.trust ? fault('forbidden', 'A token made from a trust may not do this.') : undefined;
}

/**
 * Refuses tokens of trusts: a trustee must not see the trustor's application credentials and access
 * rules.
 */
export async function deniedToTrustee(
  k: Keystone,
  request: ApiRequest<unknown>,
): Promise<Fault | undefined> {
  const facts = await k.tokens.open(request.auth.token);
  if (isFault(facts)) return facts;
  return facts.trust ? fault('forbidden', 'A token made from a trust may not do this.') : undefined;
}

/**
 * The roles on a project that this token may delegate: the user's own; with an application
 * credential only those that the credential has.
 */
export async function lendableRoles(
  k: Keystone,
  request: ApiRequest<unknown>,
  projectId: string,
): Promise<Outcome<Set<string>>> {
  const facts = await k.tokens.open(request.auth.token);
  if (isFault(facts)) return facts;
  const roles = await roleIdsIn(
    k.db,
    facts.user.id,
    { kind: 'project', id: projectId },
    await findProject(k.db, projectId),
  );
  if (!facts.appCred) return roles;
  if (facts.appCred.project_id !== projectId) return new Set();
  // Keystone wrote the column as a JSON array of ids.
  const lent = withImplied(JSON.parse(facts.appCred.roles) as string[], await implications(k.db));
  return new Set([...roles].filter((id) => lent.has(id)));
}
