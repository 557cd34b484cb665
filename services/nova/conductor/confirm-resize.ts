// The saga that confirms a resize: what the source host kept for a revert is removed. It cannot be
// undone, so no step fails: what a host or Placement does not do now is done later by the host's
// agent (agents/nova-agent/reconcile.ts) and by the task that reaps claims.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import { advanceMigration, findMigration } from '../store/server-migrations.ts';
import { changeDuring, findServer } from '../store/servers.ts';
import { removeCopy } from './guest-copies.ts';
import { asEvent, logFailure } from './saga-context.ts';
import { moveOf } from './server-move.ts';

type Input = NovaOperations['nova.confirm-resize'];
type Call = { requestId: string };

const guestDeadlineMs = 6 * 60_000;

export function confirmResize(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, log } = deps;
  const settle = async (input: { serverId: string; migrationId: string }): Promise<void> => {
    const migration = await findMigration(db, input.migrationId);
    const server = await findServer(db, input.serverId, null);
    if (!migration || !server) return;
    const now = clock.now();
    // By power state, not vm_state: a report may have changed it meanwhile, and a guest that is off
    // must be shown as stopped.
    const isOn = server.power_state === powerState.running;
    await transaction(db, async (trx) => {
      await advanceMigration(trx, migration, 'confirmed', now);
      await changeDuring(
        trx,
        server.id,
        ['resize_confirming'],
        {
          vm_state: isOn ? 'active' : 'stopped',
          task_state: null,
          fault: null,
          reserved_host: null,
        },
        now,
      );
    });
  };
  const removeSource = async (input: Input, call: Call): Promise<Outcome<void>> => {
    const move = await moveOf(deps, input);
    if (isFault(move)) return undefined; // the server was deleted meanwhile
    const { server, source } = move;
    const event = { seq: 1, name: 'compute_confirm_resize', host: source };
    const removal = await asEvent(
      deps,
      input,
      event,
      async () => await removeCopy(deps, server, source, call),
    );
    if (isFault(removal))
      log.warn(
        { server: server.id, host: source, req: call.requestId, why: removal.message },
        'a resize is confirmed before its source is cleaned up',
      );
  };
  const releaseClaim = async ({ serverId, migrationId }: Input, call: Call): Promise<void> => {
    const released = await placementClient(deps, { token: null, ...call }).release(migrationId);
    if (isFault(released))
      log.warn(
        { server: serverId, req: call.requestId, why: released.message },
        'a resize is confirmed before its claim is given back',
      );
  };
  return defineOperation<'nova.confirm-resize'>({
    name: 'nova.confirm-resize',
    steps: [
      {
        name: 'remove source guest',
        deadlineMs: guestDeadlineMs,
        run: async (input, _state, { requestId }) => await removeSource(input, { requestId }),
      },
      {
        name: 'release claim',
        deadlineMs: 60_000,
        run: async (input, _state, { requestId }) => await releaseClaim(input, { requestId }),
      },
      { name: 'finish', deadlineMs: 30_000, run: async (input) => await settle(input) },
    ],
    // The source's copy may already be removed, so the confirmation is completed, not undone.
    async failed(input, _state, _reason, { requestId }) {
      await removeSource(input, { requestId });
      await releaseClaim(input, { requestId });
      await settle(input);
      await logFailure(deps, input);
    },
  });
}
