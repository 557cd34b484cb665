// The saga that shelves a server: stops its guest and uploads its root disk as an image (unless it
// boots from a volume). Begun by `shelve`. Offloading it from its host is a saga of its own,
// offload-server.ts, which cannot be undone.
import { isFault } from '#contracts/common/fault.ts';
import { serverLock } from '#contracts/nova/operations.ts';
import { powerState, shelvingTaskStates } from '#contracts/nova/server-states.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation, enqueueOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import { changeDuring, findServer } from '../store/servers.ts';
import { asEvent, faultText, logFailure, serverOnHost } from './saga-context.ts';
import { stateOfGuest } from './state-of-guest.ts';

const powerDeadlineMs = 10 * 60_000;
/** Large enough to copy and upload a large disk. */
const uploadDeadlineMs = 3 * 60 * 60_000;

export function shelveServer(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, config, log } = deps;

  /** Whether the server is already shelved, or is being deleted: then undo has nothing to do. */
  const isOver = async (serverId: string): Promise<boolean> => {
    const server = await findServer(db, serverId, null);
    return !server || server.task_state === 'deleting' || server.shelved_at_ms !== null;
  };

  return defineOperation<'nova.shelve-server'>({
    name: 'nova.shelve-server',
    steps: [
      {
        // The image was created by the request and belongs to this saga from here on: if any step
        // fails, this undo deletes it.
        name: 'take over image',
        deadlineMs: 60_000,
        run: async () => undefined,
        async undo({ serverId, imageId }, _state, { requestId }) {
          // If the server refers to the image, it may be the only copy of the disk: it is kept.
          const server = await findServer(db, serverId, null);
          if (imageId === null || server?.shelved_image_id === imageId) return;
          const deletion = await glanceClient(deps, { token: null, requestId }).deleteImage(
            imageId,
          );
          if (isFault(deletion))
            throw new Error(`delete the unfinished image: ${deletion.message}`);
        },
      },
      {
        name: 'stop guest',
        deadlineMs: powerDeadlineMs,
        retries: 1,
        async run(input, _state, { requestId }) {
          const server = await serverOnHost(deps, input);
          if (isFault(server)) return server;
          const stopped = await agentOn(deps, server.host).call(
            'stopGuest',
            { uuid: server.id, timeoutMs: config.shutdownTimeoutMs },
            { timeoutMs: powerDeadlineMs, requestId },
          );
          return isFault(stopped) ? stopped : undefined;
        },
        // Only a guest that was active is started again. The memory of a paused or suspended guest
        // is lost, so it stays off.
        async undo(input, _state, { requestId }) {
          if (input.before.vmState !== 'active' || (await isOver(input.serverId))) return;
          const server = await serverOnHost(deps, input);
          if (isFault(server)) return;
          const started = await agentOn(deps, server.host).call(
            'startGuest',
            { uuid: server.id },
            { timeoutMs: powerDeadlineMs, requestId },
          );
          if (isFault(started))
            log.warn(
              { server: server.id, req: requestId, why: started.message },
              'a server that could not be shelved is not started again',
            );
        },
      },
      {
        name: 'upload',
        deadlineMs: uploadDeadlineMs,
        retries: 2,
        async run(input, _state, { requestId }) {
          const { imageId } = input;
          if (imageId === null) return undefined;
          const server = await serverOnHost(deps, input);
          if (isFault(server)) return server;
          const during = async (task: (typeof shelvingTaskStates)[number]) =>
            await changeDuring(
              db,
              server.id,
              shelvingTaskStates,
              { task_state: task },
              clock.now(),
            );
          await during('shelving_image_pending_upload');
          return await asEvent(
            deps,
            input,
            { seq: 1, name: 'compute_shelve_instance', host: server.host },
            async () => {
              await during('shelving_image_uploading');
              const upload = await agentOn(deps, server.host).call(
                'uploadRoot',
                { uuid: server.id, imageId },
                { timeoutMs: uploadDeadlineMs, requestId },
              );
              return isFault(upload) ? upload : undefined;
            },
          );
        },
      },
      {
        name: 'settle',
        deadlineMs: 30_000,
        async run({ serverId, actionId, imageId }, _state, { requestId }) {
          // A volume-backed server has no disk on its host worth keeping, so it is offloaded at
          // once.
          const isOffloaded = imageId === null || config.shelvedOffloadMs === 0;
          await transaction(db, async (trx) => {
            const now = clock.now();
            const shelved = await changeDuring(
              trx,
              serverId,
              shelvingTaskStates,
              {
                vm_state: 'shelved',
                power_state: powerState.shutdown,
                task_state: isOffloaded ? 'shelving_offloading' : null,
                shelved_at_ms: now,
                shelved_image_id: imageId,
                fault: null,
              },
              now,
            );
            // `shelved` is false if this step runs a second time.
            if (shelved && isOffloaded)
              await enqueueOperation(deps, trx, {
                name: 'nova.offload-server',
                lockKey: serverLock(serverId),
                input: { serverId, actionId },
                requestId,
              });
          });
        },
        /**
         * Runs if the step had done its work and was then counted as failed. If the offload saga is
         * already queued, it finds that the server is not `shelved` and ends.
         */
        async undo({ serverId, before }) {
          const server = await findServer(db, serverId, null);
          if (server?.vm_state !== 'shelved') return;
          await changeDuring(
            db,
            serverId,
            ['shelving_offloading', null],
            {
              vm_state: before.vmState,
              power_state: before.powerState,
              task_state: 'shelving',
              shelved_at_ms: null,
              shelved_image_id: null,
            },
            clock.now(),
          );
        },
      },
    ],
    async failed(input, _state, reason, { requestId }) {
      const now = clock.now();
      const state = await stateOfGuest(deps, input, requestId);
      await changeDuring(
        db,
        input.serverId,
        shelvingTaskStates,
        { task_state: null, fault: faultText(reason, now), ...state },
        now,
      );
      await logFailure(deps, input);
    },
  });
}
