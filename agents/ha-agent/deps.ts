// What the HA Agent of one host needs; provided by compose.
import type { HaReports } from '#openstack/clients/ha.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { PeerProbe } from '#ports/peer-probe.ts';
import type { StorageMarks } from '#ports/storage-marks.ts';
import type { Watchdog } from '#ports/watchdog.ts';

export interface HaAgentConfig {
  host: string;
  /** Another one after each boot of the host, and the same for each agent of one boot. */
  bootId: string;
  /** Where neighbours reach the host. */
  address: string;
  /** Cut off for longer, its guests are ended by its watchdog; null: they are not. */
  selfFencingMs: number | null;
  /** null: the host has ended; what is left of its agent says nothing any more. */
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

/** A report that takes longer is lost; so is the next one's news. */
export const reportTimeoutMs = 3_000;
