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
import { followPipelines } from '#services/cortex/follow-pipelines.ts';
import { writeHistories } from '#services/cortex/write-histories.ts';
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

/**
 * What resources `Hypervisor` say of hosts counts, too, and pipelines are those of the resources
 * `Pipeline`; decisions are told in resources `History`. Resolves when Cortex knows the first two.
 */
export async function followKube(process: CloudProcess, kube: Kube): Promise<() => Promise<void>> {
  const { picture, scheduling, recordTo } = makeCortex(process);
  const log = process.logOf('cortex');
  const followed = [
    followHypervisors(kube, picture, log),
    followPipelines({ kube, scheduling, clock: process.clock, log }),
  ];
  const written = writeHistories({ kube, clock: process.clock, log });
  recordTo(written.note);
  await Promise.all(followed.map(async ({ ready }) => await ready));
  return async () =>
    void (await Promise.all([...followed, written].map(async (one) => await one.stop())));
}
