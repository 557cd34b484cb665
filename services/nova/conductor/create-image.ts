// The saga behind createImage and createBackup of a server that does not boot from a volume: its
// host copies the root disk and uploads it to Glance. Begun by POST …/action.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { imageTaskStates } from '#contracts/nova/server-states.ts';
import type { Glance } from '#openstack/clients/glance.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import { changeDuring } from '../store/servers.ts';
import type { Server } from '../store/servers.ts';
import { asEvent, logFailure, serverOf, serverOnHost } from './saga-context.ts';

/** Large enough to copy and upload a large disk. */
const uploadDeadlineMs = 3 * 60 * 60_000;

export function createImage(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, log } = deps;
  return defineOperation<'nova.create-image', Record<string, never>>({
    name: 'nova.create-image',
    steps: [
      {
        name: 'upload',
        deadlineMs: uploadDeadlineMs,
        retries: 2,
        async run(input, _state, { requestId }) {
          const server = await serverOnHost(deps, input);
          if (isFault(server)) return server;
          const { host } = server;
          await changeDuring(
            db,
            server.id,
            imageTaskStates,
            { task_state: 'image_uploading' },
            clock.now(),
          );
          return await asEvent(
            deps,
            input,
            { seq: 1, name: 'compute_snapshot_instance', host },
            async () => {
              const upload = await agentOn(deps, host).call(
                'uploadRoot',
                { uuid: server.id, imageId: input.imageId },
                { timeoutMs: uploadDeadlineMs, requestId },
              );
              return isFault(upload) ? upload : undefined;
            },
          );
        },
        async undo({ imageId }, _state, { requestId }) {
          const deletion = await glanceClient(deps, { token: null, requestId }).deleteImage(
            imageId,
          );
          if (isFault(deletion))
            throw new Error(`delete the unfinished image: ${deletion.message}`);
        },
      },
      {
        name: 'rotate',
        deadlineMs: 5 * 60_000,
        async run(input, _state, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server) || !input.rotation) return;
          const rotated = await rotate(deps, server, input.rotation, requestId);
          // The new backup is complete all the same; surplus old ones are removed after the next
          // backup.
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
          await changeDuring(db, serverId, imageTaskStates, { task_state: null }, clock.now());
          log.info({ server: serverId, image: imageId, req: requestId }, 'image of a server made');
        },
      },
    ],
    async failed(input) {
      await changeDuring(db, input.serverId, imageTaskStates, { task_state: null }, clock.now());
      await logFailure(deps, input);
    },
  });
}

/** Deletes the oldest backups beyond `keep`: compute API reference, "Create Server Back Up". */
async function rotate(
  deps: NovaDeps,
  server: Server,
  { type, keep }: { type: string; keep: number },
  requestId: string,
): Promise<Outcome<void>> {
  const glance = glanceClient(deps, { token: null, requestId });
  const backups = await backupsOf(glance, server, type);
  if (isFault(backups)) return backups;
  for (const id of backups.slice(keep)) {
    const deletion = await glance.deleteImage(id);
    if (isFault(deletion)) return deletion;
  }
}

/** One page of Glance's list is enough: each backup removes those beyond its rotation. */
const maxBackups = 1000;

/** Ids of a server's complete backups of one type, the newest first. */
async function backupsOf(
  glance: Glance,
  { id, project_id: projectId }: Server,
  type: string,
): Promise<Outcome<string[]>> {
  const properties = { instance_uuid: id, image_type: 'backup', backup_type: type };
  const page = await glance.list(
    new URLSearchParams({
      owner: projectId,
      ...properties,
      status: 'active',
      sort: 'created_at:desc',
      limit: String(maxBackups),
    }),
  );
  if (isFault(page)) return page;
  // Any tenant can set any image property, so an image is deleted only if all of these match.
  const expected = Object.entries({ owner: projectId, ...properties });
  return page.images
    .filter((image) => expected.every(([name, value]) => image[name] === value))
    .map((image) => image.id);
}
