// Which hosts of the network are alive: each is asked for a sign of life again and again. Fills the
// agents list, and says who can carry gateways.
import { isFault } from '#contracts/common/fault.ts';
import type { Chassis, Sdn } from '#ports/sdn.ts';
import type { NeutronDeps } from '../deps.ts';
import type { ChassisFacts } from '../domain/sdn-facts.ts';
import { noteAgent, removedControllers } from '../store/sdn-agents.ts';

/**
 * How often hosts are asked. Each question costs northd a look at everything: 0.1 s with 2,000
 * ports (23.03).
 */
export const askEveryMs = 10_000;
/** How often a sign of life is written down. */
const noteEveryMs = 15_000;
/** A host that left so many questions in a row without an answer is dead. */
const maxMissed = 3;

export class ChassisWatch {
  readonly #deps: Pick<NeutronDeps, 'database' | 'clock' | 'log' | 'config'>;
  readonly #sdn: () => Sdn;
  /** Questions that a host has not answered. One that this process has not met is alive. */
  readonly #missed = new Map<string, number>();
  /** null: nobody could be asked, so silence tells nothing. */
  #asked: number | null = null;
  /** Chassis of hosts whose agent an operator has deleted. */
  #removed: ReadonlySet<string> = new Set();
  readonly #notedAtMs = new Map<string, number>();
  #shown = '';
  /**
   * A southbound database that begins anew has no hosts for a moment: gateways stay where they
   * were.
   */
  #lastFacts: ChassisFacts[] = [];

  constructor(deps: Pick<NeutronDeps, 'database' | 'clock' | 'log' | 'config'>, sdn: () => Sdn) {
    this.#deps = deps;
    this.#sdn = sdn;
  }

  /**
   * Looks who has answered since the last time, and asks again. True: gateways may have to move.
   */
  async look(): Promise<boolean> {
    const chassis = this.#sdn().chassis();
    for (const each of chassis) {
      const answered = this.#asked === null || each.generation >= this.#asked;
      this.#missed.set(each.name, answered ? 0 : (this.#missed.get(each.name) ?? 0) + 1);
    }
    for (const name of this.#missed.keys())
      if (!chassis.some((each) => each.name === name)) this.#missed.delete(name);
    await this.hear();
    await this.#forget(chassis);
    await this.#ask();
    return this.moved();
  }

  /**
   * Writes down who has answered: often, so that a cloud which starts again soon shows its hosts as
   * alive.
   */
  async hear(): Promise<void> {
    const now = this.#deps.clock.now();
    const added = this.#sdn()
      .chassis()
      .filter(({ name }) => !this.#missed.has(name));
    for (const { name } of added) this.#missed.set(name, 0);
    // A host that has just come does not wait for the next period.
    if (this.#asked === null || added.length > 0) await this.#ask();
    for (const each of this.#sdn().chassis()) {
      if (
        this.#asked !== null &&
        each.generation >= this.#asked &&
        now - (this.#notedAtMs.get(each.name) ?? 0) >= noteEveryMs
      )
        await this.#note(each, now);
    }
  }

  /**
   * Hosts that an operator has taken out carry no gateway any more, and are removed from OVN when
   * they are silent: ovn-controller, while it runs, would put its host there again.
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

  /** Before the facts are asked for without a look: who is not to carry gateways. */
  async learnRemoved(chassis: readonly Chassis[] = this.#sdn().chassis()): Promise<void> {
    const removed = await removedControllers(this.#deps.database.db);
    this.#removed = new Set(
      chassis.filter(({ hostname }) => removed.has(hostname)).map(({ name }) => name),
    );
  }

  async #ask(): Promise<void> {
    const asked = await this.#sdn().askChassis();
    this.#asked = isFault(asked) ? null : asked;
    if (isFault(asked)) this.#deps.log.debug({ why: asked.message }, 'hosts cannot be asked now');
  }

  /** Whether those who can carry gateways are others than at the last question. */
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

/** `physnet1:br-ex,physnet2:br-two`: ovn-controller(8). */
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

/** `ovn-cms-options=availability-zones=az1:az2`: Neutron's docs, "Availability zones in OVN". */
function zoneOf(options: Readonly<Record<string, string>>): string | undefined {
  return /availability-zones=([^,]*)/.exec(options['ovn-cms-options'] ?? '')?.[1]?.split(':')[0];
}
