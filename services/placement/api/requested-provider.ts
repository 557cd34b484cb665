// Reads the provider `:uuid` from the in-memory copy, and changes its parts (inventories, traits,
// aggregates).
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import type { Provider } from '../domain/provider.ts';
import { canonicalUuid } from '../domain/uuid.ts';
import { changeUnderGeneration } from '../store/generations.ts';
import type { PlacementDb } from '../store/tables.ts';
import { lastModified } from './answers-by-version.ts';
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

/** A GET handler for one part of provider `:uuid`. Last-Modified is the provider's last change. */
export const showOfProvider =
  (
    parts: PlacementParts,
    view: (provider: Provider, request: ApiRequest<unknown>) => Json,
  ): Route['handler'] =>
  async (request) => {
    const provider = await requestedProvider(parts, request);
    return isFault(provider)
      ? provider
      : {
          status: 200,
          headers: lastModified(provider.updatedAtMs),
          body: view(provider, request),
        };
  };

/**
 * Changes parts of a provider if its generation is still `expected` (undefined: any generation),
 * and returns the changed provider.
 */
export async function changeProvider(
  parts: PlacementParts,
  provider: Provider,
  expected: number | undefined,
  change: (trx: PlacementDb) => Promise<Outcome<void>>,
): Promise<Outcome<Provider>> {
  const { uuid } = provider;
  const nowMs = parts.clock.now();
  const refusal = await changeUnderGeneration(parts.database.db, { uuid, expected, nowMs }, change);
  if (isFault(refusal)) return refusal;
  return (
    (await parts.world.read()).providers.get(uuid) ??
    fault('notFound', `No resource provider with uuid ${uuid} found`)
  );
}
