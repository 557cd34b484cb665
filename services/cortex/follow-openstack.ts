// Keeps the picture of the fleet up to date with Nova's and Placement's public APIs. A resource
// provider is read again only when its generation has changed, which every change of it causes;
// Nova's hypervisor list is read less often. Used by role.ts.
import { setImmediate } from 'node:timers/promises';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import type { NovaFleet } from '#openstack/clients/nova-fleet.ts';
import type { Placement } from '#openstack/clients/placement.ts';
import type { Clock } from '#platform/clock.ts';
import type { Fleet } from './domain/fleet/fleet.ts';
import { withHypervisor } from './domain/fleet/from-hypervisor.ts';
import type {
  AggregateEntry,
  HypervisorEntry,
  ProviderFacts,
} from './domain/fleet/from-openstack.ts';
import { factsOfHost } from './domain/fleet/from-openstack.ts';
import type { InFlight } from './domain/in-flight/in-flight.ts';

/** How often Nova is asked for hosts that were added, removed, enabled, disabled or went down. */
const hypervisorsEveryMs = 10_000;
/** Providers read concurrently. */
const concurrency = 16;
/** Hosts applied before decisions get a turn of the event loop. */
const appliedAtOnce = 200;

export interface FollowDeps {
  nova: Pick<NovaFleet, 'hypervisors' | 'aggregates'>;
  placement: Pick<Placement, 'providers' | 'inventory' | 'usages' | 'traits' | 'consumers'>;
  fleet: Fleet;
  /** Is told of claims that have become visible. */
  inFlight: Pick<InFlight, 'isOn' | 'noteClaims'>;
  clock: Pick<Clock, 'now'>;
  /** The zone of hosts that are in no aggregate with a zone. */
  defaultZone: string;
}

export interface FleetFollower {
  /** Reads and applies changes. A fault: an API did not answer, and the picture stays as it was. */
  poll(): Promise<Outcome<void>>;
  /**
   * A look that starts after this call and re-reads Nova's lists, too. Concurrent calls share one
   * look.
   */
  refresh(): Promise<Outcome<void>>;
  /**
   * Reads one host, named by its resource provider's id, because a message said that the server
   * `claimedBy` has claimed resources of it.
   */
  lookAt(nodeUuid: string, claimedBy: string): Promise<Outcome<void>>;
  /** Resolves when all reads by `lookAt` that have been started are finished. */
  settled(): Promise<void>;
  /** The host's Hypervisor resource, whose facts are added; undefined: it was deleted. */
  noteHypervisor(name: string, hypervisor: Hypervisor | undefined): void;
  /** Whether the whole fleet has been read at least once. */
  isReady(): boolean;
}

interface NovaView {
  readAtMs: number;
  hypervisors: readonly HypervisorEntry[];
  hostOfProvider: ReadonlyMap<string, string>;
  /** Each hypervisor as JSON, to detect changes. */
  texts: readonly string[];
  aggregates: readonly AggregateEntry[];
  aggregatesText: string;
  /** Incremented whenever an aggregate has changed. */
  aggregatesVersion: number;
}

export function followOpenStack(deps: FollowDeps): FleetFollower {
  const { nova, placement, fleet, inFlight, clock, defaultZone } = deps;
  const providers = new Map<string, ProviderFacts>();
  /** By provider: the number of the read from which its facts are. */
  const readOf = new Map<string, number>();
  let readsBegun = 0;
  /** By host name: the facts applied last, to skip hosts without changes. */
  const applied = new Map<string, string>();
  let view: NovaView | undefined;
  const resources = new Map<string, Hypervisor>();
  /** By provider: consumers whose claims are in facts that have been read but not applied. */
  const claimsSeen = new Map<string, readonly string[]>();
  const readings = new Set<Promise<unknown>>();
  /** Looks at all hosts run one after another. */
  let last: Promise<Outcome<void>> = Promise.resolve(undefined);
  let queued: Promise<Outcome<void>> | undefined;
  const inTurn = async (read: () => Promise<Outcome<void>>): Promise<Outcome<void>> =>
    await (last = last.then(read, read));
  let isReady = false;

  async function readNova(): Promise<Outcome<NovaView>> {
    const readAtMs = clock.now();
    if (view && readAtMs - view.readAtMs < hypervisorsEveryMs) return view;
    const [hypervisors, aggregates] = await Promise.all([nova.hypervisors(), nova.aggregates()]);
    if (isFault(hypervisors)) return hypervisors;
    if (isFault(aggregates)) return aggregates;
    const aggregatesText = JSON.stringify(aggregates);
    const before = view?.aggregatesVersion ?? 0;
    view = {
      readAtMs,
      hypervisors,
      hostOfProvider: new Map(hypervisors.map(({ id, service }) => [id, service.host])),
      texts: hypervisors.map((one) => JSON.stringify(one)),
      aggregates,
      aggregatesText,
      aggregatesVersion: view?.aggregatesText === aggregatesText ? before : before + 1,
    };
    return view;
  }

  async function readProvider(uuid: string): Promise<Fault | undefined> {
    readsBegun += 1;
    const own = readsBegun;
    const [inventory, usages, traits] = await Promise.all([
      placement.inventory(uuid),
      placement.usages(uuid),
      placement.traits(uuid),
    ]);
    for (const answer of [inventory, usages, traits])
      if (isFault(answer)) return answer.kind === 'notFound' ? undefined : answer;
    if (isFault(inventory) || isFault(usages) || isFault(traits)) return undefined; // as above
    // A read that started later is newer and includes every claim that this one was for.
    if ((readOf.get(uuid) ?? 0) > own) return undefined;
    readOf.set(uuid, own);
    providers.set(uuid, {
      // The lowest one: if the provider changed between the three reads, it is read again.
      generation: Math.min(
        ...[inventory, usages, traits].map((one) => one.resource_provider_generation),
      ),
      inventories: inventory.inventories,
      usages: usages.usages,
      traits: traits.traits,
    });
    return undefined;
  }

  function forget(uuid: string): void {
    providers.delete(uuid);
    readOf.delete(uuid);
  }

  /**
   * Consumers of a provider if its host has in-flight choices. Called before the usages are read,
   * so that every consumer returned is included in them.
   */
  async function readConsumers(uuid: string): Promise<readonly string[]> {
    const host = view?.hostOfProvider.get(uuid);
    if (host === undefined || !inFlight.isOn(host)) return [];
    const consumers = await placement.consumers(uuid);
    return isFault(consumers) ? [] : consumers;
  }

  /** Reads the providers of these hypervisors whose generation has changed. */
  async function readProviders(hypervisors: ReadonlySet<string>): Promise<Fault | undefined> {
    const entries = await placement.providers();
    if (isFault(entries)) return entries;
    const stale = entries.filter(
      ({ uuid, generation }) =>
        hypervisors.has(uuid) && providers.get(uuid)?.generation !== generation,
    );
    const present = new Set(entries.map(({ uuid }) => uuid));
    for (const uuid of providers.keys()) if (!present.has(uuid)) forget(uuid);
    for (let from = 0; from < stale.length; from += concurrency) {
      const chunk = stale.slice(from, from + concurrency);
      const faults = await Promise.all(
        chunk.map(async ({ uuid }) => {
          const consumers = await readConsumers(uuid);
          const fault = await readProvider(uuid);
          if (!fault) claimsSeen.set(uuid, consumers);
          return fault;
        }),
      );
      const fault = faults.find((one) => one !== undefined);
      if (fault) return fault;
    }
    return undefined;
  }

  /**
   * Applies the host's facts to the fleet if they have changed. Returns false if the host has no
   * resource provider, e.g. because its agent has not created it yet.
   */
  function applyHost(present: NovaView, index: number): boolean {
    const hypervisor = present.hypervisors[index];
    const provider = hypervisor && providers.get(hypervisor.id);
    if (!provider) return false;
    const { texts, aggregates, aggregatesVersion } = present;
    const name = hypervisor.service.host;
    const resource = resources.get(name);
    const { uid = '', resourceVersion = '' } = resource?.metadata ?? {};
    const version = `${provider.generation} ${aggregatesVersion} ${uid} ${resourceVersion} ${texts[index] ?? ''}`;
    if (applied.get(name) !== version) {
      const facts = factsOfHost(hypervisor, aggregates, provider, defaultZone);
      fleet.apply(resource ? withHypervisor(facts, resource) : facts);
      applied.set(name, version);
    }
    return true;
  }

  async function apply(present: NovaView): Promise<void> {
    const hostNames = new Set<string>();
    for (const [index, hypervisor] of present.hypervisors.entries()) {
      if (index % appliedAtOnce === appliedAtOnce - 1) await setImmediate();
      if (!applyHost(present, index)) continue;
      hostNames.add(hypervisor.service.host);
      inFlight.noteClaims(hypervisor.service.host, claimsSeen.get(hypervisor.id) ?? []);
      claimsSeen.delete(hypervisor.id);
    }
    for (const name of applied.keys())
      if (!hostNames.has(name)) {
        fleet.remove(name);
        applied.delete(name);
      }
  }

  return {
    isReady: () => isReady,
    poll: async () => await inTurn(async () => await lookAtAll(await readNova())),
    async refresh() {
      queued ??= inTurn(async () => {
        queued = undefined;
        view = view && { ...view, readAtMs: -Infinity };
        return await lookAtAll(await readNova());
      });
      return await queued;
    },
    noteHypervisor(name, hypervisor) {
      if (hypervisor) resources.set(name, hypervisor);
      else resources.delete(name);
      const index = view?.hypervisors.findIndex(({ service }) => service.host === name) ?? -1;
      if (view && index >= 0) applyHost(view, index);
    },
    settled: async () => void (await Promise.allSettled(readings)),
    async lookAt(nodeUuid, claimedBy) {
      const reading = lookAtOne(nodeUuid, claimedBy);
      readings.add(reading);
      return await reading.finally(() => readings.delete(reading));
    },
  };

  async function lookAtAll(present: Outcome<NovaView>): Promise<Outcome<void>> {
    if (isFault(present)) return present;
    const fault = await readProviders(new Set(present.hypervisors.map(({ id }) => id)));
    if (fault) return fault;
    await apply(present);
    isReady = true;
    return undefined;
  }

  async function lookAtOne(nodeUuid: string, claimedBy: string): Promise<Outcome<void>> {
    const index = view?.hypervisors.findIndex(({ id }) => id === nodeUuid) ?? -1;
    if (!view || index < 0) return undefined; // the next look at all hosts finds it
    const fault = await readProvider(nodeUuid);
    if (fault) return fault;
    if (applyHost(view, index))
      inFlight.noteClaims(view.hypervisors[index]?.service.host ?? '', [claimedBy]);
    return undefined;
  }
}
