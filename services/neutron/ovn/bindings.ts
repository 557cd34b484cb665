// Hears from OVN where ports are plugged in: writes their status and tells Nova, who waits for it
// before a guest starts.
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
  nova: Pick<NovaNotifier, 'tell'>;
};

const batchSize = 500;
/**
 * A port that was up already when this process became the writer may be one whose change its
 * predecessor did not get to tell.
 */
const retellMs = 5 * 60_000;
const takeOverMs = 60_000;
/** Between two tries to write down what was heard, while the database is away. */
const retryMs = 500;

export class Bindings {
  readonly #deps: BindingDeps;
  readonly #ending = new AbortController();
  #writerSinceMs: number;
  /** The latest word on each port that has not been written down: at most one a port. */
  readonly #heard = new Map<string, boolean>();
  #running: Promise<void> | undefined;

  constructor(deps: BindingDeps) {
    this.#deps = deps;
    this.#writerSinceMs = deps.clock.now();
  }

  hear(port: string, binding: PortBinding | null): void {
    // deleted, or OVN is being rebuilt: `compare` looks at those
    if (binding === null || this.#ending.signal.aborted) return;
    this.#heard.set(port, binding.chassis !== null && binding.up);
    this.#wake();
  }

  /**
   * This process is the writer from now on: what it did not hear as one is read anew, and told to
   * Nova again where the last writer may not have got to it.
   */
  async takeOver(bindingOf: (port: string) => PortBinding | null): Promise<void> {
    this.#writerSinceMs = this.#deps.clock.now();
    for (const { id } of await readGuestPorts(this.#deps.database.db)) {
      const binding = bindingOf(id);
      this.#heard.set(id, binding !== null && binding.chassis !== null && binding.up);
    }
    if (this.#heard.size > 0) this.#wake();
  }

  /** For ports that OVN does not know at all: they cannot be up. Only once OVN has told all. */
  async compare(bindingOf: (port: string) => PortBinding | null): Promise<void> {
    for (const { id } of await readActivePorts(this.#deps.database.db)) {
      const binding = bindingOf(id);
      if (binding === null || binding.chassis === null || !binding.up) this.#heard.set(id, false);
    }
    if (this.#heard.size > 0) this.#wake();
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
    await Promise.resolve(); // what is heard at once goes together
    let isRepeated = false;
    while (this.#heard.size > 0 && !this.#ending.signal.aborted) {
      const batch = new Map([...this.#heard].slice(0, batchSize));
      for (const port of batch.keys()) this.#heard.delete(port);
      try {
        await this.#take(batch, isRepeated);
        isRepeated = false;
      } catch (error) {
        this.#deps.log.error({ err: error }, "ports' bindings are not written down yet");
        // A newer word stands; all come before what nobody tried, so that they are the next batch.
        const newer = [...this.#heard];
        this.#heard.clear();
        for (const [port, isUp] of [...batch, ...newer]) this.#heard.set(port, isUp);
        isRepeated = true;
        await this.#pause();
      }
    }
  }

  async #pause(): Promise<void> {
    await this.#deps.clock
      .sleep(retryMs, { signal: this.#ending.signal, unref: true })
      .catch(() => undefined); // closing
  }

  /** `isRepeated`: an earlier try may have written the statuses, and told nobody. */
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
              port.updated_at_ms > (isRepeated ? now : this.#writerSinceMs) - retellMs,
          );
    this.#deps.nova.tell(
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
