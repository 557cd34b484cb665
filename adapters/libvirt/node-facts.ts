// The libvirt driver of ports/node-facts.ts: one libvirt daemon, and the files and processes of its
// host. Created by compose for each host's Node Agent.
import type { Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type {
  GuestFacts,
  HypervisorFacts,
  MigrationJob,
  NodeEvent,
  NodeFacts,
} from '#ports/node-facts.ts';
import { domainCapabilities, guestShare, hostCapabilities } from './capabilities-xml.ts';
import { isCode } from './domains.ts';
import { wholeMemoryKib } from './host-facts.ts';
import { migrationJob } from './migration-job.ts';
import { asOutcome } from './outcome.ts';
import { LibvirtClient } from './rpc/client.ts';
import { ERROR, JOB_TYPE, LIFECYCLE, RESUMED_HERE, STOPPED } from './rpc/flags.ts';
import { remote, type Domain } from './rpc/protocol.ts';
import type { ProcessUnit } from './system-facts.ts';
import { hypervisorUnits, systemFacts, unitFacts } from './system-facts.ts';

export interface LibvirtNodeFactsOptions {
  socketPath: string;
  /** Root of the host's file system as this process sees it. */
  root: string;
  /** Acceleration of guests: the domain capabilities depend on it. */
  acceleration: 'kvm' | 'tcg';
  /** The daemons whose state is reported. Default: libvirt, Open vSwitch and OVN. */
  units?: readonly ProcessUnit[];
}

const callTimeoutMs = 10_000;
/** Settings by which a daemon that hangs is detected. */
const keepalive = { keepaliveIntervalMs: 5_000, keepaliveCount: 3 };
/** Number of recent migrations kept in memory. */
const mostMoves = 256;
/**
 * libvirt reports only the elapsed time of a job. Computed start times that differ by less than
 * this belong to the same job.
 */
const sameStartMs = 2_000;
const inactiveId = -1;
/** virConnectListAllDomainsFlags: only running or paused domains. */
const onlyActive = 1;

export function createLibvirtNodeFacts(
  { socketPath, root, acceleration, units = hypervisorUnits }: LibvirtNodeFactsOptions,
  { log, clock }: { log: Log; clock: Pick<Clock, 'now'> },
): NodeFacts {
  const listeners = new Set<(event: NodeEvent) => void>();
  const running = new Map<string, MigrationJob>();
  const ends = new Map<string, MigrationJob>();

  const emit = (event: NodeEvent): void => {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        log.error({ err: error }, 'a listener to node events failed');
      }
    }
  };
  const client = new LibvirtClient(
    { socketPath, callTimeoutMs, ...keepalive },
    { log },
    {
      lifecycle({ domain, event, detail }) {
        const { uuid: guest } = domain;
        if (event === LIFECYCLE.stopped && detail === STOPPED.migrated) {
          const before = running.get(guest);
          if (before) rememberEnd(guest, { ...before, state: 'completed' });
          emit({ kind: 'departing', guest });
        }
        if (event === LIFECYCLE.resumed && RESUMED_HERE.has(detail))
          emit({ kind: 'arrived', guest });
        emit({ kind: 'changed' });
      },
      migrationIteration: ({ domain }) => emit({ kind: 'departing', guest: domain.uuid }),
      jobCompleted({ domain, parameters }) {
        const job = migrationJob(JOB_TYPE.completed, parameters);
        if (!job) return;
        rememberEnd(domain.uuid, { ...job, startedAtMs: startOf(domain.uuid, job.elapsedMs) });
        emit({ kind: 'departing', guest: domain.uuid });
      },
    },
    () => emit({ kind: 'changed' }),
    () => emit({ kind: 'lost' }),
  );

  /** The job's start time, the same at every read of one job. */
  function startOf(guest: string, elapsedMs: number): number {
    const startedAtMs = clock.now() - elapsedMs;
    const knownStartMs = (running.get(guest) ?? ends.get(guest))?.startedAtMs ?? -Infinity;
    return Math.abs(knownStartMs - startedAtMs) < sameStartMs ? knownStartMs : startedAtMs;
  }
  function remember(moves: Map<string, MigrationJob>, guest: string, job: MigrationJob): void {
    moves.delete(guest);
    moves.set(guest, job);
    for (const oldest of moves.keys()) if (moves.size > mostMoves) moves.delete(oldest);
  }
  function rememberEnd(guest: string, job: MigrationJob): void {
    remember(ends, guest, job);
    running.delete(guest);
  }

  /**
   * The result of `work`; undefined: the domain does not exist any more, or is no longer running.
   */
  async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      if (isCode(error, ERROR.noDomain, ERROR.operationInvalid)) return undefined;
      throw error;
    }
  }

  async function jobOf(domain: Domain): Promise<MigrationJob | undefined> {
    const answer = await unlessGone(client.call(remote.domainGetJobStats, { domain, flags: 0 }));
    const job = answer && migrationJob(answer.type, answer.parameters);
    if (!job || (job.state !== 'bounded' && job.state !== 'unbounded')) return undefined;
    const started = { ...job, startedAtMs: startOf(domain.uuid, job.elapsedMs) };
    ends.delete(domain.uuid);
    remember(running, domain.uuid, started);
    return started;
  }

  const domains = async (flags: number): Promise<Domain[]> =>
    (await client.call(remote.connectListAllDomains, { needResults: 1, flags })).domains;

  return {
    system: async () => await asOutcome(async () => await systemFacts(root)),
    units: async () => await asOutcome(async () => await unitFacts(root, units)),
    hypervisor: async () =>
      await asOutcome<HypervisorFacts>(async () => {
        const [lib, hypervisor, capabilities, memoryKib = 0n, domain] = await Promise.all([
          client.call(remote.connectGetLibVersion, undefined),
          client.call(remote.connectGetVersion, undefined),
          client.call(remote.connectGetCapabilities, undefined),
          wholeMemoryKib(client),
          client.call(remote.connectGetDomainCapabilities, {
            emulator: null,
            arch: null,
            machine: null,
            virtType: acceleration === 'kvm' ? 'kvm' : 'qemu',
            flags: 0,
          }),
        ]);
        const { cpuArch, cells } = hostCapabilities(capabilities.xml);
        return {
          libvirtVersion: dotted(lib.version),
          hypervisorVersion: dotted(hypervisor.version),
          cpuArch,
          // With a single NUMA cell, the cell has all memory, including what was hotplugged after
          // boot.
          cells: cells.map((cell) =>
            cells.length > 1
              ? cell
              : { ...cell, memoryBytes: Math.max(cell.memoryBytes, Number(memoryKib) * 1024) },
          ),
          domain: domainCapabilities(domain.xml),
        };
      }),
    guests: async () =>
      await asOutcome<GuestFacts[]>(async () => {
        const all = await domains(0);
        const described = await Promise.all(
          all.map(async (domain): Promise<GuestFacts[]> => {
            const domainName = await unlessGone(
              client.call(remote.domainGetXmlDesc, { domain, flags: 0 }),
            );
            if (!domainName) return [];
            const { uuid, name, id } = domain;
            return [{ uuid, name, isActive: id !== inactiveId, ...guestShare(domainName.xml) }];
          }),
        );
        return described.flat().sort((one, other) => (one.uuid < other.uuid ? -1 : 1));
      }),
    departing: async () =>
      await asOutcome<string[]>(async () => {
        const jobs = await Promise.all(
          (await domains(onlyActive)).map(async (domain) =>
            (await jobOf(domain)) ? [domain.uuid] : [],
          ),
        );
        return jobs.flat();
      }),
    migration: async (uuid): Promise<Outcome<MigrationJob | null>> =>
      await asOutcome(async () => {
        const lookup = await unlessGone(client.call(remote.domainLookupByUuid, { uuid }));
        return (lookup && (await jobOf(lookup.domain))) ?? ends.get(uuid) ?? null;
      }),
    onEvent(listener) {
      const own = (event: NodeEvent): void => listener(event);
      listeners.add(own);
      client.connect().catch(() => own({ kind: 'lost' }));
      return () => void listeners.delete(own);
    },
    close: async () => client.close(),
  };
}

/**
 * Converts libvirt's version number.
 * https://libvirt.org/html/libvirt-libvirt-host.html#virGetVersion
 */
function dotted(version: bigint): string {
  const number = Number(version);
  return [Math.floor(number / 1_000_000), Math.floor(number / 1_000) % 1_000, number % 1_000].join(
    '.',
  );
}
