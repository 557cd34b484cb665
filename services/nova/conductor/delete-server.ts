// The saga that deletes a server: guest, volumes, ports, allocation, row. Begun by DELETE
// /servers/{id}, which has cancelled the server's other sagas.
import { isFault } from '#contracts/common/fault.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import { deleteNics, nicsOf } from '../store/nics.ts';
import { endMigrations, openMigrations } from '../store/server-migrations.ts';
import { changeDuring, changeServer, findServer } from '../store/servers.ts';
import { volumesOf } from '../store/volumes.ts';
import { disconnectNics } from './connect-nics.ts';
import { dropVolume } from './connect-volumes.ts';
import { removeMovedCopies } from './guest-copies.ts';
import { asEvent, faultText, logFailure, serverOf } from './saga-context.ts';
import { deleteShelvedImage } from './shelved-image.ts';

const destroyDeadlineMs = 120_000;

export function deleteServer(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, log } = deps;
  return defineOperation<'nova.delete-server', Record<string, never>>({
    name: 'nova.delete-server',
    steps: [
      {
        name: 'destroy guest',
        deadlineMs: destroyDeadlineMs,
        retries: 1,
        async run(input, _state, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return undefined; // deleted in an earlier run of this step
          await removeMovedCopies(deps, server, requestId);
          if (server.host === null) return undefined; // it has no host, so no guest
          const { host } = server;
          return await asEvent(
            deps,
            input,
            { seq: 1, name: 'compute_terminate_instance', host },
            async () => {
              const destroyed = await agentOn(deps, host).call(
                'destroyGuest',
                { uuid: input.serverId },
                { timeoutMs: destroyDeadlineMs, requestId },
              );
              if (!isFault(destroyed)) return undefined;
              if (destroyed.kind !== 'unavailable') return destroyed;
              // The deletion does not wait for a host that does not answer: its agent removes the
              // guest when it is back.
              log.warn(
                { server: input.serverId, host, req: requestId },
                'deleted while its host is away',
              );
              return undefined;
            },
          );
        },
      },
      {
        name: 'release volumes',
        deadlineMs: 120_000,
        retries: 3,
        async run({ serverId }, _state, call) {
          for (const row of await volumesOf(db, serverId)) {
            const removal = await dropVolume(deps, row, call);
            // The row is kept for the task that reaps volumes, since a host or Cinder does not
            // answer.
            if (isFault(removal))
              log.warn(
                {
                  server: serverId,
                  volume: row.volume_id,
                  req: call.requestId,
                  why: removal.message,
                },
                'deleted before its volume is given back',
              );
          }
        },
      },
      {
        name: 'release networks',
        deadlineMs: 120_000,
        retries: 3,
        async run({ serverId }, _state, { requestId }) {
          if ((await nicsOf(db, serverId)).length === 0) return undefined;
          const removal = await disconnectNics(deps, serverId, { requestId });
          if (!isFault(removal)) return await deleteNics(db, serverId);
          if (removal.kind !== 'unavailable' && removal.kind !== 'timeout') return removal;
          // The deletion does not wait for Neutron either: the rows are kept for the task that
          // reaps ports.
          log.warn(
            { server: serverId, req: requestId, why: removal.message },
            'deleted while Neutron is away',
          );
          return undefined;
        },
      },
      {
        name: 'release claim',
        deadlineMs: 60_000,
        retries: 5,
        async run({ serverId }, _state, { requestId }) {
          const placement = placementClient(deps, { token: null, requestId });
          for (const { uuid } of await openMigrations(db, serverId)) {
            const moveRelease = await placement.release(uuid);
            if (isFault(moveRelease)) return moveRelease;
          }
          const released = await placement.release(serverId);
          // Without an allocation the server no longer counts on its host, even if a later step
          // fails.
          if (!isFault(released))
            await changeServer(db, serverId, { host: null, node: null }, clock.now());
          return released;
        },
      },
      {
        name: 'forget',
        deadlineMs: 30_000,
        async run({ serverId }, _state, { requestId }) {
          const imageId = (await findServer(db, serverId, null))?.shelved_image_id ?? null;
          const deletion =
            imageId === null ? undefined : await deleteShelvedImage(deps, imageId, requestId);
          // The image is the tenant's own and visible to the tenant, who can delete it.
          if (isFault(deletion))
            log.warn(
              { server: serverId, image: imageId, req: requestId, why: deletion.message },
              'the image of a shelved server is left',
            );
          const now = clock.now();
          await endMigrations(db, serverId, now);
          log.info({ server: serverId, req: requestId }, 'server deleted');
          await changeServer(
            db,
            serverId,
            {
              vm_state: 'deleted',
              task_state: null,
              power_state: powerState.noState,
              terminated_at_ms: now,
              deleted_at_ms: now,
              admin_pass: null,
              user_data: null,
            },
            now,
          );
        },
      },
    ],
    async failed(input, _state, reason) {
      const now = clock.now();
      await changeDuring(
        db,
        input.serverId,
        ['deleting'],
        { vm_state: 'error', task_state: null, fault: faultText(reason, now) },
        now,
      );
      await logFailure(deps, input);
    },
  });
}
