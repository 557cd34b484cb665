// The simulated driver of ports/node-facts.ts: reads the state that the host's hypervisor driver
// and BMC share.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type {
  GuestFacts,
  HypervisorFacts,
  MigrationJob,
  NodeEvent,
  NodeFacts,
} from '#ports/node-facts.ts';
import { chassisOf, powerFault } from './sim-chassis.ts';
import { isActive } from './sim-guest.ts';
import type { SimMoves } from './sim-migration.ts';
import type { SimGuest, SimStore } from './sim-world.ts';

const mib = 1024 * 1024;
/** How many ended migrations are remembered, the latest ones. */
const mostEnds = 256;

/** Records a host's migrations: written by its hypervisor driver, read by its node facts. */
export interface SimMoveLog extends SimMoves {
  ends: ReadonlyMap<string, MigrationJob>;
  onEvent(listener: (event: NodeEvent) => void): () => void;
}

export function createSimMoveLog(clock: Pick<Clock, 'now'>): SimMoveLog {
  const ends = new Map<string, MigrationJob>();
  const listeners = new Set<(event: NodeEvent) => void>();
  const emit = (event: NodeEvent): void => {
    for (const listener of listeners) queueMicrotask(() => listener(event));
  };
  return {
    ends,
    began({ uuid }) {
      ends.delete(uuid);
      emit({ kind: 'departing', guest: uuid });
    },
    ended({ uuid, memoryMib, departing }, error) {
      const startedAtMs = departing?.startedAtMs ?? clock.now();
      const total = memoryMib * mib;
      ends.delete(uuid);
      ends.set(uuid, {
        state: error ? (error.aborted ? 'cancelled' : 'failed') : 'completed',
        startedAtMs,
        elapsedMs: clock.now() - startedAtMs,
        ...(error
          ? { error: error.reason }
          : {
              data: { total, processed: total, remaining: 0 },
              memory: { total, processed: total, remaining: 0 },
              downtimeMs: 0,
            }),
      });
      for (const oldest of ends.keys()) if (ends.size > mostEnds) ends.delete(oldest);
      emit({ kind: 'departing', guest: uuid });
    },
    arrived: (guest) => emit({ kind: 'arrived', guest }),
    onEvent(listener) {
      const own = (event: NodeEvent): void => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

export interface SimNodeFactsOptions {
  hostname: string;
  vcpus?: number; // default 64
  memoryMib?: number; // default 262_144
  /** Number of NUMA cells, which divide the host evenly. Default 1. */
  cells?: number;
  /** Version of the operating system; changes when the host is updated. Default '1'. */
  osVersion?: () => string;
}

export interface SimNodeFactsDeps {
  store: SimStore;
  hypervisor: Pick<Hypervisor, 'list' | 'migrationProgress' | 'onEvent'>;
  moves: SimMoveLog;
}

export function createSimNodeFacts(
  { hostname, vcpus = 64, memoryMib = 262_144, cells = 1, osVersion }: SimNodeFactsOptions,
  { store, hypervisor, moves }: SimNodeFactsDeps,
): NodeFacts {
  const host = store.load(hostname);
  let isClosed = false;
  const whyNot = () =>
    isClosed ? fault('unavailable', 'libvirt: this client is closed') : powerFault(hostname, host);

  const jobOf = async (guest: SimGuest): Promise<Outcome<MigrationJob | null>> => {
    if (!guest.departing) return null;
    const progress = await hypervisor.migrationProgress(guest.uuid);
    if (isFault(progress) || !progress) return isFault(progress) ? progress : null;
    const { memory, elapsedMs, downtimeMs } = progress;
    return {
      state: 'unbounded',
      startedAtMs: guest.departing.startedAtMs,
      elapsedMs,
      ...(memory ? { data: memory, memory } : {}),
      ...(downtimeMs === null ? {} : { downtimeMs }),
    };
  };

  return {
    async system() {
      const version = osVersion?.() ?? '1';
      return {
        version,
        prettyName: `Simulated host ${version}`,
        machine: 'x86_64',
        kernelName: 'Linux',
        kernelRelease: `${version}.0.0-sim`,
        kernelVersion: '#1',
        kernelCommandLine: 'simulated',
        hardwareVendor: 'CobaltCore',
        hardwareModel: 'simulated',
        hardwareSerial: hostname,
        bootId: `${hostname}:${chassisOf(host).boots}`,
      };
    },
    async hypervisor() {
      const off = whyNot();
      if (off) return off;
      const facts: HypervisorFacts = {
        libvirtVersion: '1.0.0',
        hypervisorVersion: '1.0.0',
        cpuArch: 'x86_64',
        cells: Array.from({ length: cells }, (_, id) => ({
          id,
          cpus: vcpus / cells,
          memoryBytes: (memoryMib / cells) * mib,
          hugePages: [],
        })),
        domain: {
          arch: 'x86_64',
          hypervisorType: 'sim',
          devices: ['disk', 'disk/virtio'],
          cpuModes: ['mode/custom'],
          features: [],
        },
      };
      return facts;
    },
    async guests() {
      const off = whyNot();
      if (off) return off;
      // Listing also takes in guests that have arrived meanwhile.
      const listed = await hypervisor.list();
      if (isFault(listed)) return listed;
      return [...host.guests.values()]
        .map((guest): GuestFacts => ({
          uuid: guest.uuid,
          name: guest.name,
          isActive: isActive(guest),
          vcpus: guest.vcpus,
          memoryBytes: guest.memoryMib * mib,
          cells: [],
          hugePageBytes: null,
        }))
        .sort((one, other) => (one.uuid < other.uuid ? -1 : 1));
    },
    async units() {
      const isRunning = !whyNot();
      return [
        {
          unit: 'libvirtd.service',
          isRunning,
          message: isRunning ? 'simulated' : 'the host is off',
        },
      ];
    },
    async departing() {
      const off = whyNot();
      if (off) return off;
      return [...host.guests.values()].flatMap(({ uuid, departing }) => (departing ? [uuid] : []));
    },
    async migration(uuid) {
      const off = whyNot();
      if (off) return off;
      const guest = host.guests.get(uuid);
      const job = guest ? await jobOf(guest) : null;
      return job ?? moves.ends.get(uuid) ?? null;
    },
    onEvent(listener) {
      const stops = [
        hypervisor.onEvent(() => listener({ kind: 'changed' })),
        moves.onEvent(listener),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
    async close() {
      isClosed = true;
    },
  };
}
