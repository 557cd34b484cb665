// The network that Neutron configures: real OVN for local hosts, a simulated one for simulated
// hosts, and both combined in a cloud with both kinds.
import { createOvnSdn } from '#adapters/ovsdb/ovn-sdn.ts';
import { createSimNetwork } from '#adapters/sim/sim-sdn.ts';
import { simulateChassis } from '#adapters/sim/simulate-chassis.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { SdnListeners } from '#ports/sdn.ts';
import type { NetworkBelow } from './process.ts';

/** External network of a cloud without local hosts; not connected to anything on this machine. */
export const simulatedPublicCidr = '172.24.4.0/24';

export function simulatedNetwork(
  chassis: readonly string[] | Set<string>,
  { clock }: { clock: Clock },
): NetworkBelow {
  const network = createSimNetwork({ chassis, bridgeMappings: 'physnet1:br-ex' }, { clock });
  return {
    openSdn: (listeners) => network.open(listeners),
    publicCidr: simulatedPublicCidr,
  };
}

export function ovnNetwork(
  { northbound, southbound, publicCidr }: NetworkFacts,
  simulatedHosts: readonly string[] | Set<string>,
  { clock, log }: { clock: Clock; log: Log },
): NetworkBelow {
  const open = (listeners: SdnListeners) =>
    createOvnSdn(
      { northbound: [northbound], southbound: [southbound], strays: 'remove' },
      { log },
      listeners,
    );
  return {
    openSdn: hasSimulated(simulatedHosts) ? simulateChassis(open, simulatedHosts, { clock }) : open,
    publicCidr,
  };
}

/** Whether there are or may be simulated hosts: a Set is filled later, as hosts are added. */
const hasSimulated = (hosts: readonly string[] | Set<string>): boolean =>
  hosts instanceof Set || hosts.length > 0;
