// The saga that reverts a resize: the guest is stopped on the destination and started on the
// source, whose disk was kept, with the old flavor. The destination's copy is removed last, when
// the server is back: until then a failure leaves the server resized, as it was.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import { advanceMigration } from '../store/server-migrations.ts';
import { changeDuring } from '../store/servers.ts';
import { insistWhileUp, placeGuest, removeCopy, stopGuest } from './guest-copies.ts';
import { backToSource, moveSteps, moveToUndo, settleMove } from './move-steps.ts';
import { giveUpVolumes } from './move-volumes.ts';
import { awaitPluggedStep, completeVolumesStep, settledServer } from './placed-guest.ts';
import { asEvent, faultText, logFailure } from './saga-context.ts';
import type { Move } from './server-move.ts';
import { moveOf, returnClaim } from './server-move.ts';

const guestDeadlineMs = 10 * 60_000;
const reverting = ['resize_reverting'] as const;

type Input = NovaOperations['nova.revert-resize'];

export function revertResize(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, config, log } = deps;
  const starts = ({ migration }: Move): boolean => migration.old_vm_state === 'active';
  /**
   * Removes the destination's copy and allocation. What fails here is done later by the host's
   * agent and by the task that reaps claims.
   */
  const cleanUp = async (input: Input, call: { requestId: string }): Promise<void> => {
    const move = await moveOf(deps, input);
    if (isFault(move) || move.migration.status !== 'reverted') return;
    const { server, dest: host } = move;
    const facts = { server: server.id, host, req: call.requestId };
    const removal = await removeCopy(deps, server, host, call);
    if (isFault(removal))
      log.warn({ ...facts, why: removal.message }, 'a reverted copy is left to its host');
    await returnClaim(deps, input, call.requestId).catch((error: unknown) =>
      log.warn({ ...facts, err: error }, 'the claim of a reverted move is not returned yet'),
    );
  };
  return defineOperation<'nova.revert-resize', { wasRunning?: boolean }>({
    name: 'nova.revert-resize',
    pool: 'build',
    steps: [
      {
        name: 'stop on destination',
        deadlineMs: config.shutdownTimeoutMs + guestDeadlineMs,
        retries: 1,
        async run(input, _state, call) {
          const move = await moveOf(deps, input);
          if (isFault(move)) return move;
          const { server, dest } = move;
          const event = { seq: 1, name: 'compute_revert_resize', host: dest };
          const stopped = await asEvent(
            deps,
            input,
            event,
            async () => await stopGuest(deps, server, dest, call),
          );
          return isFault(stopped)
            ? stopped
            : { wasRunning: server.power_state === powerState.running };
        },
        async undo(input, { wasRunning = true }, call) {
          const move = await moveToUndo(deps, input);
          if (!move || move.server.task_state === 'deleting') return;
          const { server, dest: host, newSize: size } = move;
          const start = wasRunning;
          await insistWhileUp(
            deps,
            host,
            await placeGuest(deps, server, { host, size, start }, call),
          );
        },
      },
      moveSteps.moveVolumes(deps, backToSource),
      moveSteps.bindPorts(deps, backToSource),
      moveSteps.switchHost(deps, {
        tasks: reverting,
        there: ({ oldSize, source, migration }) => ({
          ...oldSize,
          host: source,
          node: migration.source_node,
        }),
        back: ({ newSize, dest, migration }) => ({
          ...newSize,
          host: dest,
          node: migration.dest_node,
        }),
        otherwise: 'The server is not reverted any more.',
      }),
      {
        name: 'start on source',
        deadlineMs: guestDeadlineMs,
        retries: 1,
        async run(input, _state, call) {
          const move = await moveOf(deps, input);
          if (isFault(move)) return move;
          const { server, source: host, oldSize: size } = move;
          const start = starts(move);
          const event = { seq: 2, name: 'compute_finish_revert_resize', host };
          return await asEvent(
            deps,
            input,
            event,
            async () => await placeGuest(deps, server, { host, size, start }, call),
          );
        },
        async undo(input, _state, call) {
          const move = await moveToUndo(deps, input);
          if (!move) return;
          const { server, source } = move;
          const stopped = await stopGuest(deps, server, source, call);
          const disconnection = isFault(stopped)
            ? stopped
            : await giveUpVolumes(deps, server, source, call);
          // The disk on the source is kept, but two copies must never run: tried again until it is
          // stopped.
          if (isFault(disconnection) && disconnection.kind !== 'notFound')
            throw new Error(`stop server ${server.id} on ${source}: ${disconnection.message}`);
        },
      },
      completeVolumesStep(deps, 60_000),
      awaitPluggedStep(deps, async (input: Input) => {
        const move = await moveOf(deps, input);
        return isFault(move) ? move : starts(move);
      }),
      {
        name: 'finish',
        deadlineMs: 60_000,
        retries: 5,
        async run(input) {
          const move = await moveOf(deps, input);
          if (isFault(move)) return move;
          const now = clock.now();
          const change = { ...settledServer(starts(move), now), reserved_host: null };
          await settleMove(deps, move.migration, reverting, change, 'reverted', now);
        },
      },
      {
        name: 'remove destination guest',
        deadlineMs: guestDeadlineMs,
        run: async (input, _state, { requestId }) => await cleanUp(input, { requestId }),
      },
    ],
    async failed(input, _state, reason, { requestId }) {
      await cleanUp(input, { requestId });
      const now = clock.now();
      const move = await moveOf(deps, input);
      if (!isFault(move)) await advanceMigration(db, move.migration, 'finished', now);
      await changeDuring(
        db,
        input.serverId,
        reverting,
        { task_state: null, fault: faultText(reason, now) },
        now,
      );
      await logFailure(deps, input);
    },
  });
}
