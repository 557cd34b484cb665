// The saga behind createImage and createBackup of a server with a root disk of its own: its host
// copies the disk and uploads it. Begun by POST …/action.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { backupsOf, deleteImage } from '../glance.ts';
import { changeDuring } from '../store/servers.ts';
import type { Server } from '../store/servers.ts';
import { agentOn, asEvent, logFailure, serverOf } from './station.ts';

export const createImageName = 'nova.create-image';
export type CreateImageInput = {
  serverId: string;
  actionId: string;
  imageId: string;
  /** It is a backup: of its type the server keeps so many. */ rotation: {
    type: string;
    keep: number;
  } | null;
};

/** Large disks take their time to be copied and sent. */
const uploadDeadlineMs = 3 * 60 * 60_000;
export const imageTasks = [
  'image_snapshot_pending',
  'image_backup',
  'image_snapshot',
  'image_pending_upload',
  'image_uploading',
] as const;

export function createImage(deps: NovaDeps): AnySaga {
  const {
    database: { db },
    clock,
    log,
  } = deps;
  return saga<CreateImageInput, Record<string, never>>({
    name: createImageName,
    steps: [
      {
        name: 'upload',
        deadlineMs: uploadDeadlineMs,
        retries: 2,
        async run(input, _state, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          const { host } = server;
          if (host === null) return fault('conflict', `Instance ${server.id} is on no host.`);
          await changeDuring(
            db,
            server.id,
            imageTasks,
            { task_state: 'image_uploading' },
            clock.now(),
          );
          return await asEvent(
            deps,
            input,
            { seq: 1, name: 'compute_snapshot_instance', host },
            async () => {
              const done = await agentOn(deps, host).call(
                'uploadRoot',
                { uuid: server.id, imageId: input.imageId },
                { timeoutMs: uploadDeadlineMs, requestId },
              );
              return isFault(done) ? done : undefined;
            },
          );
        },
        async undo({ imageId }, _state, { requestId }) {
          const gone = await deleteImage(deps, imageId, { token: null, requestId });
          if (isFault(gone)) throw new Error(`delete the unfinished image: ${gone.message}`);
        },
      },
      {
        name: 'rotate',
        deadlineMs: 5 * 60_000,
        async run(input, _state, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server) || !input.rotation) return;
          const rotated = await rotate(deps, server, input.rotation, requestId);
          // The new one is whole all the same; what is too much goes with the next.
          if (isFault(rotated))
            log.warn(
              { server: server.id, req: requestId, why: rotated.message },
              'old backups of a server are left',
            );
        },
      },
      {
        name: 'settle',
        deadlineMs: 30_000,
        run: async ({ serverId, imageId }, _state, { requestId }) => {
          await changeDuring(db, serverId, imageTasks, { task_state: null }, clock.now());
          log.info({ server: serverId, image: imageId, req: requestId }, 'image of a server made');
        },
      },
    ],
    async failed(input) {
      await changeDuring(db, input.serverId, imageTasks, { task_state: null }, clock.now());
      await logFailure(deps, input);
    },
  });
}

/** Removes the oldest beyond those to keep: compute API reference, "Create Server Back Up". */
async function rotate(
  deps: NovaDeps,
  server: Server,
  { type, keep }: { type: string; keep: number },
  requestId: string,
): Promise<Outcome<void>> {
  const backups = await backupsOf(
    deps,
    { serverId: server.id, projectId: server.project_id, type },
    requestId,
  );
  if (isFault(backups)) return backups;
  for (const id of backups.slice(keep)) {
    const gone = await deleteImage(deps, id, { token: null, requestId });
    if (isFault(gone)) return gone;
  }
}
