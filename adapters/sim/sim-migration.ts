// Live migration between simulated hosts. A migration is a record of the guest, and its progress is
// computed from the clock at each call. The guest leaves in one save of its source: it is moved
// from the guests to the outbox there, from which the destination fetches it.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { GuestEvent } from '#contracts/nova/guest.ts';
import type {
  GuestArrival,
  MigrationProgress,
  MigrationTerms,
} from '#contracts/nova/live-migration.ts';
import type { Clock } from '#platform/clock.ts';
import { isActive } from './sim-guest.ts';
import type { SimGuest, SimHost, SimStore } from './sim-world.ts';

const mib = 1024 * 1024;
const pollEveryMs = 100;

/** Notified when migrations of a host begin, end and arrive. */
export interface SimMoves {
  began(guest: SimGuest): void;
  /**
   * Called at a migration's end. `error` undefined: the migration succeeded and the guest has left.
   */
  ended(guest: SimGuest, error?: { reason: string; aborted: boolean }): void;
  arrived(uuid: string): void;
}

interface Surroundings {
  hostname: string;
  /** How long a migration takes that nothing delays, ms. */
  migrateMs: number;
  store: SimStore;
  clock: Clock;
  emit(event: GuestEvent): void;
  moves?: SimMoves | undefined;
}

/** The migrations out of and into one host: the port's methods, with the port's faults. */
export class SimMigrations {
  readonly #host: SimHost;
  readonly #of: Surroundings;
  #prepared = 0;
  #closed = false;

  constructor(host: SimHost, surroundings: Surroundings) {
    this.#host = host;
    this.#of = surroundings;
  }

  prepare(uuid: string, problem: () => Fault | null): Outcome<GuestArrival> {
    this.receive();
    if (this.#host.guests.has(uuid))
      return fault('conflict', `guest ${uuid} is on this host already`);
    const obstacle = problem();
    if (obstacle) return obstacle;
    this.#prepared += 1;
    const token = `${this.#of.clock.now()}-${this.#prepared}`;
    this.#host.awaited = (this.#host.awaited ?? new Map()).set(uuid, token);
    this.#save();
    return { id: token, address: this.#of.hostname, folder: '', vncSocket: '', volumes: [] };
  }

  abandon(uuid: string): Outcome<void> {
    this.receive();
    if (this.arrivalState(uuid) !== 'absent')
      return fault('conflict', `guest ${uuid} is on this host`);
    if (this.#host.awaited?.delete(uuid)) this.#save();
  }

  arrivalState(uuid: string): 'absent' | 'arriving' | 'arrived' {
    this.receive();
    if (this.#host.guests.has(uuid)) return 'arrived';
    return this.#of.store
      .others(this.#of.hostname)
      .some((other) => other.guests.get(uuid)?.departing?.host === this.#of.hostname)
      ? 'arriving'
      : 'absent';
  }

  async migrate(uuid: string, terms: MigrationTerms): Promise<Outcome<void>> {
    const guest = this.#host.guests.get(uuid);
    if (!guest) return;
    if (!isActive(guest)) return fault('conflict', `guest ${uuid} is off`);
    if (!guest.departing && guest.lastDeparture === terms.arrival.id)
      return fault('conflict', `the migration of guest ${uuid} has ended, and it is here`);
    guest.lastDeparture = terms.arrival.id;
    guest.departing ??= {
      host: terms.arrival.address,
      token: terms.arrival.id,
      startedAtMs: this.#of.clock.now(),
      completionTimeoutMs: terms.completionTimeoutMs,
      timeoutAction: terms.timeoutAction,
    };
    delete guest.departureEnded;
    this.#save();
    this.#of.moves?.began(guest);
    for (this.advance(uuid); this.#host.guests.get(uuid)?.departing; this.advance(uuid)) {
      await this.#of.clock.sleep(pollEveryMs);
      if (this.#closed) return fault('unavailable', `nobody follows guest ${uuid} any more`);
    }
    const staying = this.#host.guests.get(uuid);
    if (!staying) return;
    const { reason = `guest ${uuid} is still here`, aborted = false } =
      staying.departureEnded ?? {};
    return fault('conflict', reason, aborted ? { aborted: 'yes' } : {});
  }

  progress({ departing, memoryMib, isRestless }: SimGuest): MigrationProgress | null {
    if (!departing) return null;
    const total = memoryMib * mib;
    const elapsedMs = this.#of.clock.now() - departing.startedAtMs;
    const part = isRestless ? 0.9 : Math.min(1, elapsedMs / Math.max(1, this.#of.migrateMs));
    const processed = Math.floor(total * part);
    const memory = { total, processed, remaining: total - processed };
    return { elapsedMs, memory, disk: null, downtimeMs: null };
  }

  abort(guest: SimGuest): Outcome<void> {
    if (!guest.departing) return notDeparting(guest);
    this.#stays(guest, 'operation aborted: migration out job', true);
  }

  complete(guest: SimGuest): Outcome<void> {
    if (!guest.departing) return notDeparting(guest);
    guest.departing.isForced = true;
    this.#save();
  }

  forget(uuid: string): Outcome<void> {
    const guest = this.#host.guests.get(uuid);
    if (guest && isActive(guest)) return fault('conflict', `guest ${uuid} runs on this host`);
    this.#host.outbox = (this.#host.outbox ?? []).filter((each) => each.guest.uuid !== uuid);
    this.#host.guests.delete(uuid);
    this.#save();
  }

  /** Ends the calls that wait for the end of a migration. */
  close(): void {
    this.#closed = true;
  }

  /** Advances the guest's migration out of this host, if there is one, to the present time. */
  advance(uuid: string): void {
    const guest = this.#host.guests.get(uuid);
    const departing = guest?.departing;
    if (!guest || !departing) return;
    if (!isActive(guest))
      return this.#stays(guest, `guest ${uuid} ended before it had moved`, false);
    const { store, clock, migrateMs } = this.#of;
    if (store.hostNamed(departing.host)?.awaited?.get(uuid) !== departing.token)
      return this.#stays(guest, `host ${departing.host} does not await guest ${uuid}`, false);
    const elapsedMs = clock.now() - departing.startedAtMs;
    const isDone = !guest.isRestless && elapsedMs >= migrateMs;
    const { completionTimeoutMs: limitMs, timeoutAction, isForced } = departing;
    const isLate = limitMs > 0 && elapsedMs >= limitMs;
    if (isDone || isForced || (isLate && timeoutAction === 'force_complete'))
      return this.#leaves(guest, departing);
    if (isLate)
      this.#stays(guest, `live migration not completed after ${elapsedMs / 1000} sec`, true);
  }

  /** Takes in guests that have arrived from other hosts' outboxes. */
  receive(): void {
    const { awaited } = this.#host;
    if (!awaited || awaited.size === 0) return;
    const { store, hostname, emit: tell } = this.#of;
    const arrived = store
      .others(hostname)
      .flatMap(({ outbox = [] }) => outbox)
      .filter(({ host, token, guest }) => host === hostname && awaited.get(guest.uuid) === token);
    for (const { guest } of arrived) {
      awaited.delete(guest.uuid);
      this.#host.guests.set(guest.uuid, structuredClone(guest));
    }
    if (arrived.length > 0) this.#save();
    for (const { guest } of arrived) {
      tell({ uuid: guest.uuid, state: guest.state });
      this.#of.moves?.arrived(guest.uuid);
    }
  }

  #leaves(guest: SimGuest, { host, token }: NonNullable<SimGuest['departing']>): void {
    const { departing: _over, ...moved } = guest;
    this.#host.guests.delete(guest.uuid);
    const others = (this.#host.outbox ?? []).filter((each) => each.guest.uuid !== guest.uuid);
    this.#host.outbox = [...others, { host, token, guest: moved }];
    this.#save();
    this.#of.moves?.ended(guest);
    this.#of.emit({ uuid: guest.uuid, state: 'absent' });
  }

  #stays(guest: SimGuest, reason: string, aborted: boolean): void {
    this.#of.moves?.ended(guest, { reason, aborted });
    delete guest.departing;
    guest.departureEnded = { reason, aborted };
    this.#save();
  }

  #save(): void {
    this.#of.store.save(this.#of.hostname, this.#host);
  }
}

const notDeparting = ({ uuid }: SimGuest): Fault =>
  fault('conflict', `no migration of guest ${uuid} is under way`);
