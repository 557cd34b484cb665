// The provider of `:uuid`, read from the role's copy, and changes of what belongs to it.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { Provider } from '../domain/provider.ts';
import { canonicalUuid } from '../domain/uuid.ts';
import { changeUnderGeneration } from '../store/generations.ts';
import type { PlacementDb } from '../store/tables.ts';
import type { PlacementParts } from './parts.ts';

export async function requestedProvider(
  parts: PlacementParts,
  request: ApiRequest<unknown>,
): Promise<Outcome<Provider>> {
  const uuid = request.params['uuid'] ?? '';
  return (
    (await parts.world.read()).providers.get(canonicalUuid(uuid) ?? uuid) ??
    fault('notFound', `No resource provider with uuid ${uuid} found`)
  );
}

/**
 * Changes one provider's belongings if its generation is still `expected` (undefined: whatever it
 * is), and returns the provider as it is then.
 */
export async function changeProvider(
  parts: PlacementParts,
  provider: Provider,
  expected: number | undefined,
  change: (trx: PlacementDb) => Promise<Outcome<void>>,
): Promise<Outcome<Provider>> {
  const { uuid } = provider;
  const nowMs = parts.clock.now();
  const refused = await changeUnderGeneration(parts.database.db, { uuid, expected, nowMs }, change);
  if (isFault(refused)) return refused;
  return (
    (await parts.world.read()).providers.get(uuid) ??
    fault('notFound', `No resource provider with uuid ${uuid} found`)
  );
}
