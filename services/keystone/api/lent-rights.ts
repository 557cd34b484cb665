// Rights that were lent must not be made lasting: tokens from trusts and from restricted application credentials create
// neither credentials nor trusts. Identity API, "Application Credentials": unrestricted.
import { fault, isFault, type Fault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#platform/http/api.ts';
import type { Keystone } from '#services/keystone/keystone.ts';

export async function deniedToLent(k: Keystone, request: ApiRequest<unknown>): Promise<Fault | undefined> {
  const facts = await k.tokens.open(request.auth.token);
  if (isFault(facts)) return facts; // revoked since the route looked
  if (facts.trust) return fault('forbidden', 'A token made from a trust may not do this.');
  if (facts.appCred && !facts.appCred.unrestricted) return fault('forbidden', 'A restricted application credential may not do this.');
  return undefined;
}
