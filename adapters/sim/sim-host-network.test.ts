// Runs the contract of ports/host-network.ts on the simulated driver.
import { hostNetworkContract } from '#ports/host-network.testing.ts';
import type { LocalNetwork } from '#ports/host-network.ts';
import { createSimHostNetwork } from './sim-host-network.ts';

const expected: LocalNetwork = {
  id: 'n',
  metadataPort: { id: 'd', mac: 'fa:16:3e:00:00:02', cidrs: ['10.0.0.2/24'] },
  guests: [
    { portId: 'p', mac: 'fa:16:3e:00:00:05', ips: ['10.0.0.5'], instanceId: 's', projectId: 'q' },
  ],
};

hostNetworkContract(
  'sim',
  async () => {
    const network = createSimHostNetwork('h1');
    network.plug([expected]);
    return { network, expected, close: async () => await network.close() };
  },
  false,
);
