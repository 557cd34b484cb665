// The saga that offloads a shelved server from its host: removes guest and allocation; ports and
// volumes stay the server's. Begun by shelve-server.ts, by `shelveOffload` and by the task that
// offloads servers shelved long ago. No step is undone, because the disk's data is in the image;
// after a failure, the offload is completed if the host no longer has the guest.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import { changeDuring } from '../store/servers.ts';
import { volumesOf } from '../store/volumes.ts';
import { unbindNics } from './connect-nics.ts';
import { keepReserved } from './connect-volumes.ts';
import type { ServerInput } from './saga-context.ts';
import { asEvent, logFailure, serverOnHost } from './saga-context.ts';
import { shelvedDisk } from './shelved-image.ts';
import { guestStateOn } from './state-of-guest.ts';

const destroyDeadlineMs = 120_000;
const leaveDeadlineMs = 5 * 60_000;

export function offloadServer(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, log } = deps;
  return defineOperation<'nova.offload-server'>({
    name: 'nova.offload-server',
    steps: [
      {
        name: 'destroy guest',
        deadlineMs: destroyDeadlineMs,
        retries: 1,
        async run(input, _state, { requestId }) {
          const server = await serverOnHost(deps, input);
          if (isFault(server)) return server;
          const { host } = server;
          if (server.vm_state !== 'shelved' || server.task_state !== 'shelving_offloading')
            return fault('conflict', `Instance ${server.id} is not to be offloaded any more.`);
          // Removing the guest deletes its disk, so first check that the owner has not deleted the
          // image.
          const imageCheck = await shelvedDisk(deps, server, requestId);
          if (isFault(imageCheck)) return imageCheck;
          return await asEvent(
            deps,
            input,
            { seq: 2, name: 'compute_shelve_offload_instance', host },
            async () => {
              const destroyed = await agentOn(deps, host).call(
                'destroyGuest',
                { uuid: server.id },
                { timeoutMs: destroyDeadlineMs, requestId },
              );
              return isFault(destroyed) ? destroyed : undefined;
            },
          );
        },
      },
      {
        // Waits for other services (Cinder, Neutron, Placement).
        name: 'leave host',
        deadlineMs: leaveDeadlineMs,
        retries: 20,
        run: async ({ serverId }, _state, call) => await leaveHost(deps, serverId, call),
      },
    ],
    async failed(input, _state, reason, call) {
      const { serverId } = input;
      const { requestId } = call;
      const left = (await hasNoGuest(deps, input, requestId))
        ? await leaveHost(deps, serverId, call)
        : reason;
      // Back to plain `shelved`: tasks/offload-shelved.ts tries again, except a server that has an
      // image where `shelvedOffloadMs` is -1; there a user must ask again.
      const change = { task_state: null };
      if (await changeDuring(db, serverId, ['shelving_offloading'], change, clock.now()))
        log.warn(
          { server: serverId, req: requestId, why: isFault(left) ? left.message : undefined },
          'a shelved server stays on its host for now',
        );
      await logFailure(deps, input);
    },
  });
}

async function hasNoGuest(deps: NovaDeps, input: ServerInput, requestId: string): Promise<boolean> {
  const server = await serverOnHost(deps, input);
  if (isFault(server) || server.task_state !== 'shelving_offloading') return false;
  return (await guestStateOn(deps, server.host, server.id, requestId)) === 'absent';
}

/** Releases everything the server has on its host, after its guest was removed. Idempotent. */
async function leaveHost(
  deps: NovaDeps,
  serverId: string,
  call: { requestId: string },
): Promise<Outcome<void>> {
  const { db } = deps.database;
  for (const row of await volumesOf(db, serverId)) {
    const reservation = await keepReserved(deps, row, call);
    if (isFault(reservation)) return reservation;
  }
  const unbound = await unbindNics(deps, serverId, call);
  if (isFault(unbound)) return unbound;
  const { requestId } = call;
  const released = await placementClient(deps, { token: null, requestId }).release(serverId);
  if (isFault(released)) return released;
  const offloaded = await changeDuring(
    db,
    serverId,
    ['shelving_offloading'],
    {
      vm_state: 'shelved_offloaded',
      task_state: null,
      power_state: powerState.shutdown,
      host: null,
      node: null,
      reserved_host: null,
    },
    deps.clock.now(),
  );
  if (offloaded) deps.log.info({ server: serverId, req: requestId }, 'server offloaded');
}
