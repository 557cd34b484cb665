// The saga of every server action that changes vm_state: calls the host, then writes the state that
// the action's row in server-actions/table.ts specifies. Begun by POST …/action.
import { isFault } from '#contracts/common/fault.ts';
import { taskDuring } from '#contracts/nova/operations.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation } from '../operations.ts';
import type { ServerChange } from '../store/servers.ts';
import { changeDuring } from '../store/servers.ts';
import { asEvent, faultText, logFailure, serverOnHost } from './saga-context.ts';
import { serverChanges } from './server-actions/table.ts';
import { stateOfGuest } from './state-of-guest.ts';

const effectDeadlineMs = 10 * 60_000;

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
          const server = await serverOnHost(deps, input);
          if (isFault(server)) return server;
          const { host } = server;
          return await asEvent(
            deps,
            input,
            { seq: 1, name: `compute_${input.action}_instance`, host },
            async () => {
              const call = { timeoutMs: effectDeadlineMs, requestId };
              const { effect } = serverChanges[input.action];
              const outcome = await effect(deps, server, input, call);
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
        onFailure === 'same' ? await stateOfGuest(deps, input, requestId) : { vm_state: onFailure };
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
