// The state of a fleet while migrations are planned: hosts of servers, usage of hosts, and how far
// each host is from the mean of its pool. A host's excess is the part of that deviation beyond the
// tolerance, in either direction.
import type { BalanceGoal, MovableFleet, MovableServer } from './movable-fleet.ts';
import { mostMembers } from './movable-fleet.ts';

export interface Step {
  server: MovableServer;
  to: string;
}

export class Balance {
  readonly #goal: BalanceGoal;
  readonly #hosts: ReadonlyMap<string, MovableFleet['hosts'][number]>;
  readonly #used: Map<string, Map<string, number>>;
  readonly #meanOf = new Map<string, number>();
  /** Number of members by group and host. */
  readonly #members = new Map<string, number>();
  readonly #hostOf = new Map<string, string>();

  constructor({ hosts, servers }: MovableFleet, goal: BalanceGoal) {
    this.#goal = goal;
    this.#hosts = new Map(hosts.map((host) => [host.name, host]));
    this.#used = new Map(hosts.map(({ name, used }) => [name, new Map(Object.entries(used))]));
    for (const server of servers) {
      this.#hostOf.set(server.id, server.host);
      if (server.group) this.#count(server.group.id, server.host, 1);
    }
    for (const pool of new Set(hosts.map((host) => host.pool))) {
      const open = hosts.filter((host) => host.isOpen && host.pool === pool);
      const used = open.reduce((sum, { name }) => sum + this.usedOf(name), 0);
      const capacity = open.reduce((sum, { name }) => sum + this.capacityOf(name), 0);
      this.#meanOf.set(pool, capacity > 0 ? used / capacity : 0);
    }
  }

  hostOf(server: MovableServer): string {
    return this.#hostOf.get(server.id) ?? server.host;
  }

  capacityOf(host: string, resourceClass = this.#goal.resourceClass): number {
    return this.#hosts.get(host)?.capacity[resourceClass] ?? 0;
  }

  usedOf(host: string, resourceClass = this.#goal.resourceClass): number {
    return this.#used.get(host)?.get(resourceClass) ?? 0;
  }

  /** Used amount as a share of the capacity. */
  useOf(host: string): number {
    const capacity = this.capacityOf(host);
    return capacity > 0 ? this.usedOf(host) / capacity : 0;
  }

  meanAround(host: string): number {
    return this.#meanOf.get(this.#hosts.get(host)?.pool ?? '') ?? 0;
  }

  sizeOf({ resources }: MovableServer): number {
    return resources[this.#goal.resourceClass] ?? 0;
  }

  /** Units above the pool's mean, negative if below; `more` units are added to the host's usage. */
  deviationOf(host: string, more = 0): number {
    return this.usedOf(host) + more - this.meanAround(host) * this.capacityOf(host);
  }

  excessOf(host: string, more = 0): number {
    const band = this.#goal.tolerance * this.capacityOf(host);
    // Shares are fractions, so that a tiny excess is only a rounding error.
    const excess = Math.abs(this.deviationOf(host, more)) - band;
    return excess > 1e-6 ? excess : 0;
  }

  totalExcess(): number {
    let sum = 0;
    for (const [name, { isOpen }] of this.#hosts) if (isOpen) sum += this.excessOf(name);
    return sum;
  }

  /** By how much the excess of both hosts together would shrink. */
  gainOf(server: MovableServer, to: string): number {
    const [from, size] = [this.hostOf(server), this.sizeOf(server)];
    return (
      this.excessOf(from) + this.excessOf(to) - this.excessOf(from, -size) - this.excessOf(to, size)
    );
  }

  membersOn(groupId: string, host: string): number {
    return this.#members.get(`${groupId}\n${host}`) ?? 0;
  }

  /** Whether the host may take the server, given what is on it now. */
  fits(server: MovableServer, to: string): boolean {
    const [target, source] = [this.#hosts.get(to), this.#hosts.get(this.hostOf(server))];
    if (!target?.isOpen || !source || source === target || source.pool !== target.pool)
      return false;
    if (server.targets && !server.targets.has(to)) return false;
    for (const [name, amount] of Object.entries(server.resources))
      if (amount > 0 && this.usedOf(to, name) + amount > this.capacityOf(to, name)) return false;
    const { group } = server;
    if (!group) return true;
    const after = this.membersOn(group.id, to) + 1;
    const isNoWorse =
      group.policy === 'soft-anti-affinity' && after <= this.membersOn(group.id, source.name);
    return after <= mostMembers(group) || isNoWorse;
  }

  move({ server, to }: Step): void {
    const from = this.hostOf(server);
    for (const [name, amount] of Object.entries(server.resources)) {
      this.#used.get(from)?.set(name, this.usedOf(from, name) - amount);
      this.#used.get(to)?.set(name, this.usedOf(to, name) + amount);
    }
    this.#hostOf.set(server.id, to);
    if (!server.group) return;
    this.#count(server.group.id, from, -1);
    this.#count(server.group.id, to, 1);
  }

  #count(groupId: string, host: string, by: 1 | -1): void {
    const key = `${groupId}\n${host}`;
    this.#members.set(key, (this.#members.get(key) ?? 0) + by);
  }
}
