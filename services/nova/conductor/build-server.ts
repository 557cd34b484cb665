// The saga from "accepted" to "active": claim a host, tell the agent there to build, settle. Begun by POST /servers.
// A host that fails is left for the next one: `failed` journals a successor that excludes it.
import { isFault } from '#contracts/common/fault.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import { insertSaga } from '#platform/saga/journal.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../deps.ts';
import { guestSpec } from '../domain/guest-spec.ts';
import { release } from '../placement.ts';
import { scheduleServer } from '../scheduler/schedule.ts';
import { changeDuring, findServer } from '../store/servers.ts';
import { agentOn, asEvent, faultText, logFailure, serverOf } from './station.ts';
import { serverLock } from './locks.ts';

export type BuildInput = {
  serverId: string;
  actionId: string;
  forcedHost: string | null;
  zone: string | null;
  excludedHosts: string[];
};

type BuildState = { host?: string; nodeUuid?: string };

export const buildServerName = 'nova.build-server';
// An image may have to cross the network first.
const spawnDeadlineMs = 15 * 60_000;
const destroyTimeoutMs = 60_000;
const building = ['scheduling', 'spawning'] as const;

export function buildServer(deps: NovaDeps): AnySaga {
  const { database: { db }, clock, config, ids, log } = deps;
  return saga<BuildInput, BuildState>({
    name: buildServerName,
    steps: [
      {
        name: 'schedule and claim',
        deadlineMs: 60_000,
        retries: 2,
        async run(input, _state, { requestId }) {
          return await asEvent(deps, input, { seq: 1, name: 'conductor_schedule_and_claim', host: null }, async () => {
            const server = await serverOf(deps, input);
            if (isFault(server)) return server;
            return await scheduleServer(deps, server, { zone: input.zone, host: input.forcedHost, excludedHosts: input.excludedHosts }, requestId);
          });
        },
        async undo(input, _state, { requestId }) {
          const released = await release(deps, input.serverId, requestId);
          if (isFault(released)) throw new Error(`release the claim: ${released.message}`);
        },
      },
      {
        name: 'assign host',
        deadlineMs: 30_000,
        async run({ serverId }, { host, nodeUuid }) {
          await changeDuring(db, serverId, building, { host: host ?? null, node: nodeUuid ?? null, task_state: 'spawning' }, clock.now());
        },
        async undo({ serverId }) {
          await changeDuring(db, serverId, [...building, 'deleting', null], { host: null, node: null }, clock.now());
        },
      },
      {
        name: 'spawn',
        deadlineMs: spawnDeadlineMs,
        async run(input, { host = '' }, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          return await asEvent(deps, input, { seq: 2, name: 'compute__do_build_and_run_instance', host }, async () => {
            const built = await agentOn(deps, host).call('buildGuest', { spec: guestSpec(server, server.availability_zone ?? config.defaultZone) }, { timeoutMs: spawnDeadlineMs, requestId });
            return isFault(built) ? built : undefined;
          });
        },
        async undo({ serverId }, { host }, { requestId }) {
          if (host === undefined) return;
          const destroyed = await agentOn(deps, host).call('destroyGuest', { uuid: serverId }, { timeoutMs: destroyTimeoutMs, requestId });
          if (!isFault(destroyed)) return;
          if (destroyed.kind !== 'unavailable') throw new Error(`destroy the half-built guest: ${destroyed.message}`);
          // An agent removes what should not be on its host as soon as it can: no need to wait for one that is away.
          log.warn({ server: serverId, host, req: requestId, why: destroyed.message }, 'a half-built guest is left to its host');
        },
      },
      {
        name: 'activate',
        deadlineMs: 30_000,
        async run({ serverId }, { host }, { requestId }) {
          const now = clock.now();
          const active = await changeDuring(db, serverId, building, { vm_state: 'active', task_state: null, power_state: powerState.running, launched_at_ms: now, fault: null }, now);
          if (active) log.info({ server: serverId, host, req: requestId }, 'server built');
        },
        async undo({ serverId }) {
          // Told to be late after it had done its work: the server is to be built again, or to be in error.
          await changeDuring(db, serverId, [null], { vm_state: 'building', task_state: 'spawning', power_state: powerState.noState, launched_at_ms: null }, clock.now());
        },
      },
    ],
    async failed(input, { host }, reason, { requestId, sagaId }) {
      const server = await findServer(db, input.serverId, null);
      if (!server || server.task_state === 'deleting') return; // the deletion that cancelled this goes on from here
      const excludedHosts = host === undefined ? input.excludedHosts : [...input.excludedHosts, host];
      const again = host !== undefined && input.forcedHost === null && excludedHosts.length < config.maxBuildAttempts && reason.kind !== 'badRequest';
      await transaction(db, async (trx) => {
        const now = clock.now();
        if (again) {
          // `failed` may run twice; only the first finds the server building and not yet handed on.
          const kept = await changeDuring(trx, input.serverId, building, { task_state: 'scheduling' }, now);
          const known = await trx.selectFrom('sagas').select('id').where('lock_key', '=', serverLock(input.serverId)).where('id', '!=', sagaId).executeTakeFirst();
          if (kept && !known) await insertSaga(trx, { id: ids.uuid(), name: buildServerName, lockKey: serverLock(input.serverId), input: { ...input, excludedHosts }, requestId }, now);
          return;
        }
        await changeDuring(trx, input.serverId, building, { vm_state: 'error', task_state: null, power_state: powerState.noState, fault: faultText(reason, now) }, now);
      });
      if (!again) await logFailure(deps, input);
    },
  });
}
