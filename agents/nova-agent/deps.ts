// What the Nova Agent of one host needs; provided by compose.
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
   * Registered as disabled where Nova does not know the host yet: whoever tests it enables it.
   * Upstream: enable_new_services.
   */
  startsDisabled: boolean;
  /** MiB and GiB that are reserved for the host itself; asked at each report. */
  reserved(): { memoryMib: number; diskGib: number };
  cpuAllocationRatio: number;
  ramAllocationRatio: number;
  diskAllocationRatio: number;
  /** Whether to start the guests again that a power failure of the host ended. */
  resumeGuests: boolean;
  syncEveryMs: number;
  garbageEveryMs: number;
  /** How long cached images are kept after their last use. */
  keepImagesMs: number;
  /** Guests that move out of the host at a time; 0: any number. */
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
  // upstream: max_concurrent_live_migrations
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
