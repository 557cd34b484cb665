// The saga that builds a server: chooses and claims a host, has the agent there create the guest,
// and sets the server active. Begun by POST /servers. After a failure on one host, `failed`
// journals a new saga that excludes this host, once the host has confirmed that no guest is left.
import { isFault } from '#contracts/common/fault.ts';
import { serverLock } from '#contracts/nova/operations.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { defineOperation, enqueueOperation } from '../operations.ts';
import { nicsOf, writeAddresses } from '../store/nics.ts';
import { changeDuring, findServer } from '../store/servers.ts';
import { volumesOf } from '../store/volumes.ts';
import { assignHost } from './assign-host.ts';
import { chooseHost, giveUpHost } from './choose-host.ts';
import { connectAllNics, disconnectNics } from './connect-nics.ts';
import { connectVolumes, takeBack } from './connect-volumes.ts';
import { awaitPluggedStep, completeVolumesStep, settledServer } from './placed-guest.ts';
import { asEvent, faultText, isHopeless, isTenants, logFailure, serverOf } from './saga-context.ts';
import { buildOn, destroyHalfBuilt, spawnDeadlineMs } from './spawn-guest.ts';

type BuildState = { host?: string; nodeUuid?: string };

const building = ['scheduling', 'networking', 'block_device_mapping', 'spawning'] as const;
// Long enough for Cinder to copy images into new volumes.
const volumesDeadlineMs = 15 * 60_000;
const networksDeadlineMs = 5 * 60_000;

export function buildServer(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock, config, log, sagas } = deps;
  return defineOperation<'nova.build-server', BuildState>({
    name: 'nova.build-server',
    pool: 'build',
    steps: [
      {
        name: 'schedule and claim',
        deadlineMs: 60_000,
        retries: 2,
        async run(input, _state, { requestId }) {
          return await asEvent(
            deps,
            input,
            { seq: 1, name: 'conductor_schedule_and_claim', host: null },
            async () =>
              await chooseHost(
                deps,
                { serverId: input.serverId },
                {
                  zone: input.zone,
                  host: input.forcedHost,
                  excludedHosts: input.excludedHosts,
                  ...(input.batch && { batch: input.batch }),
                },
                requestId,
              ),
          );
        },
        undo: async ({ serverId }, _state, { requestId }) =>
          await giveUpHost(deps, serverId, requestId),
      },
      {
        name: 'assign host',
        deadlineMs: 30_000,
        run: async ({ serverId }, { host = '', nodeUuid = null }) =>
          await assignHost(deps, serverId, building, {
            host,
            node: nodeUuid,
            task_state: 'networking',
          }),
        async undo({ serverId }) {
          await changeDuring(
            db,
            serverId,
            [...building, 'deleting', null],
            { host: null, node: null },
            clock.now(),
          );
        },
      },
      {
        name: 'connect networks',
        deadlineMs: networksDeadlineMs,
        retries: 2,
        async run(input, { host = '' }, call) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          const connected = await connectAllNics(deps, server, host, call);
          if (!isFault(connected))
            await changeDuring(db, server.id, building, { task_state: 'spawning' }, clock.now());
          return connected;
        },
        async undo({ serverId }, _state, { requestId }) {
          if ((await nicsOf(db, serverId)).length === 0) return;
          const removal = await disconnectNics(deps, serverId, { requestId });
          if (!isFault(removal)) return await writeAddresses(db, serverId, '{}', '[]');
          if (removal.kind !== 'unavailable' && removal.kind !== 'timeout')
            throw new Error(`give the ports back: ${removal.message}`);
          // Not retried, so that the tenant sees the build's end now. Ports that are left are
          // reused by the next try, or removed with the server or by the task that reaps ports.
          log.warn(
            { server: serverId, req: requestId, why: removal.message },
            'ports are left behind for now',
          );
        },
      },
      {
        name: 'connect volumes',
        deadlineMs: volumesDeadlineMs,
        retries: 2,
        async run(input, { host = '' }, call) {
          if ((await volumesOf(db, input.serverId)).length === 0) return undefined;
          await changeDuring(
            db,
            input.serverId,
            building,
            { task_state: 'block_device_mapping' },
            clock.now(),
          );
          return await asEvent(
            deps,
            input,
            { seq: 3, name: 'compute_prep_block_device', host },
            async () => {
              const connected = await connectVolumes(deps, input.serverId, host, call);
              if (!isFault(connected))
                await changeDuring(
                  db,
                  input.serverId,
                  building,
                  { task_state: 'spawning' },
                  clock.now(),
                );
              return connected;
            },
          );
        },
        async undo({ serverId }, _state, call) {
          for (const row of await volumesOf(db, serverId)) {
            const removal = await takeBack(deps, row, call);
            if (!isFault(removal)) continue;
            if (removal.kind !== 'unavailable' && removal.kind !== 'timeout')
              throw new Error(`give volume ${row.volume_id} back: ${removal.message}`);
            log.warn(
              {
                server: serverId,
                volume: row.volume_id,
                req: call.requestId,
                why: removal.message,
              },
              'a volume is left behind for now',
            );
          }
        },
      },
      {
        name: 'spawn',
        deadlineMs: spawnDeadlineMs,
        async run(input, { host = '' }, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          return await asEvent(
            deps,
            input,
            { seq: 2, name: 'compute__do_build_and_run_instance', host },
            async () => await buildOn(deps, server, host, { requestId }),
          );
        },
        async undo({ serverId }, { host }, { requestId }) {
          if (host === undefined) return;
          const away = await destroyHalfBuilt(deps, serverId, host, requestId);
          if (!isFault(away)) return;
          // Not retried: when the host's agent is back, it removes guests that do not belong on its
          // host. Until then the server is not built on another host, see `failed`.
          log.warn(
            { server: serverId, host, req: requestId, why: away.message },
            'a half-built guest is left to its host',
          );
        },
      },
      completeVolumesStep(deps, 60_000),
      awaitPluggedStep(deps, () => true),
      {
        name: 'activate',
        deadlineMs: 30_000,
        async run({ serverId }, { host }, { requestId }) {
          const now = clock.now();
          const active = await changeDuring(db, serverId, building, settledServer(true, now), now);
          if (active) log.info({ server: serverId, host, req: requestId }, 'server built');
        },
        async undo({ serverId }) {
          // Runs if the step had written `active` and was then counted as failed (its deadline had
          // passed): the server goes back to `building`, so that `failed` can retry it or set it to
          // error.
          await changeDuring(
            db,
            serverId,
            [null],
            {
              vm_state: 'building',
              task_state: 'spawning',
              power_state: powerState.noState,
              launched_at_ms: null,
            },
            clock.now(),
          );
        },
      },
    ],
    async failed(input, { host }, reason, { requestId, sagaId }) {
      const server = await findServer(db, input.serverId, null);
      // The deletion has cancelled this saga and takes over from here.
      if (!server || server.task_state === 'deleting') return;
      const excludedHosts =
        host === undefined ? input.excludedHosts : [...input.excludedHosts, host];
      // `batch` is the place reserved for the server on the host that failed; a retry has none.
      const { batch: _, ...alone } = input;
      // While Cinder still has an attachment, the failed host may be using the volume: no retry
      // then.
      const isFree = (await volumesOf(db, input.serverId)).every(
        (row) => row.attachment_id === null,
      );
      const again =
        isFree &&
        host !== undefined &&
        input.forcedHost === null &&
        excludedHosts.length < config.maxBuildAttempts &&
        !isTenants(reason) &&
        !isHopeless(reason) &&
        // A host that does not answer may have started the guest, and it may run nowhere else then.
        !isFault(await destroyHalfBuilt(deps, input.serverId, host, requestId));
      await transaction(db, async (trx) => {
        const now = clock.now();
        if (again) {
          // `failed` may run twice. The retry is journalled only if the server is still building
          // and no other saga for it is queued.
          const isStillBuilding = await changeDuring(
            trx,
            input.serverId,
            building,
            { task_state: 'scheduling' },
            now,
          );
          const lockKey = serverLock(input.serverId);
          if (isStillBuilding && !(await sagas.isBusy(trx, lockKey, sagaId)))
            await enqueueOperation(deps, trx, {
              name: 'nova.build-server',
              lockKey,
              input: { ...alone, excludedHosts },
              requestId,
            });
          return;
        }
        await changeDuring(
          trx,
          input.serverId,
          building,
          {
            vm_state: 'error',
            task_state: null,
            power_state: powerState.noState,
            fault: faultText(reason, now),
          },
          now,
        );
      });
      if (!again) await logFailure(deps, input);
    },
  });
}
