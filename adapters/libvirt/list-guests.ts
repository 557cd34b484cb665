// The read-only part of the libvirt driver: lists the guests of a host. Used by the HA Agent, to
// keep its process small.
import type { Log } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import { Domains } from './domains.ts';
import { asOutcome } from './outcome.ts';
import { LibvirtClient } from './rpc/client.ts';

/**
 * Makes the part of the driver that lists guests. It connects at the first call, and reconnects
 * until it is closed.
 */
export function createGuestList(
  { socketPath }: { socketPath: string },
  deps: { log: Log },
): Pick<Hypervisor, 'list' | 'close'> {
  const client = new LibvirtClient({ socketPath }, deps);
  const domains = new Domains(client);
  return {
    list: async () => await asOutcome(async () => await domains.list()),
    close: async () => client.close(),
  };
}
