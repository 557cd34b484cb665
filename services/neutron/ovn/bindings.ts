// Receives port bindings from OVN, writes the ports' status and sends Nova network-vif-plugged and
// -unplugged events; after the start of a guest Nova waits for these before it sets the server
// active.
import type { ServerExternalEvent } from '#contracts/nova/wire.ts';
import type { PortBinding } from '#ports/sdn.ts';
import type { NeutronDeps } from '../deps.ts';
import { isTrusted } from '../domain/port-owner.ts';
import {
  readActivePorts,
  readGuestPorts,
  readPortsInUse,
  setStatuses,
  type PortInUse,
} from '../store/sdn-status.ts';
import type { NovaNotifier } from './nova-notifier.ts';

type BindingDeps = Pick<NeutronDeps, 'database' | 'clock' | 'log'> & {
  nova: Pick<NovaNotifier, 'queue'>;
};

const batchSize = 500;
/**
 * After this process became the writer, ports whose rows changed within this time before are
 * reported to Nova again, since the previous writer may have died before it reported them.
 */
const resendWithinMs = 5 * 60_000;
/** For how long after the start as the writer that is done. */
const takeOverMs = 60_000;
/** Pause between attempts to write statuses while the database is unreachable. */
const retryMs = 500;

export class Bindings {
  readonly #deps: BindingDeps;
  readonly #ending = new AbortController();
  #writerSinceMs: number;
  /** Ports whose latest state (true: up) is not in the database yet. One entry per port. */
  readonly #pendingStates = new Map<string, boolean>();
  #running: Promise<void> | undefined;

  constructor(deps: BindingDeps) {
    this.#deps = deps;
    this.#writerSinceMs = deps.clock.now();
  }

  hear(port: string, binding: PortBinding | null): void {
    // port deleted, or OVN is being rebuilt: `compare` checks these ports
    if (binding === null || this.#ending.signal.aborted) return;
    this.#pendingStates.set(port, binding.chassis !== null && binding.up);
    this.#wake();
  }

  /**
   * Call when this process becomes the writer: reads the state of all guest ports from OVN, and
   * sends Nova again what the previous writer may not have sent.
   */
  async takeOver(bindingOf: (port: string) => PortBinding | null): Promise<void> {
    this.#writerSinceMs = this.#deps.clock.now();
    for (const { id } of await readGuestPorts(this.#deps.database.db)) {
      const binding = bindingOf(id);
      this.#pendingStates.set(id, binding !== null && binding.chassis !== null && binding.up);
    }
    if (this.#pendingStates.size > 0) this.#wake();
  }

  /**
   * Marks ports down that OVN does not know or does not show as up. Call only once OVN was read
   * whole.
   */
  async compare(bindingOf: (port: string) => PortBinding | null): Promise<void> {
    for (const { id } of await readActivePorts(this.#deps.database.db)) {
      const binding = bindingOf(id);
      if (binding === null || binding.chassis === null || !binding.up)
        this.#pendingStates.set(id, false);
    }
    if (this.#pendingStates.size > 0) this.#wake();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // gathers all states that arrive in this turn of the event loop
    let isRepeated = false;
    while (this.#pendingStates.size > 0 && !this.#ending.signal.aborted) {
      const batch = new Map([...this.#pendingStates].slice(0, batchSize));
      for (const port of batch.keys()) this.#pendingStates.delete(port);
      try {
        await this.#take(batch, isRepeated);
        isRepeated = false;
      } catch (error) {
        this.#deps.log.error({ err: error }, "ports' bindings are not written down yet");
        // A state heard since replaces the failed one. The failed batch goes first in the map, and
        // so is tried again next.
        const newer = [...this.#pendingStates];
        this.#pendingStates.clear();
        for (const [port, isUp] of [...batch, ...newer]) this.#pendingStates.set(port, isUp);
        isRepeated = true;
        await this.#pause();
      }
    }
  }

  async #pause(): Promise<void> {
    await this.#deps.clock
      .sleep(retryMs, { signal: this.#ending.signal, unref: true })
      .catch(() => undefined); // aborted by close()
  }

  /**
   * Writes the statuses that have changed and queues the events for Nova. `isRepeated`: the attempt
   * before may have written statuses and failed before it told Nova.
   */
  async #take(batch: ReadonlyMap<string, boolean>, isRepeated: boolean): Promise<void> {
    const {
      database: { db },
      clock,
    } = this.#deps;
    const now = clock.now();
    const ports = (await readPortsInUse(db, batch.keys())).filter(
      (port) => !isTrusted(port.device_owner),
    );
    const changed = ports.filter((port) => port.status !== statusOf(batch.get(port.id)));
    for (const status of ['ACTIVE', 'DOWN'] as const)
      await setStatuses(
        db,
        'ports',
        changed.filter((port) => statusOf(batch.get(port.id)) === status).map(({ id }) => id),
        status,
        now,
      );
    const untold =
      !isRepeated && now - this.#writerSinceMs > takeOverMs
        ? []
        : ports.filter(
            (port) =>
              batch.get(port.id) === true &&
              !changed.includes(port) &&
              port.updated_at_ms > (isRepeated ? now : this.#writerSinceMs) - resendWithinMs,
          );
    this.#deps.nova.queue(
      [...changed, ...untold].flatMap((port) => eventOf(port, batch.get(port.id) === true)),
    );
  }
}

const statusOf = (up: boolean | undefined): 'ACTIVE' | 'DOWN' => (up === true ? 'ACTIVE' : 'DOWN');

function eventOf({ id, device_id, device_owner }: PortInUse, up: boolean): ServerExternalEvent[] {
  if (device_id === '' || !device_owner.startsWith('compute:')) return [];
  return [
    {
      name: up ? 'network-vif-plugged' : 'network-vif-unplugged',
      server_uuid: device_id,
      tag: id,
      status: 'completed',
    },
  ];
}
