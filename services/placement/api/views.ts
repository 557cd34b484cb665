// The JSON of providers, inventories and candidates, by microversion.
import type { JsonObject } from '#contracts/common/json.ts';
import type { Inventory } from '#contracts/placement/wire.ts';
import { JsonText } from '#platform/http/messages.ts';
import type { Candidate } from '../domain/candidates.ts';
import type { Provider } from '../domain/provider.ts';
import { capacityOf } from '../domain/provider.ts';
import type { Snapshot } from '../store/world.ts';

const relations: readonly { rel: string; since: number }[] = [
  { rel: 'self', since: 0 },
  { rel: 'inventories', since: 0 },
  { rel: 'usages', since: 0 },
  { rel: 'aggregates', since: 1 },
  { rel: 'traits', since: 6 },
  { rel: 'allocations', since: 11 },
];

export function providerView(provider: Provider, version: number): JsonObject {
  const self = `/resource_providers/${provider.uuid}`;
  const view: JsonObject = {
    uuid: provider.uuid,
    name: provider.name,
    generation: provider.generation,
    links: relations
      .filter(({ since }) => since <= version)
      .map(({ rel }) => ({ rel, href: rel === 'self' ? self : `${self}/${rel}` })),
  };
  if (version >= 14)
    Object.assign(view, {
      parent_provider_uuid: provider.parentUuid,
      root_provider_uuid: provider.rootUuid,
    });
  return view;
}

export const inventoryView = (inventory: Inventory): JsonObject => ({ ...inventory });

export function inventoriesView(provider: Provider): JsonObject {
  return {
    inventories: Object.fromEntries(
      [...provider.inventories].map(([name, inventory]) => [name, inventoryView(inventory)]),
    ),
    resource_provider_generation: provider.generation,
  };
}

// Cached JSON of provider summaries: an answer has thousands, which rarely change. The cache is
// valid because a Provider object is never modified, only replaced.
const summaries = new WeakMap<Provider, Map<string, string>>();

function summaryText(
  provider: Provider,
  version: number,
  requestedClasses: ReadonlySet<string>,
): string {
  const key = version >= 27 ? `${version}` : `${version}/${[...requestedClasses].join()}`;
  let texts = summaries.get(provider);
  if (!texts) summaries.set(provider, (texts = new Map()));
  let text = texts.get(key);
  if (text === undefined) {
    const resources: JsonObject = {};
    for (const [name, inventory] of provider.inventories) {
      if (version >= 27 || requestedClasses.has(name))
        resources[name] = { capacity: capacityOf(inventory), used: provider.used.get(name) ?? 0 };
    }
    const summary: JsonObject = { resources };
    if (version >= 17) summary['traits'] = [...provider.traits].sort();
    if (version >= 29)
      Object.assign(summary, {
        parent_provider_uuid: provider.parentUuid,
        root_provider_uuid: provider.rootUuid,
      });
    text = `${JSON.stringify(provider.uuid)}:${JSON.stringify(summary)}`;
    texts.set(key, text);
  }
  return text;
}

/**
 * The JSON text of allocation candidates, assembled from cached pieces, since most of them repeat.
 * UUIDs, classes and suffixes are inserted unescaped: their schemas allow no character that JSON
 * would have to escape.
 */
export function candidatesText(
  candidates: readonly Candidate[],
  { providers, trees }: Pick<Snapshot, 'providers' | 'trees'>,
  requestedClasses: ReadonlySet<string>,
  version: number,
): JsonText {
  const resourceTexts = new Map<ReadonlyMap<string, number>, string>();
  const resourcesText = (resources: ReadonlyMap<string, number>): string => {
    let text = resourceTexts.get(resources);
    if (text === undefined)
      resourceTexts.set(resources, (text = JSON.stringify(Object.fromEntries(resources))));
    return text;
  };
  const providerIds = new Set<string>();
  const requests: string[] = [];
  for (const candidate of candidates) {
    if (version >= 29)
      for (const provider of trees.get(candidate.rootUuid) ?? []) providerIds.add(provider.uuid);
    let allocations = '';
    for (const [uuid, resources] of candidate.allocations) {
      providerIds.add(uuid);
      if (allocations !== '') allocations += ',';
      allocations +=
        version < 12
          ? `{"resource_provider":{"uuid":"${uuid}"},"resources":${resourcesText(resources)}}`
          : `"${uuid}":{"resources":${resourcesText(resources)}}`;
    }
    let mappings = '';
    if (version >= 34) {
      for (const [suffix, uuids] of candidate.mappings)
        mappings += `${mappings === '' ? '' : ','}"${suffix}":["${uuids.join('","')}"]`;
      mappings = `,"mappings":{${mappings}}`;
    }
    requests.push(
      version < 12
        ? `{"allocations":[${allocations}]}`
        : `{"allocations":{${allocations}}${mappings}}`,
    );
  }
  const summaryTexts: string[] = [];
  for (const uuid of providerIds) {
    const provider = providers.get(uuid);
    if (provider) summaryTexts.push(summaryText(provider, version, requestedClasses));
  }
  return new JsonText(
    `{"allocation_requests":[${requests.join()}],"provider_summaries":{${summaryTexts.join()}}}`,
  );
}
