// Writes the host's inventory and traits to Placement, if they differ from what Placement has.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { HostFacts } from '#contracts/nova/guest.ts';
import type { Inventories } from '#contracts/placement/wire.ts';
import { itself, refusedStatus } from '#openstack/clients/call.ts';
import type { Placement } from '#openstack/clients/placement.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { NovaAgentConfig, NovaAgentDeps } from './deps.ts';

/** The inventory that the host offers. Pure. */
export function inventoryOf(facts: HostFacts, config: NovaAgentConfig): Inventories {
  const offer = (total: number, reserved: number, ratio: number) => ({
    total,
    reserved: Math.min(reserved, total),
    min_unit: 1,
    max_unit: total,
    step_size: 1,
    allocation_ratio: ratio,
  });
  const reserved = config.reserved();
  const inventory: Inventories = {
    VCPU: offer(facts.vcpus, 0, config.cpuAllocationRatio),
    MEMORY_MB: offer(facts.memoryMib, reserved.memoryMib, config.ramAllocationRatio),
    DISK_GB: offer(facts.diskGib, reserved.diskGib, config.diskAllocationRatio),
  };
  return Object.fromEntries(Object.entries(inventory).filter(([, { total }]) => total > 0));
}

const timeoutMs = 15_000;
// A provider has few writers: a generation conflict is resolved by trying again.
const maxTries = 4;

/**
 * Makes sure that the provider has this inventory and these traits. concurrentUpdate: a generation
 * conflict in each of `maxTries` tries.
 */
export async function reportResources(
  deps: NovaAgentDeps,
  nodeUuid: string,
  facts: HostFacts,
): Promise<Outcome<void>> {
  const placement = placementClient(deps, itself, { timeoutMs });
  const provider = { uuid: nodeUuid, name: deps.config.host };
  const wanted = inventoryOf(facts, deps.config);
  for (let attempt = 0; attempt < maxTries; attempt += 1) {
    const reported =
      (await reportInventory(placement, provider, wanted)) ??
      (await reportTraits(placement, nodeUuid, facts.traits));
    if (reported?.kind !== 'concurrentUpdate') return reported;
  }
  return fault(
    'concurrentUpdate',
    `The inventory of ${deps.config.host} changed under each of ${maxTries} tries.`,
  );
}

async function reportInventory(
  placement: Placement,
  provider: { uuid: string; name: string },
  wanted: Inventories,
): Promise<Fault | undefined> {
  const { uuid } = provider;
  let current = await placement.inventory(uuid);
  if (isFault(current) && current.kind === 'notFound') {
    const created = await placement.createProvider(provider);
    if (isFault(created)) return withSubject('the provider', created);
    current = await placement.inventory(uuid);
  }
  if (isFault(current)) return withSubject('the inventory', current);
  if (sameInventory(current.inventories, wanted)) return undefined;
  const update = await placement.setInventory(uuid, { ...current, inventories: wanted });
  return isFault(update) ? withSubject('the inventory', update) : undefined;
}

async function reportTraits(
  placement: Placement,
  uuid: string,
  traits: readonly string[],
): Promise<Fault | undefined> {
  const current = await placement.traits(uuid);
  if (isFault(current)) return withSubject('the traits', current);
  const { traits: present } = current;
  // Custom traits that others have set are kept.
  const wanted = new Set([
    ...traits,
    ...present.filter(
      (trait) => trait.startsWith('CUSTOM_') || trait.startsWith('COMPUTE_STATUS_'),
    ),
  ]);
  if (present.length === wanted.size && present.every((trait) => wanted.has(trait)))
    return undefined;
  const update = await placement.setTraits(uuid, { ...current, traits: [...wanted].sort() });
  return isFault(update) ? withSubject('the traits', update) : undefined;
}

function sameInventory(now: Inventories, wanted: Inventories): boolean {
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

/**
 * Converts a refusal by Placement to a fault. A fault without an HTTP status means that Placement
 * was not reached, and is passed on.
 */
function withSubject(what: string, answer: Fault): Fault {
  if (refusedStatus(answer) === undefined) return answer;
  const kind = answer.kind === 'concurrentUpdate' ? 'concurrentUpdate' : 'unavailable';
  return fault(kind, `Placement refused ${what}: ${answer.message}`);
}
