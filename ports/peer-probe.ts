// How the HA Agent of one host checks, from within that host, whether another host lives. Drivers:
// adapters/peer-probe, adapters/sim.
import type { Outcome } from '#contracts/common/fault.ts';

export interface PeerProbe {
  /**
   * Whether something that only a living host has answers at the address (on the network of
   * management, or of tunnels) within a second or two. An address that belongs to a dead host, or
   * to none, is not reached. unavailable: this host cannot try.
   */
  reaches(address: string): Promise<Outcome<boolean>>;
}
