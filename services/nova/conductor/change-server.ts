// The saga of every change of a built server's state: one effect on its host, then the state that
// its row in server-actions/table.ts names. Begun by POST …/action.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import { taskDuring } from '#contracts/nova/operations.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { observed } from '../domain/server-state.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import type { ServerChange } from '../store/servers.ts';
import { changeDuring } from '../store/servers.ts';
import { asEvent, faultText, logFailure, serverOf } from './saga-context.ts';
import { serverChanges } from './server-actions/table.ts';

const effectDeadlineMs = 10 * 60_000;
const stateTimeoutMs = 15_000;

/**
 * What failed may have happened all the same: the guest itself knows. A host that does not answer
 * reports later.
 */
async function asItIs(
  deps: NovaDeps,
  input: NovaOperations['nova.change-server'],
  requestId: string,
): Promise<ServerChange> {
  const server = await serverOf(deps, input);
  if (isFault(server) || server.host === null) return {};
  const guest = await agentOn(deps, server.host).call(
    'guestState',
    { uuid: server.id },
    { timeoutMs: stateTimeoutMs, requestId },
  );
  const next =
    isFault(guest) || guest.state === 'absent' ? undefined : observed(input.before, guest.state);
  return next ? { vm_state: next.vmState, power_state: next.powerState } : {};
}

export function changeServer(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock } = deps;
  return defineOperation<'nova.change-server', Record<string, never>>({
    name: 'nova.change-server',
    steps: [
      {
        name: 'effect',
        deadlineMs: effectDeadlineMs,
        retries: 1,
        async run(input, _state, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          const { host } = server;
          if (host === null) return fault('conflict', `Instance ${server.id} is on no host.`);
          return await asEvent(
            deps,
            input,
            { seq: 1, name: `compute_${input.action}_instance`, host },
            async () => {
              const call = { timeoutMs: effectDeadlineMs, requestId };
              const { effect } = serverChanges[input.action];
              const outcome = await effect(deps, { ...server, host }, input, call);
              return isFault(outcome) ? outcome : undefined;
            },
          );
        },
      },
      {
        name: 'settle',
        deadlineMs: 30_000,
        async run({ serverId, action, before }) {
          const { ends, facts } = serverChanges[action];
          const end = ends(before);
          const now = clock.now();
          await changeDuring(
            db,
            serverId,
            [taskDuring[action]],
            {
              vm_state: end.vmState,
              power_state: end.powerState,
              task_state: null,
              fault: null,
              ...facts?.(now),
            },
            now,
          );
        },
      },
    ],
    async failed(input, _state, reason, { requestId }) {
      const { onFailure } = serverChanges[input.action];
      const end: ServerChange =
        onFailure === 'same' ? await asItIs(deps, input, requestId) : { vm_state: onFailure };
      const now = clock.now();
      await changeDuring(
        db,
        input.serverId,
        [taskDuring[input.action]],
        { task_state: null, fault: faultText(reason, now), ...end },
        now,
      );
      await logFailure(deps, input);
    },
  });
}
