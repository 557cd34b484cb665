// Creates Cortex if it is enabled: a role without a database, so it is not in the table of roles.
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
    // Nova lists its hypervisors only to administrators.
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
 * Connects Cortex to Kubernetes: it respects the `Hypervisor` resources, reads its pipelines from
 * `Pipeline` resources and writes its decisions to `History` resources. Resolves when Hypervisors
 * and Pipelines are listed. Returns a function that stops all three.
 */
export async function followKube(process: CloudProcess, kube: Kube): Promise<() => Promise<void>> {
  const { picture, scheduling, recordTo } = makeCortex(process);
  const log = process.logOf('cortex');
  const followed = [
    followHypervisors(kube, picture, log),
    followPipelines({ kube, scheduling, clock: process.clock, log }),
  ];
  const histories = writeHistories({ kube, clock: process.clock, log });
  recordTo(histories.note);
  await Promise.all(followed.map(async ({ ready }) => await ready));
  return async () =>
    void (await Promise.all([...followed, histories].map(async (one) => await one.stop())));
}
