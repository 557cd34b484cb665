// The in-memory picture of the fleet: every host has a position in typed columns; sets of hosts by
// zone, trait, aggregate and so on serve as indexes. A source applies changes host by host;
// decisions only read. Reasons: ADR 27.
import { fnv1a } from './fnv1a.ts';
import type {
  HostFacts,
  NumaCellFacts,
  QuotaFacts,
  ReservationFacts,
  ResourceFacts,
} from './host-facts.ts';
import type { HostSet } from './host-set.ts';
import { add, copyWithRoom, has, put, remove, wordsFor } from './host-set.ts';
import { NamedHostSets } from './named-host-sets.ts';
import { ResourceColumn } from './resource-column.ts';

const firstLength = 64;

/**
 * Metadata keys with this prefix list the projects of an aggregate: AggregateMultiTenancyIsolation.
 */
const tenantsKey = 'filter_tenant_id';

/**
 * The amount of a class that a host has not reported. Only disk may be unknown (NaN), since the
 * sources of the original Cortex report processors and memory only.
 */
const unknownAmount = (resourceClass: string): number => (resourceClass === 'DISK_GB' ? NaN : 0);

/** A reservation with the positions of its hosts, including hosts that are not in the fleet. */
export interface HeldReservation extends ReservationFacts {
  positions: readonly number[];
  /** The amounts it holds on each host, as a list. */
  amounts: readonly (readonly [resourceClass: string, amount: number])[];
}

export class Fleet {
  /** By position; '' if unused. A host keeps its position forever, since records refer to it. */
  readonly names: string[] = [];
  readonly nodeNames: string[] = [];
  readonly cells: (readonly NumaCellFacts[] | undefined)[] = [];
  nameHashes = new Int32Array(firstLength);
  hypervisorVersions = new Float64Array(firstLength);
  serverCounts = new Float64Array(firstLength);

  present: HostSet = new Int32Array(wordsFor(firstLength));
  ready: HostSet = new Int32Array(wordsFor(firstLength));
  disabled: HostSet = new Int32Array(wordsFor(firstLength));
  terminating: HostSet = new Int32Array(wordsFor(firstLength));
  /** Hosts that only some projects may use, by `allowedProjects` of the Hypervisor resource. */
  restricted: HostSet = new Int32Array(wordsFor(firstLength));
  /** Hosts that only some projects may use, by `filter_tenant_id` of an aggregate. */
  isolated: HostSet = new Int32Array(wordsFor(firstLength));

  readonly zones = new NamedHostSets(wordsFor(firstLength));
  readonly traits = new NamedHostSets(wordsFor(firstLength));
  /** Keys are an aggregate's uuid and its name. */
  readonly aggregates = new NamedHostSets(wordsFor(firstLength));
  /** Names in lower case. */
  readonly hypervisorTypes = new NamedHostSets(wordsFor(firstLength));
  readonly architectures = new NamedHostSets(wordsFor(firstLength));
  readonly guestFeatures = new NamedHostSets(wordsFor(firstLength));
  readonly allowedProjects = new NamedHostSets(wordsFor(firstLength));
  readonly tenants = new NamedHostSets(wordsFor(firstLength));

  /** By resource class. */
  readonly resources = new Map<string, ResourceColumn>();
  readonly reservations = new Map<string, HeldReservation>();
  /** Position of the host by server id. */
  readonly hostOfServer = new Map<string, number>();
  readonly #serversOn: (readonly string[] | undefined)[] = [];
  readonly #positions = new Map<string, number>();
  /**
   * By zone: the next free position, and the end of the block of positions reserved for the zone.
   */
  readonly #blocks = new Map<string, { next: number; end: number }>();
  readonly #nodePositions = new Map<string, number>();
  /** Committed resources, by project. */
  readonly #reservationsOfProject = new Map<string, Set<HeldReservation>>();
  readonly #reservationsOfServer = new Map<string, Set<HeldReservation>>();
  /** In-flight reservations, by server group id. */
  readonly #reservationsOfGroup = new Map<string, Set<HeldReservation>>();
  readonly #quotas = new Map<string, QuotaFacts>();
  /** Changes applied so far. */
  version = 0;
  hostCount = 0;
  #length = firstLength;

  /** The length of all columns; positions are less. */
  get length(): number {
    return this.#length;
  }

  get words(): number {
    return this.present.length;
  }

  /** The position of a host in the columns; undefined: there is no such host at present. */
  positionOf(name: string): number | undefined {
    const position = this.#positions.get(name);
    return position !== undefined && has(this.present, position) ? position : undefined;
  }

  positionOfNode(name: string): number | undefined {
    const position = this.#nodePositions.get(name);
    return position !== undefined && has(this.present, position) ? position : undefined;
  }

  serversOn(host: number): readonly string[] {
    return this.#serversOn[host] ?? [];
  }

  quotaOf(projectId: string, zone: string, hwVersion: string): QuotaFacts | undefined {
    return this.#quotas.get(`${projectId}\n${zone}\n${hwVersion}`);
  }

  /** Reservations of committed resources. */
  reservationsOfProject(projectId: string): Iterable<HeldReservation> {
    return this.#reservationsOfProject.get(projectId) ?? [];
  }

  reservationsOfServer(serverId: string): Iterable<HeldReservation> {
    return this.#reservationsOfServer.get(serverId) ?? [];
  }

  /** In-flight reservations. */
  reservationsOfGroup(groupId: string): Iterable<HeldReservation> {
    return this.#reservationsOfGroup.get(groupId) ?? [];
  }

  /** The column of a class; an empty one if no host has reported the class. */
  resource(resourceClass: string): ResourceColumn {
    let column = this.resources.get(resourceClass);
    if (!column) {
      column = new ResourceColumn(resourceClass, this.#length, unknownAmount(resourceClass));
      this.resources.set(resourceClass, column);
    }
    return column;
  }

  /** Replaces everything known of the host. */
  apply(facts: HostFacts): void {
    const host = this.#position(facts.name, facts.zone ?? '');
    this.version += 1;
    if (!has(this.present, host)) this.hostCount += 1;
    add(this.present, host);
    this.#assignNode(host, facts.hypervisorHostname ?? facts.name);
    put(this.ready, host, facts.ready === true);
    put(this.disabled, host, facts.disabled);
    put(this.terminating, host, facts.terminating);
    this.hypervisorVersions[host] = facts.hypervisorVersion ?? 0;
    this.zones.assign(host, namesIn(facts.zone));
    this.traits.assign(host, facts.traits);
    this.aggregates.assign(
      host,
      facts.aggregates.flatMap(({ uuid, name }) => [uuid, name].filter(Boolean)),
    );
    this.hypervisorTypes.assign(host, namesIn(facts.hypervisorType.toLowerCase()));
    this.architectures.assign(host, namesIn(facts.architecture));
    this.guestFeatures.assign(host, facts.guestFeatures);
    this.allowedProjects.assign(host, facts.allowedProjects);
    put(this.restricted, host, facts.allowedProjects.length > 0);
    const tenants = tenantsOf(facts);
    this.tenants.assign(host, tenants ?? []);
    put(this.isolated, host, tenants !== undefined);
    this.#assignResources(host, facts.resources);
    this.cells[host] = facts.cells;
    this.#assignServers(host, facts.servers);
  }

  /**
   * Updates the allocated amounts of a host and nothing else. No effect if there is no such host.
   */
  applyUsage(name: string, used: Readonly<Record<string, number>>): void {
    const host = this.positionOf(name);
    if (host === undefined) return;
    this.version += 1;
    for (const resourceClass in used)
      this.resource(resourceClass).setUsed(host, used[resourceClass] ?? 0);
  }

  remove(name: string): void {
    const host = this.positionOf(name);
    if (host === undefined) return;
    this.apply({ ...emptyHost, name });
    remove(this.present, host);
    this.hostCount -= 1;
  }

  applyReservation(facts: ReservationFacts): void {
    this.removeReservation(facts.id);
    this.version += 1;
    const positions = [...new Set(facts.hosts)].map((name) => this.#position(name));
    const reservation = { ...facts, positions, amounts: Object.entries(facts.held) };
    this.reservations.set(reservation.id, reservation);
    this.#hold(reservation, 1);
    for (const [index, key] of this.#reservationKeys(reservation))
      index.set(key, (index.get(key) ?? new Set()).add(reservation));
  }

  removeReservation(id: string): void {
    const reservation = this.reservations.get(id);
    if (!reservation) return;
    this.version += 1;
    this.reservations.delete(id);
    this.#hold(reservation, -1);
    for (const [index, key] of this.#reservationKeys(reservation)) {
      const ofKey = index.get(key);
      ofKey?.delete(reservation);
      if (ofKey?.size === 0) index.delete(key);
    }
  }

  applyQuota(quota: QuotaFacts): void {
    this.version += 1;
    const { projectId, zone, hwVersion } = quota;
    this.#quotas.set(`${projectId}\n${zone}\n${hwVersion}`, quota);
  }

  #hold({ type, positions, amounts }: HeldReservation, sign: 1 | -1): void {
    for (const [resourceClass, amount] of amounts)
      for (const host of positions) {
        const column = this.resource(resourceClass);
        // In-flight amounts will soon be allocated, so weighers count them as used.
        if (type === 'InFlightReservation') column.addInFlight(host, sign * amount);
        else column.addReserved(host, sign * amount);
      }
  }

  #reservationKeys({ type, projectId, group, servers }: HeldReservation) {
    const keys = servers.map((id) => [this.#reservationsOfServer, id] as const);
    if (type === 'CommittedResourceReservation' && projectId !== undefined)
      keys.push([this.#reservationsOfProject, projectId]);
    if (type === 'InFlightReservation' && group !== undefined)
      keys.push([this.#reservationsOfGroup, group]);
    return keys;
  }

  #assignNode(host: number, node: string): void {
    const before = this.nodeNames[host];
    if (before === node) return;
    if (before !== undefined && this.#nodePositions.get(before) === host)
      this.#nodePositions.delete(before);
    this.nodeNames[host] = node;
    this.#nodePositions.set(node, host);
  }

  #assignResources(host: number, resources: Readonly<Record<string, ResourceFacts>>): void {
    for (const name in resources) this.resource(name);
    for (const [name, column] of this.resources) column.assign(host, resources[name]);
  }

  #assignServers(host: number, servers: readonly string[]): void {
    for (const id of this.serversOn(host))
      if (this.hostOfServer.get(id) === host) this.hostOfServer.delete(id);
    for (const id of servers) this.hostOfServer.set(id, host);
    this.#serversOn[host] = servers;
    this.serverCounts[host] = servers.length;
  }

  /**
   * The position of a host, which may also be one that a reservation names before the host exists.
   * Positions are assigned to zones in blocks of a whole word (32), so that a filter by zone leaves
   * most words empty and later filters skip these.
   */
  #position(name: string, zone = ''): number {
    const position = this.#positions.get(name);
    if (position !== undefined) return position;
    let block = this.#blocks.get(zone);
    if (!block || block.next === block.end) {
      const next = this.names.length;
      block = { next, end: next + 32 };
      this.#blocks.set(zone, block);
      if (block.end > this.#length) this.#grow(this.#length * 2);
      while (this.names.length < block.end) this.names.push('');
    }
    const host = block.next++;
    this.names[host] = name;
    this.nameHashes[host] = fnv1a(name);
    this.#positions.set(name, host);
    return host;
  }

  #grow(length: number): void {
    this.#length = length;
    const words = wordsFor(length);
    this.present = copyWithRoom(this.present, words);
    this.ready = copyWithRoom(this.ready, words);
    this.disabled = copyWithRoom(this.disabled, words);
    this.terminating = copyWithRoom(this.terminating, words);
    this.restricted = copyWithRoom(this.restricted, words);
    this.isolated = copyWithRoom(this.isolated, words);
    this.nameHashes = copyWithRoom(this.nameHashes, length);
    const numbers = (column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const copy = new Float64Array(length);
      copy.set(column);
      return copy;
    };
    this.hypervisorVersions = numbers(this.hypervisorVersions);
    this.serverCounts = numbers(this.serverCounts);
    for (const index of [
      this.zones,
      this.traits,
      this.aggregates,
      this.hypervisorTypes,
      this.architectures,
      this.guestFeatures,
      this.allowedProjects,
      this.tenants,
    ])
      index.grow(words);
    for (const column of this.resources.values()) column.grow(length);
  }
}

const namesIn = (name: string | null): readonly string[] => (name ? [name] : []);

/** The projects that the host's aggregates list; undefined: none of them restricts projects. */
function tenantsOf({ aggregates }: HostFacts): string[] | undefined {
  const lists = aggregates.flatMap(({ metadata }) =>
    Object.entries(metadata)
      .filter(([key]) => key.startsWith(tenantsKey))
      .map(([, value]) => value),
  );
  if (lists.length === 0) return undefined;
  return lists.flatMap((list) =>
    list
      .split(',')
      .map((id) => id.trim())
      .filter(Boolean),
  );
}

const emptyHost: Omit<HostFacts, 'name'> = {
  zone: null,
  ready: null,
  disabled: false,
  terminating: false,
  hypervisorType: '',
  architecture: '',
  guestFeatures: [],
  traits: [],
  aggregates: [],
  allowedProjects: [],
  resources: {},
  servers: [],
};
