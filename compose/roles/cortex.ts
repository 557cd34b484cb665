// Cortex, where it is enabled: a role without a database, beside those of the table.
import { itself } from '#openstack/clients/call.ts';
import { novaBalanceClient } from '#openstack/clients/nova-balance.ts';
import { novaFleetClient } from '#openstack/clients/nova-fleet.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { Kube } from '#ports/kube.ts';
import type { CortexRole } from '#services/cortex/api/role.ts';
import { createCortex } from '#services/cortex/api/role.ts';
import { cortexDefaults } from '#services/cortex/deps.ts';
import { followHypervisors } from '#services/cortex/follow-hypervisors.ts';
import { adminSession } from '../admin-session.ts';
import type { CloudProcess } from '../process.ts';

export const makeCortex = (process: CloudProcess): CortexRole =>
  process.once('cortex', () => {
    const { http, clock, ids, bus, secrets, config, logOf } = process;
    // Nova lists its hypervisors to administrators alone.
    const client = { http, session: adminSession(http, clock, secrets) };
    const { schedulersNeedToken } = config.cortex;
    return createCortex({
      nova: novaFleetClient(client),
      placement: placementClient(client, itself),
      balance: novaBalanceClient(client),
      clock,
      ids,
      bus,
      log: logOf('cortex'),
      config: { ...cortexDefaults, schedulersNeedToken, defaultZone: config.nova.defaultZone },
    });
  });

/** What resources `Hypervisor` say of hosts counts, too. Resolves when Cortex knows them. */
export async function followKube(process: CloudProcess, kube: Kube): Promise<() => Promise<void>> {
  const { picture } = makeCortex(process);
  const followed = followHypervisors(kube, picture, process.logOf('cortex'));
  await followed.ready;
  return async () => await followed.stop();
}
