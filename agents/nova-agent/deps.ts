// Dependencies of a host's Nova Agent, provided by compose.
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';

export interface NovaAgentConfig {
  host: string;
  version: string;
  /**
   * Whether a host that Nova does not know yet is registered as disabled, so that it can be tested
   * before it is enabled. Upstream: enable_new_services.
   */
  startsDisabled: boolean;
  /** Memory and disk reserved for the host itself; called for each report. */
  reserved(): { memoryMib: number; diskGib: number };
  cpuAllocationRatio: number;
  ramAllocationRatio: number;
  diskAllocationRatio: number;
  /**
   * Whether at its start the agent starts guests that did not shut themselves down but were ended,
   * e.g. by a power failure of the host.
   */
  resumeGuests: boolean;
  /** Interval at which the states of all guests are reported. */
  syncEveryMs: number;
  /** Interval at which unused images and leftovers of guests are removed. */
  garbageEveryMs: number;
  /** How long cached images are kept after their last use. */
  keepImagesMs: number;
  /** Maximum number of concurrent live migrations off the host; 0: unlimited. */
  maxConcurrentLiveMigrations: number;
}

export const novaAgentDefaults: Omit<NovaAgentConfig, 'host' | 'version'> = {
  startsDisabled: false,
  reserved: () => ({ memoryMib: 512, diskGib: 0 }),
  cpuAllocationRatio: 16,
  ramAllocationRatio: 1.5,
  diskAllocationRatio: 1,
  resumeGuests: true,
  syncEveryMs: 60_000,
  garbageEveryMs: 10 * 60_000,
  keepImagesMs: 60 * 60_000,
  // Upstream: max_concurrent_live_migrations.
  maxConcurrentLiveMigrations: 1,
};

export interface NovaAgentDeps {
  hypervisor: Hypervisor;
  bus: Bus;
  http: HttpClient;
  session: ServiceSession;
  clock: Clock;
  log: Log;
  config: NovaAgentConfig;
}
