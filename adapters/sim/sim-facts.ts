// The configuration of a simulated host, and the facts that it reports to Nova. Used by
// sim-hypervisor.ts.
import type { HostFacts } from '#contracts/nova/guest.ts';
import type { SimGuest } from './sim-world.ts';

export interface SimHypervisorOptions {
  hostname: string;
  vcpus?: number; // default 64
  memoryMib?: number; // default 262_144
  diskGib?: number; // default 4_096
  hostIp?: string; // default 127.0.0.1
  traits?: string[];
  /** How long a guest takes to print its console banner, ms. Default 0. */
  bootMs?: number;
  /** How long a live migration takes that nothing delays, ms. Default 0. */
  migrateMs?: number;
  /**
   * Whether images are downloaded and checked. Default true; false makes big simulations cheap: an
   * image then counts as downloaded at once.
   */
  fetchImages?: boolean;
}

export function simFacts(options: SimHypervisorOptions, guests: Iterable<SimGuest>): HostFacts {
  const diskGib = options.diskGib ?? 4_096;
  const vcpus = options.vcpus ?? 64;
  let usedGib = 0;
  for (const guest of guests) usedGib += guest.diskGib;
  return {
    hostname: options.hostname,
    hypervisorType: 'sim',
    hypervisorVersion: 1_000_000,
    acceleration: 'none',
    arch: 'x86_64',
    vcpus,
    memoryMib: options.memoryMib ?? 262_144,
    diskGib,
    freeDiskGib: Math.max(0, diskGib - usedGib),
    hostIp: options.hostIp ?? '127.0.0.1',
    cpu: {
      arch: 'x86_64',
      model: 'sim',
      vendor: 'sim',
      features: [],
      topology: { cells: 1, sockets: 1, cores: vcpus, threads: 1 },
    },
    traits: options.traits ?? ['COMPUTE_NODE'],
  };
}
