// Finds out which OVN chassis (hosts) are alive: it bumps a generation in OVN periodically, and
// live hosts copy it. Updates the agents list, and says which hosts can carry gateways.
import { isFault } from '#contracts/common/fault.ts';
import type { Chassis, Sdn } from '#ports/sdn.ts';
import type { NeutronDeps } from '../deps.ts';
import type { ChassisFacts } from '../domain/sdn-facts.ts';
import { noteAgent, removedControllers } from '../store/sdn-agents.ts';

/**
 * Interval of liveness checks. Each one costs northd a recomputation: 0.1 s with 2,000 ports
 * (23.03).
 */
export const askEveryMs = 10_000;
/** The least time between two heartbeats of an agent in the database. */
const noteEveryMs = 15_000;
/** A chassis that misses this many checks in a row counts as not alive. */
const maxMissed = 3;

export class ChassisWatch {
  readonly #deps: Pick<NeutronDeps, 'database' | 'clock' | 'log' | 'config'>;
  readonly #sdn: () => Sdn;
  /**
   * Checks missed in a row, by chassis name. A chassis that is not in the map yet counts as alive.
   */
  readonly #missed = new Map<string, number>();
  /** The generation last asked for; null: asking failed, so that silence proves nothing. */
  #lastGeneration: number | null = null;
  /** Chassis of hosts whose agent an operator has deleted. */
  #removed: ReadonlySet<string> = new Set();
  readonly #notedAtMs = new Map<string, number>();
  #shown = '';
  /**
   * The last non-empty answer of `facts`. A southbound database that is being rebuilt has no
   * chassis for a moment; gateways then stay where they are.
   */
  #lastFacts: ChassisFacts[] = [];

  constructor(deps: Pick<NeutronDeps, 'database' | 'clock' | 'log' | 'config'>, sdn: () => Sdn) {
    this.#deps = deps;
    this.#sdn = sdn;
  }

  /** Counts who missed the last check, and starts the next one. True: gateways may have to move. */
  async check(): Promise<boolean> {
    const chassis = this.#sdn().chassis();
    for (const each of chassis) {
      const hasAnswered = this.#lastGeneration === null || each.generation >= this.#lastGeneration;
      this.#missed.set(each.name, hasAnswered ? 0 : (this.#missed.get(each.name) ?? 0) + 1);
    }
    for (const name of this.#missed.keys())
      if (!chassis.some((each) => each.name === name)) this.#missed.delete(name);
    await this.hear();
    await this.#forget(chassis);
    await this.#ask();
    return this.moved();
  }

  /**
   * Writes the heartbeats of hosts that have answered. Called more often than `check`, so that a
   * cloud that restarts soon shows its hosts as alive.
   */
  async hear(): Promise<void> {
    const now = this.#deps.clock.now();
    const newChassis = this.#sdn()
      .chassis()
      .filter(({ name }) => !this.#missed.has(name));
    for (const { name } of newChassis) this.#missed.set(name, 0);
    // A new host is asked at once instead of at the next check.
    if (this.#lastGeneration === null || newChassis.length > 0) await this.#ask();
    for (const each of this.#sdn().chassis()) {
      if (
        this.#lastGeneration !== null &&
        each.generation >= this.#lastGeneration &&
        now - (this.#notedAtMs.get(each.name) ?? 0) >= noteEveryMs
      )
        await this.#note(each, now);
    }
  }

  /**
   * Chassis whose agent an operator deleted carry no gateway. They are removed from OVN once they
   * have missed `maxMissed` checks, since a running ovn-controller would register its chassis
   * again.
   */
  async #forget(chassis: readonly Chassis[]): Promise<void> {
    await this.learnRemoved(chassis);
    for (const name of this.#removed) {
      if ((this.#missed.get(name) ?? 0) < maxMissed) continue;
      const outcome = await this.#sdn().removeChassis(name);
      if (isFault(outcome))
        this.#deps.log.warn({ chassis: name, why: outcome.message }, 'a chassis is not removed');
      else this.#deps.log.info({ chassis: name }, 'the chassis of a removed host is removed');
    }
  }

  /** Reads which chassis' agents were deleted. For callers of `facts` that do not call `check`. */
  async learnRemoved(chassis: readonly Chassis[] = this.#sdn().chassis()): Promise<void> {
    const hostsWithoutAgent = await removedControllers(this.#deps.database.db);
    this.#removed = new Set(
      chassis.filter(({ hostname }) => hostsWithoutAgent.has(hostname)).map(({ name }) => name),
    );
  }

  async #ask(): Promise<void> {
    const generation = await this.#sdn().askChassis();
    this.#lastGeneration = isFault(generation) ? null : generation;
    if (isFault(generation))
      this.#deps.log.debug({ why: generation.message }, 'hosts cannot be asked now');
  }

  /** Whether the hosts that can carry gateways have changed since the last call. */
  moved(): boolean {
    const shown = JSON.stringify(this.facts());
    const moved = shown !== this.#shown;
    this.#shown = shown;
    return moved;
  }

  facts(): ChassisFacts[] {
    const chassis = this.#sdn().chassis();
    if (chassis.length === 0) return this.#lastFacts;
    this.#lastFacts = chassis
      .map(({ name, options }) => ({
        name,
        physicalNetworks: mappingsOf(options).map(([network]) => network),
        alive: (this.#missed.get(name) ?? 0) < maxMissed && !this.#removed.has(name),
      }))
      .toSorted((one, other) => one.name.localeCompare(other.name));
    return this.#lastFacts;
  }

  async #note({ name, hostname, options }: Chassis, nowMs: number): Promise<void> {
    this.#notedAtMs.set(name, nowMs);
    const mappings = mappingsOf(options);
    await noteAgent(
      this.#deps.database.db,
      {
        type: mappings.length > 0 ? 'OVN Controller Gateway agent' : 'OVN Controller agent',
        binary: 'ovn-controller',
        host: hostname,
        zone: zoneOf(options) ?? '',
        startedAtMs: null,
        configurations: {
          chassis_name: name,
          'bridge-mappings': options['ovn-bridge-mappings'] ?? '',
        },
      },
      nowMs,
    );
  }
}

/** The bridge mappings of a chassis, as in `physnet1:br-ex,physnet2:br-two`: ovn-controller(8). */
export function mappingsOf(
  options: Readonly<Record<string, string>>,
): [network: string, bridge: string][] {
  return (options['ovn-bridge-mappings'] ?? '')
    .split(',')
    .filter(Boolean)
    .map((pair) => {
      const [network = '', bridge = ''] = pair.split(':');
      return [network.trim(), bridge.trim()];
    });
}

/**
 * The first zone in `ovn-cms-options=availability-zones=az1:az2`; undefined: none is set. Neutron's
 * docs, "Availability zones in OVN".
 */
function zoneOf(options: Readonly<Record<string, string>>): string | undefined {
  return /availability-zones=([^,]*)/.exec(options['ovn-cms-options'] ?? '')?.[1]?.split(':')[0];
}
