// The network below Neutron: real OVN where there are hosts, a simulated one where there are none,
// both where hosts are mixed.
import { createOvnSdn } from '#adapters/ovsdb/ovn-sdn.ts';
import { createSimNetwork } from '#adapters/sim/sim-sdn.ts';
import { simulateChassis } from '#adapters/sim/simulate-chassis.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { SdnListeners } from '#ports/sdn.ts';
import type { NetworkBelow } from './process.ts';

/** What a cloud without hosts calls its external network: nothing of this machine is in it. */
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

/** Into a set that somebody holds, hosts may come later. */
const hasSimulated = (hosts: readonly string[] | Set<string>): boolean =>
  hosts instanceof Set || hosts.length > 0;
