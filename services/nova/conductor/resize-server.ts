// The saga of a resize and of a cold migration: the guest is shut down, its disks are copied to
// another host, volumes and ports follow, and it starts there. The source keeps its copy for a
// revert. A failure undoes everything. Begun by POST …/action resize or migrate.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import { powerState, resizeTasks } from '#contracts/nova/server-states.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import { advanceMigration, findMigration } from '../store/server-migrations.ts';
import type { ServerChange } from '../store/servers.ts';
import { changeDuring, findServer } from '../store/servers.ts';
import { copyDeadlineMs, copyDisks } from './copy-disks.ts';
import { describeGuest } from './describe-guest.ts';
import {
  insistWhileUp,
  placeGuest,
  removeCopy,
  removeStartedCopy,
  stopGuest,
} from './guest-copies.ts';
import type { ChosenHost } from './move-steps.ts';
import { finishMove, moveSteps, toDestination } from './move-steps.ts';
import { awaitPluggedStep, completeVolumesStep, settledServer } from './placed-guest.ts';
import { asEvent, faultText, logFailure } from './saga-context.ts';
import { moveOf } from './server-move.ts';
import { guestStateOn } from './state-of-guest.ts';

type Input = NovaOperations['nova.resize-server'];

const guestDeadlineMs = 10 * 60_000;

const runs = (vmState: VmState): boolean => vmState === 'active';

export function resizeServer(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, config, log } = deps;
  return defineOperation<'nova.resize-server', ChosenHost>({
    name: 'nova.resize-server',
    pool: 'build',
    steps: [
      moveSteps.schedule(deps, {
        event: 'conductor_migrate_server',
        excludedHosts: (input: Input) => input.excludedHosts,
      }),
      {
        name: 'stop on source',
        deadlineMs: config.shutdownTimeoutMs + guestDeadlineMs,
        retries: 1,
        async run(input, _state, call) {
          const move = await moveOf(deps, input);
          if (isFault(move)) return move;
          const { server, migration, source } = move;
          await advanceMigration(db, migration, 'migrating', clock.now());
          await changeDuring(
            db,
            server.id,
            resizeTasks,
            { task_state: 'resize_migrating' },
            clock.now(),
          );
          const event = { seq: 2, name: 'compute_resize_instance', host: source };
          return await asEvent(
            deps,
            input,
            event,
            async () => await stopGuest(deps, server, source, call),
          );
        },
        async undo(input, _state, call) {
          const move = await moveOf(deps, input);
          // The deletion that cancelled this saga removes the guest, so it need not be started
          // again.
          if (isFault(move) || move.server.task_state === 'deleting') return;
          const { server, source: host, oldSize: size } = move;
          const start = runs(input.before.vmState);
          const placed = await placeGuest(deps, server, { host, size, start }, call);
          await insistWhileUp(deps, host, placed);
        },
      },
      {
        name: 'copy disks',
        deadlineMs: copyDeadlineMs,
        async run(input, _state, call) {
          const move = await moveOf(deps, input);
          if (isFault(move)) return move;
          const spec = await describeGuest(deps, { ...move.server, ...move.newSize });
          if (spec.rootDisk === null && spec.ephemeralGib === 0) return undefined;
          return await copyDisks(deps, spec, move, call);
        },
        async undo(input, { host = '' }, call) {
          const removal = await removeCopy(deps, { id: input.serverId }, host, call);
          // The copy was never started, so it may be left: the host's agent removes it later.
          if (isFault(removal))
            log.warn(
              { server: input.serverId, host, req: call.requestId, why: removal.message },
              'a copy of disks is left to its host',
            );
        },
      },
      moveSteps.moveVolumes(deps, toDestination),
      moveSteps.bindPorts(deps, toDestination, async ({ server, migration }) => {
        await advanceMigration(db, migration, 'post-migrating', clock.now());
        const change = { task_state: 'resize_migrated' } as const;
        await changeDuring(db, server.id, resizeTasks, change, clock.now());
      }),
      moveSteps.switchHost<ChosenHost>(deps, {
        tasks: resizeTasks,
        there: ({ newSize, source }, { host = null, nodeUuid = null }) => ({
          ...newSize,
          host,
          node: nodeUuid,
          // For its server group the server counts on the source as well, because a revert returns
          // it there.
          reserved_host: source,
          task_state: 'resize_finish',
        }),
        back: ({ migration, oldSize, source }) => ({
          ...oldSize,
          host: source,
          node: migration.source_node,
          reserved_host: null,
        }),
        otherwise: 'The server does not move any more.',
      }),
      {
        name: 'start on destination',
        deadlineMs: guestDeadlineMs,
        retries: 1,
        async run(input, { host = '' }, call) {
          const move = await moveOf(deps, input);
          if (isFault(move)) return move;
          const start = runs(input.before.vmState);
          const event = { seq: 3, name: 'compute_finish_resize', host };
          return await asEvent(
            deps,
            input,
            event,
            async () =>
              await placeGuest(deps, move.server, { host, size: move.newSize, start }, call),
          );
        },
        undo: async ({ serverId }, { host = '' }, call) =>
          await removeStartedCopy(deps, { id: serverId }, host, call),
      },
      completeVolumesStep(deps, 60_000),
      awaitPluggedStep(deps, ({ before }: Input) => runs(before.vmState)),
      {
        name: 'finish',
        deadlineMs: 30_000,
        run: finishMove(deps, {
          tasks: resizeTasks,
          change: ({ before }: Input, now) => ({
            ...settledServer(runs(before.vmState), now),
            vm_state: 'resized',
          }),
          status: 'finished',
          event: 'server moved',
        }),
        async undo(input) {
          await changeDuring(
            db,
            input.serverId,
            [null],
            { vm_state: input.before.vmState, task_state: 'resize_finish' },
            clock.now(),
          );
        },
      },
    ],
    async failed(input, _state, reason, { requestId }) {
      const now = clock.now();
      const migration = await findMigration(db, input.migrationId);
      if (migration) await advanceMigration(db, migration, 'error', now);
      const end = await whereItIs(deps, input, requestId);
      await changeDuring(
        db,
        input.serverId,
        resizeTasks,
        { task_state: null, fault: faultText(reason, now), reserved_host: null, ...end },
        now,
      );
      await logFailure(deps, input);
    },
  });
}

/** The vm_state after an undo: as before the resize, or error if the guest does not run again. */
async function whereItIs(
  deps: NovaDeps,
  { serverId, before }: Input,
  requestId: string,
): Promise<ServerChange> {
  if (!runs(before.vmState)) return { vm_state: before.vmState };
  const host = (await findServer(deps.database.db, serverId, null))?.host ?? null;
  const guest = host === null ? undefined : await guestStateOn(deps, host, serverId, requestId);
  return guest === 'running'
    ? { vm_state: before.vmState, power_state: powerState.running }
    : { vm_state: 'error' };
}
