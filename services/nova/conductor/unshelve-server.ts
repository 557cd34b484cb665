// The saga that unshelves an offloaded server: chooses a host, connects ports and volumes there,
// and builds a guest whose disk is a copy of the shelved image. Begun by `unshelve`. After a
// failure the server is offloaded as before.
import { isFault } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';
import type { TaskState } from '#contracts/nova/server-states.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import { changeDuring, findServer } from '../store/servers.ts';
import { volumesOf } from '../store/volumes.ts';
import { assignHost } from './assign-host.ts';
import { chooseHost, giveUpHost } from './choose-host.ts';
import { connectAllNics, unbindNics } from './connect-nics.ts';
import { connectVolumes, keepReserved } from './connect-volumes.ts';
import { awaitPluggedStep, completeVolumesStep, settledServer } from './placed-guest.ts';
import { asEvent, faultText, logFailure, serverOf } from './saga-context.ts';
import { shelvedDisk } from './shelved-image.ts';
import { buildOn, destroyHalfBuilt, spawnDeadlineMs } from './spawn-guest.ts';

type State = { disk?: GuestImage | null; host?: string; nodeUuid?: string };

const otherDeadlineMs = 120_000;
const tasks: readonly TaskState[] = ['unshelving', 'spawning'];

export function unshelveServer(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, log } = deps;
  const isDeleted = async (serverId: string): Promise<boolean> =>
    ((await findServer(db, serverId, null))?.task_state ?? 'deleting') === 'deleting';

  return defineOperation<'nova.unshelve-server', State>({
    name: 'nova.unshelve-server',
    pool: 'build',
    steps: [
      {
        name: 'find image',
        deadlineMs: otherDeadlineMs,
        retries: 2,
        async run(input, _state, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          const find = async () => {
            const disk = await shelvedDisk(deps, server, requestId);
            return isFault(disk) ? disk : { disk };
          };
          return server.shelved_image_id === null
            ? await find()
            : await asEvent(deps, input, { seq: 1, name: 'get_image_info', host: null }, find);
        },
      },
      {
        name: 'schedule and claim',
        deadlineMs: 60_000,
        retries: 2,
        async run(input, _state, { requestId }) {
          const wanted = { zone: input.zone, host: input.forcedHost, excludedHosts: [] };
          return await asEvent(
            deps,
            input,
            { seq: 2, name: 'schedule_instances', host: null },
            async () => await chooseHost(deps, { serverId: input.serverId }, wanted, requestId),
          );
        },
        undo: async ({ serverId }, _state, { requestId }) =>
          await giveUpHost(deps, serverId, requestId),
      },
      {
        name: 'assign host',
        deadlineMs: 30_000,
        run: async ({ serverId }, { host = '', nodeUuid = null }) =>
          await assignHost(deps, serverId, tasks, { host, node: nodeUuid }),
        async undo({ serverId }) {
          const change = { host: null, node: null };
          await changeDuring(db, serverId, [...tasks, 'deleting'], change, clock.now());
        },
      },
      {
        name: 'connect networks',
        deadlineMs: otherDeadlineMs,
        retries: 2,
        async run(input, { host = '' }, call) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          return await connectAllNics(deps, server, host, call);
        },
        async undo({ serverId }, _state, call) {
          const unbound = await unbindNics(deps, serverId, call);
          if (isFault(unbound)) throw new Error(`unbind the ports: ${unbound.message}`);
        },
      },
      {
        name: 'connect volumes',
        deadlineMs: otherDeadlineMs,
        retries: 2,
        run: async ({ serverId }, { host = '' }, call) =>
          await connectVolumes(deps, serverId, host, call),
        async undo({ serverId }, _state, call) {
          // The deletion of the server releases its volumes itself.
          if (await isDeleted(serverId)) return;
          for (const row of await volumesOf(db, serverId)) {
            const reservation = await keepReserved(deps, row, call);
            if (isFault(reservation))
              throw new Error(`keep volume ${row.volume_id}: ${reservation.message}`);
          }
        },
      },
      {
        name: 'spawn',
        deadlineMs: spawnDeadlineMs,
        async run(input, { host = '', disk = null }, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          await changeDuring(db, server.id, tasks, { task_state: 'spawning' }, clock.now());
          return await asEvent(
            deps,
            input,
            { seq: 3, name: 'compute_unshelve_instance', host },
            async () => await buildOn(deps, server, host, { requestId, shelvedDisk: disk }),
          );
        },
        // Throws, and so is tried again, until the host answers: the server must not start
        // elsewhere while its guest may run here.
        async undo({ serverId }, { host }, { requestId }) {
          if (host === undefined) return;
          const away = await destroyHalfBuilt(deps, serverId, host, requestId);
          if (isFault(away) && !(await isDeleted(serverId)))
            throw new Error(`destroy the half-built guest: ${away.message}`);
        },
      },
      completeVolumesStep(deps, otherDeadlineMs),
      awaitPluggedStep(deps, () => true),
      {
        name: 'activate',
        deadlineMs: 30_000,
        async run({ serverId }, { host }, { requestId }) {
          const now = clock.now();
          const change = { ...settledServer(true, now), shelved_at_ms: null };
          const active = await changeDuring(db, serverId, tasks, change, now);
          if (active) log.info({ server: serverId, host, req: requestId }, 'server unshelved');
        },
        /**
         * Runs if the step had done its work and was then counted as failed. The shelved image
         * still exists, because the saga that deletes it runs after this one.
         */
        async undo({ serverId }) {
          const now = clock.now();
          await changeDuring(
            db,
            serverId,
            [null],
            {
              vm_state: 'shelved_offloaded',
              task_state: 'unshelving',
              power_state: powerState.shutdown,
              shelved_at_ms: now,
            },
            now,
          );
        },
      },
    ],
    async failed(input, { disk }, reason) {
      const now = clock.now();
      // As upstream, the server is set to error if its image no longer exists: its disk is lost.
      // nova.conductor.manager, unshelve_instance
      const isLost = reason.kind === 'notFound' && disk === undefined;
      await changeDuring(
        db,
        input.serverId,
        tasks,
        {
          task_state: null,
          fault: faultText(reason, now),
          ...(isLost && { vm_state: 'error' as const }),
        },
        now,
      );
      await logFailure(deps, input);
    },
  });
}
