// The part of the libvirt driver that only looks: which guests a host has. For the HA Agent, whose
// process is small.
import type { Log } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import { Domains } from './domains.ts';
import { asOutcome } from './outcome.ts';
import { LibvirtClient } from './rpc/client.ts';

/** Connects at the first call, and reconnects for as long as it is open. */
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
