// How a host's HA Agent checks, from within that host, whether another host is alive. Drivers:
// adapters/peer-probe, adapters/sim.
import type { Outcome } from '#contracts/common/fault.ts';

export interface PeerProbe {
  /**
   * Whether a daemon that only a living host runs answers at the address (management or tunnel
   * network) within a second or two. False: nothing answers there, since the host is dead, frozen
   * or cut off from this one, or the address is no host's. unavailable: this host cannot probe at
   * all.
   */
  reaches(address: string): Promise<Outcome<boolean>>;
}
