// Writes the host's inventory and traits to Placement: a desired state, written only where it
// differs.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HostFacts } from '#contracts/nova/guest.ts';
import type { HttpAnswer } from '#openstack/http/client.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { NovaAgentConfig, NovaAgentDeps } from './deps.ts';

export type Inventory = Record<
  string,
  {
    total: number;
    reserved: number;
    min_unit: number;
    max_unit: number;
    step_size: number;
    allocation_ratio: number;
  }
>;

/** Pure: the inventory that the host offers. */
export function inventoryOf(facts: HostFacts, config: NovaAgentConfig): Inventory {
  const offer = (total: number, reserved: number, ratio: number) => ({
    total,
    reserved: Math.min(reserved, total),
    min_unit: 1,
    max_unit: total,
    step_size: 1,
    allocation_ratio: ratio,
  });
  const inventory: Inventory = {
    VCPU: offer(facts.vcpus, 0, config.cpuAllocationRatio),
    MEMORY_MB: offer(facts.memoryMib, config.reservedMemoryMib, config.ramAllocationRatio),
    DISK_GB: offer(facts.diskGib, config.reservedDiskGib, config.diskAllocationRatio),
  };
  return Object.fromEntries(Object.entries(inventory).filter(([, { total }]) => total > 0));
}

const microversion = 'placement 1.36';
// A provider has few writers: a generation conflict is resolved by trying again.
const maxTries = 4;

/**
 * Makes sure that the provider has this inventory and these traits. concurrentUpdate after too many
 * generation conflicts.
 */
export async function reportResources(
  deps: NovaAgentDeps,
  nodeUuid: string,
  facts: HostFacts,
): Promise<Outcome<void>> {
  const wanted = inventoryOf(facts, deps.config);
  for (let attempt = 0; attempt < maxTries; attempt += 1) {
    const outcome = await once(deps, nodeUuid, wanted, facts.traits);
    if (!isFault(outcome) || outcome.kind !== 'concurrentUpdate') return outcome;
  }
  return fault(
    'concurrentUpdate',
    `The inventory of ${deps.config.host} changed under each of ${maxTries} tries.`,
  );
}

async function once(
  deps: NovaAgentDeps,
  nodeUuid: string,
  wanted: Inventory,
  traits: readonly string[],
): Promise<Outcome<void>> {
  const provider = `/resource_providers/${nodeUuid}`;
  let current = await ask(deps, 'GET', `${provider}/inventories`);
  if (isFault(current)) return current;
  if (current.status === 404) {
    const created = await ask(deps, 'POST', '/resource_providers', {
      uuid: nodeUuid,
      name: deps.config.host,
    });
    if (isFault(created)) return created;
    if (created.status >= 400 && created.status !== 409) return refused('the provider', created);
    current = await ask(deps, 'GET', `${provider}/inventories`);
    if (isFault(current)) return current;
  }
  if (current.status !== 200) return refused('the inventory', current);
  const { inventories, resource_provider_generation: generation } = current.body as {
    inventories: Inventory;
    resource_provider_generation: number;
  }; // 200: placement's inventories document
  if (!sameInventory(inventories, wanted)) {
    const put = await ask(deps, 'PUT', `${provider}/inventories`, {
      resource_provider_generation: generation,
      inventories: wanted,
    });
    if (isFault(put)) return put;
    if (put.status !== 200) return refused('the inventory', put);
  }
  return await reportTraits(deps, provider, traits);
}

async function reportTraits(
  deps: NovaAgentDeps,
  provider: string,
  traits: readonly string[],
): Promise<Outcome<void>> {
  const current = await ask(deps, 'GET', `${provider}/traits`);
  if (isFault(current)) return current;
  if (current.status !== 200) return refused('the traits', current);
  const { traits: now, resource_provider_generation: generation } = current.body as {
    traits: string[];
    resource_provider_generation: number;
  }; // 200: placement's traits document
  // Traits set by others (an operator's CUSTOM_ ones) stay.
  const wanted = new Set([
    ...traits,
    ...now.filter((trait) => trait.startsWith('CUSTOM_') || trait.startsWith('COMPUTE_STATUS_')),
  ]);
  if (now.length === wanted.size && now.every((trait) => wanted.has(trait))) return undefined;
  const put = await ask(deps, 'PUT', `${provider}/traits`, {
    resource_provider_generation: generation,
    traits: [...wanted].sort(),
  });
  if (isFault(put)) return put;
  return put.status === 200 ? undefined : refused('the traits', put);
}

function sameInventory(now: Inventory, wanted: Inventory): boolean {
  const names = Object.keys(wanted);
  if (Object.keys(now).length !== names.length) return false;
  return names.every((name) => {
    const [a, b] = [now[name], wanted[name]];
    return (
      a !== undefined &&
      b !== undefined &&
      a.total === b.total &&
      a.reserved === b.reserved &&
      a.max_unit === b.max_unit &&
      a.allocation_ratio === b.allocation_ratio
    );
  });
}

async function ask(
  deps: NovaAgentDeps,
  method: HttpMethod,
  path: string,
  body?: Json,
): Promise<Outcome<HttpAnswer>> {
  const token = await deps.session.token();
  if (isFault(token)) return token;
  return await deps.http.send({
    method,
    service: 'placement',
    path,
    token,
    headers: { 'openstack-api-version': microversion },
    body,
    timeoutMs: 15_000,
  });
}

function refused(what: string, answer: HttpAnswer) {
  return fault(
    answer.status === 409 ? 'concurrentUpdate' : 'unavailable',
    `Placement refused ${what}: ${answer.status} ${JSON.stringify(answer.body)?.slice(0, 200) ?? ''}`,
  );
}
