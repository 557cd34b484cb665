// The saga of every action on a built server: one effect on its host, then the state the tables
// name. Begun by POST …/action.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaOperations, ServerAction } from '#contracts/nova/operations.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { guestSpec } from '../domain/guest-spec.ts';
import type { ActionRule } from '../domain/server-state.ts';
import { actionRules, observed, settled } from '../domain/server-state.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import { connectedNics } from '../store/nics.ts';
import type { Server, ServerChange } from '../store/servers.ts';
import { changeDuring } from '../store/servers.ts';
import { connectedVolumes } from '../store/volumes.ts';
import { asEvent, faultText, logFailure, serverOf } from './saga-context.ts';

const effectDeadlineMs = 10 * 60_000;
const stateTimeoutMs = 15_000;

/** What each action does on the host. One row an action; the agent's method of the same meaning. */
type Effect = (
  deps: NovaDeps,
  server: Server,
  input: NovaOperations['nova.change-server'],
  call: { timeoutMs: number; requestId: string },
) => Promise<Outcome<unknown>>;

const effects: Record<ServerAction, Effect> = {
  start: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call('startGuest', { uuid: id }, call),
  stop: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call(
      'stopGuest',
      { uuid: id, timeoutMs: deps.config.shutdownTimeoutMs },
      call,
    ),
  softReboot: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call(
      'rebootGuest',
      { uuid: id, kind: 'soft', timeoutMs: deps.config.shutdownTimeoutMs },
      call,
    ),
  hardReboot: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call(
      'rebootGuest',
      { uuid: id, kind: 'hard', timeoutMs: 0 },
      call,
    ),
  pause: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call('pauseGuest', { uuid: id }, call),
  unpause: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call('unpauseGuest', { uuid: id }, call),
  suspend: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call('suspendGuest', { uuid: id }, call),
  resume: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call('resumeGuest', { uuid: id }, call),
  rescue: async (deps, server, { rescueImage }, call) =>
    await agentOn(deps, server.host ?? '').call(
      'rescueGuest',
      {
        uuid: server.id,
        spec: guestSpec(server, {
          zone: zoneOf(deps, server),
          nics: await connectedNics(deps.database.db, server.id),
          volumes: [],
          image: rescueImage,
        }),
      },
      call,
    ),
  unrescue: async (deps, { id, host }, _input, call) =>
    await agentOn(deps, host ?? '').call('unrescueGuest', { uuid: id }, call),
  rebuild: async (deps, server, { before }, call) =>
    await agentOn(deps, server.host ?? '').call(
      'rebuildGuest',
      {
        spec: guestSpec(server, {
          zone: zoneOf(deps, server),
          nics: await connectedNics(deps.database.db, server.id),
          volumes: await connectedVolumes(deps.database.db, server.id),
        }),
        start: before.vmState !== 'stopped',
      },
      call,
    ),
};

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

const zoneOf = (deps: NovaDeps, server: Server): string =>
  server.availability_zone ?? deps.config.defaultZone;

export function changeServer(deps: NovaDeps): AnySaga {
  const {
    database: { db },
    clock,
  } = deps;
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
              const done = await effects[input.action](deps, server, input, {
                timeoutMs: effectDeadlineMs,
                requestId,
              });
              return isFault(done) ? done : undefined;
            },
          );
        },
      },
      {
        name: 'settle',
        deadlineMs: 30_000,
        async run({ serverId, action, before }) {
          const end = settled(action, before);
          const now = clock.now();
          await changeDuring(
            db,
            serverId,
            [actionRules[action].task],
            {
              vm_state: end.vmState,
              power_state: end.powerState,
              task_state: null,
              fault: null,
              ...(action === 'rebuild' ? { launched_at_ms: now } : {}),
            },
            now,
          );
        },
      },
    ],
    async failed(input, _state, reason, { requestId }) {
      const rule: ActionRule = actionRules[input.action];
      const end: ServerChange =
        rule.onFailure === 'same'
          ? await asItIs(deps, input, requestId)
          : { vm_state: rule.onFailure };
      const now = clock.now();
      await changeDuring(
        db,
        input.serverId,
        [rule.task],
        { task_state: null, fault: faultText(reason, now), ...end },
        now,
      );
      await logFailure(deps, input);
    },
  });
}
