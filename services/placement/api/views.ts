// Providers, inventories and candidates as the API shows them, by microversion.
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Candidate } from '../domain/candidates.ts';
import type { Inventory, Provider } from '../domain/provider.ts';
import { capacityOf } from '../domain/provider.ts';

const relations: readonly { rel: string; since: number }[] = [
  { rel: 'self', since: 0 }, { rel: 'inventories', since: 0 }, { rel: 'usages', since: 0 }, { rel: 'aggregates', since: 1 }, { rel: 'traits', since: 6 }, { rel: 'allocations', since: 11 },
];

export function providerView(provider: Provider, version: number): JsonObject {
  const self = `/resource_providers/${provider.uuid}`;
  const view: JsonObject = {
    uuid: provider.uuid, name: provider.name, generation: provider.generation,
    links: relations.filter(({ since }) => since <= version).map(({ rel }) => ({ rel, href: rel === 'self' ? self : `${self}/${rel}` })),
  };
  if (version >= 14) Object.assign(view, { parent_provider_uuid: provider.parentUuid, root_provider_uuid: provider.rootUuid });
  return view;
}

export const inventoryView = (inventory: Inventory): JsonObject => ({ ...inventory });

export function inventoriesView(provider: Provider): JsonObject {
  return { inventories: Object.fromEntries([...provider.inventories].map(([name, inventory]) => [name, inventoryView(inventory)])), resource_provider_generation: provider.generation };
}

const object = (resources: ReadonlyMap<string, number>): JsonObject => Object.fromEntries(resources);

// Summaries hardly change between two questions: kept with the provider they describe, which is never changed itself.
const summaries = new WeakMap<Provider, Map<string, JsonObject>>();

function summaryOf(provider: Provider, version: number, asked: ReadonlySet<string>): JsonObject {
  const key = version >= 27 ? `${version}` : `${version}/${[...asked].join()}`;
  const known = summaries.get(provider) ?? new Map<string, JsonObject>();
  summaries.set(provider, known);
  let summary = known.get(key);
  if (!summary) {
    const resources: JsonObject = {};
    for (const [name, inventory] of provider.inventories) {
      if (version >= 27 || asked.has(name)) resources[name] = { capacity: capacityOf(inventory), used: provider.used.get(name) ?? 0 };
    }
    summary = { resources };
    if (version >= 17) summary['traits'] = [...provider.traits].sort();
    if (version >= 29) Object.assign(summary, { parent_provider_uuid: provider.parentUuid, root_provider_uuid: provider.rootUuid });
    known.set(key, summary);
  }
  return summary;
}

export function candidatesView(candidates: readonly Candidate[], providers: ReadonlyMap<string, Provider>, trees: ReadonlyMap<string, readonly Provider[]>, asked: ReadonlySet<string>, version: number): JsonObject {
  const seen = new Set<string>();
  const allocationRequests = candidates.map((candidate): Json => {
    if (version >= 29) for (const provider of trees.get(candidate.rootUuid) ?? []) seen.add(provider.uuid);
    const allocations: JsonObject = {};
    for (const [uuid, resources] of candidate.allocations) {
      seen.add(uuid);
      allocations[uuid] = { resources: object(resources) };
    }
    if (version < 12) return { allocations: Object.entries(allocations).map(([uuid, value]) => ({ resource_provider: { uuid }, ...(value as JsonObject) })) };
    return version < 34 ? { allocations } : { allocations, mappings: Object.fromEntries([...candidate.mappings].map(([suffix, uuids]) => [suffix, [...uuids]])) };
  });
  const provider_summaries: JsonObject = {};
  for (const uuid of seen) {
    const provider = providers.get(uuid);
    if (provider) provider_summaries[uuid] = summaryOf(provider, version, asked);
  }
  return { allocation_requests: allocationRequests, provider_summaries };
}
