// The saga of an evacuation: the server of a host that is down is rebuilt on another one, with its
// ports, addresses and volumes; a root disk that was local to the host is recreated from the image.
// What is left on the old host is removed when it comes back, before it serves again
// (expected-guests.ts). Begun by POST …/action evacuate.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import { advanceMigration, findMigration } from '../store/server-migrations.ts';
import { changeDuring } from '../store/servers.ts';
import { describeGuest } from './describe-guest.ts';
import { removeCopy, removeStartedCopy } from './guest-copies.ts';
import type { ChosenHost } from './move-steps.ts';
import { finishMove, moveSteps, toDestination } from './move-steps.ts';
import { awaitPluggedStep, completeVolumesStep, settledServer } from './placed-guest.ts';
import { asEvent, faultText, logFailure } from './saga-context.ts';
import { moveOf } from './server-move.ts';

type Input = NovaOperations['nova.evacuate-server'];

const buildDeadlineMs = 15 * 60_000;
const fenceTimeoutMs = 5_000;
const lockTimeoutMs = 60_000;
const evacuating = ['rebuilding'] as const;

/**
 * The saga's definition. `direct`: a bus that fails at once when an agent does not answer, instead
 * of waiting for it.
 */
export function evacuateServer(deps: NovaDeps, direct: Pick<NovaDeps, 'bus'>): AnySaga {
  const { db } = deps.database;
  const { clock, log } = deps;
  return defineOperation<'nova.evacuate-server', ChosenHost>({
    name: 'nova.evacuate-server',
    pool: 'build',
    steps: [
      moveSteps.schedule(deps, {
        event: 'conductor_rebuild_server',
        excludedHosts: (_input: Input, { source }) => [source],
        status: 'pre-migrating',
      }),
      {
        name: 'fence source',
        deadlineMs: 60_000,
        async run(input, _state, { requestId }) {
          const move = await moveOf(deps, input);
          if (isFault(move)) return move;
          const { server, source: host } = move;
          // The host counts as down, but if its agent still answers, the guest is stopped there
          // before it is started elsewhere. Its disk is kept until the evacuation has succeeded.
          const stopped = await agentOn(direct, host).call(
            'stopGuest',
            { uuid: server.id, timeoutMs: 0 },
            { timeoutMs: fenceTimeoutMs, requestId },
          );
          const facts = { server: server.id, host, req: requestId };
          if (!isFault(stopped)) log.warn(facts, 'the guest on a host that is down was ended');
          else if (stopped.kind !== 'unavailable' && stopped.kind !== 'notFound')
            log.error({ ...facts, why: stopped.message }, 'a guest to evacuate was not ended');
        },
      },
      moveSteps.moveVolumes(deps, { ...toDestination, isFromUp: false }),
      moveSteps.bindPorts(deps, toDestination),
      moveSteps.switchHost<ChosenHost>(deps, {
        tasks: evacuating,
        there: (_move, { host = null, nodeUuid = null }) => ({ host, node: nodeUuid }),
        back: ({ source, migration }) => ({ host: source, node: migration.source_node }),
        otherwise: 'The server is not evacuated any more.',
      }),
      {
        name: 'build on destination',
        deadlineMs: buildDeadlineMs,
        retries: 1,
        async run(input, { host = '' }, call) {
          const move = await moveOf(deps, input);
          if (isFault(move)) return move;
          const { server, source, oldSize } = move;
          const spec = await describeGuest(deps, { ...server, ...oldSize });
          const { requestId } = call;
          const event = { seq: 2, name: 'compute_rebuild_instance', host };
          return await asEvent(deps, input, event, async () => {
            // Removes a copy of this guest that an earlier, unrelated move may have left on this
            // host.
            const removal = await removeCopy(deps, server, host, call);
            if (isFault(removal)) return removal;
            const freed = await agentOn(deps, host).call(
              'breakLocks',
              { spec, host: source },
              { timeoutMs: lockTimeoutMs, requestId },
            );
            if (isFault(freed)) return freed;
            const build = await agentOn(deps, host).call(
              'rebuildGuest',
              { spec, start: input.start },
              { timeoutMs: buildDeadlineMs, requestId },
            );
            return isFault(build) ? build : undefined;
          });
        },
        undo: async ({ serverId }, { host = '' }, call) =>
          await removeStartedCopy(deps, { id: serverId }, host, call),
      },
      completeVolumesStep(deps, 60_000),
      awaitPluggedStep(deps, ({ start }: Input) => start),
      {
        name: 'finish',
        deadlineMs: 30_000,
        run: finishMove(deps, {
          tasks: evacuating,
          change: ({ start }: Input, now) => ({
            ...settledServer(start, now),
            reserved_host: null,
          }),
          status: 'done',
          event: 'server evacuated',
        }),
        async undo(input) {
          const change = { task_state: 'rebuilding' } as const;
          await changeDuring(db, input.serverId, [null], change, clock.now());
        },
      },
    ],
    async failed(input, _state, reason) {
      const now = clock.now();
      const migration = await findMigration(db, input.migrationId);
      if (migration) await advanceMigration(db, migration, 'failed', now);
      await changeDuring(
        db,
        input.serverId,
        evacuating,
        { vm_state: 'error', task_state: null, fault: faultText(reason, now), reserved_host: null },
        now,
      );
      await logFailure(deps, input);
    },
  });
}
