// Dependencies of a host's HA Agent, provided by compose.
import type { HaReports } from '#openstack/clients/ha.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { PeerProbe } from '#ports/peer-probe.ts';
import type { StorageMarks } from '#ports/storage-marks.ts';
import type { Watchdog } from '#ports/watchdog.ts';

export interface HaAgentConfig {
  host: string;
  /** Changes with every boot of the host, and stays the same when only the agent restarts. */
  bootId: string;
  /** Address at which neighbours probe the host. */
  address: string;
  /**
   * Time after which the watchdog kills the guests of a host that is cut off; null: no watchdog.
   */
  selfFencingMs: number | null;
  /**
   * How long the host has been up. null: the host has ended although this agent's process still
   * runs; it must not report any more.
   */
  uptimeMs(): number | null | Promise<number | null>;
}

export interface HaAgentDeps {
  hypervisor: Pick<Hypervisor, 'list'>;
  probe: PeerProbe;
  marks: StorageMarks;
  watchdog: Watchdog;
  service: HaReports;
  clock: Clock;
  log: Log;
  config: HaAgentConfig;
}

/** A heartbeat that the service has not answered within this time counts as lost. */
export const reportTimeoutMs = 3_000;
