// The saga that live-migrates a server. Begun by the action os-migrateLive. Until the guest has
// left its source, every step can be undone; afterwards the move is completed, even by `failed`.
// Undo asks the hypervisors where the guest is, and leaves it at the destination if it has arrived.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { GuestArrival } from '#contracts/nova/live-migration.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import { serverLock } from '#contracts/nova/operations.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { AnySaga, SagaContext } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../../deps.ts';
import { wrongStorage } from '../../domain/live-migration.ts';
import { defineOperation, enqueueOperation } from '../../operations.ts';
import { agentOn } from '../../rpc-clients.ts';
import { advanceMigration, findMigration } from '../../store/server-migrations.ts';
import type { Server } from '../../store/servers.ts';
import { changeDuring, changeServer, findServer } from '../../store/servers.ts';
import { chooseHost } from '../choose-host.ts';
import { refreshNetworkInfo } from '../connect-nics.ts';
import { describeGuest } from '../describe-guest.ts';
import { asEvent, logFailure, serverOf } from '../saga-context.ts';
import { destinationOf, returnClaim } from '../server-move.ts';
import { aborted, endMove, moveGuest } from './move-guest.ts';
import { bindNics, moveNics } from './move-nics.ts';
import { connectToDestination, disconnectFromDestination, moveVolumes } from './move-volumes.ts';

type Input = NovaOperations['nova.live-migrate-server'];
type MoveState = { source?: string; host?: string; nodeUuid?: string; arrival?: GuestArrival };
type Call = Pick<SagaContext, 'requestId'>;

const agentTimeoutMs = 60_000;
// The image may first have to be downloaded to the destination.
const prepareDeadlineMs = 15 * 60_000;
/**
 * Practically no limit: a migration is limited by its own terms (completion timeout), and may have
 * to wait in the source agent's queue.
 */
const moveDeadlineMs = 7 * 24 * 3_600_000;
const finishing = { deadlineMs: 5 * 60_000, retries: 8 };
const type = 'live-migration';

/**
 * The end of a migration: from now on the server counts to its server group only on its own host.
 */
const over = { task_state: null, reserved_host: null } satisfies Partial<Server>;

export function liveMigrateServer(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { clock } = deps;
  const finish = finishers(deps);
  return defineOperation<'nova.live-migrate-server', MoveState>({
    name: 'nova.live-migrate-server',
    pool: 'migrate',
    steps: [
      {
        name: 'schedule and claim',
        deadlineMs: 60_000,
        retries: 2,
        async run(input, _state, { requestId }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          const { host: source } = server;
          if (source === null) return fault('conflict', `Instance ${server.id} is on no host.`);
          const wrong = wrongStorage(server, input.blockMigration);
          if (wrong !== undefined) return fault('badRequest', wrong);
          return await asEvent(
            deps,
            input,
            { seq: 1, name: 'conductor_live_migrate_instance', host: null },
            async () => {
              const wanted = {
                zone: server.availability_zone,
                host: input.host,
                excludedHosts: [source, ...(input.excludedHosts ?? [])],
              };
              const move = { serverId: server.id, migration: input.migrationId };
              const selected = await chooseHost(deps, move, wanted, requestId);
              return isFault(selected) ? selected : { ...selected, source };
            },
          );
        },
        async undo(input, state, { requestId }) {
          if (await hasMoved(deps, input, state)) return;
          await returnClaim(deps, input, requestId);
        },
      },
      {
        name: 'note destination',
        deadlineMs: 30_000,
        async run({ migrationId }, { host = '', nodeUuid = null }) {
          const change = await destinationOf(deps, { host, nodeUuid });
          const migration = { uuid: migrationId, type } as const;
          await advanceMigration(db, migration, 'preparing', clock.now(), change);
        },
      },
      {
        name: 'bind ports',
        deadlineMs: 5 * 60_000,
        retries: 2,
        run: async ({ serverId }, { host = '' }, call) =>
          await bindNics(deps, serverId, host, call),
        async undo(input, state, call) {
          const { source, host } = state;
          if (source === undefined || host === undefined) return;
          if (await hasMoved(deps, input, state)) return;
          // The ports may have been activated at the destination already (follow-guests.ts)
          // although the guest stayed at the source.
          const back = await moveNics(deps, input.serverId, { from: host, to: source }, call);
          if (isFault(back)) throw new Error(`bring the ports back: ${back.message}`);
        },
      },
      {
        name: 'prepare destination',
        deadlineMs: prepareDeadlineMs,
        retries: 1,
        run: async (input, { source = '', host = '' }, call) =>
          await asEvent(
            deps,
            input,
            { seq: 2, name: 'compute_pre_live_migration', host },
            async () => await prepare(deps, input, { source, host }, call),
          ),
        // Undoes `migrate` as well: ends the migration wherever it stands, and then follows the
        // guest.
        async undo(input, state, call) {
          const { source, host } = state;
          if (source === undefined || host === undefined) return;
          const server = await findServer(db, input.serverId, null);
          if (!server || (await hasMoved(deps, input, state))) return;
          const { requestId } = call;
          if ((await endMove(deps, { server, source, host, requestId })) === 'destination')
            return await changeServer(
              db,
              server.id,
              { host, node: state.nodeUuid ?? null },
              clock.now(),
            );
          const disconnected = await disconnectFromDestination(deps, server.id, call);
          if (isFault(disconnected))
            throw new Error(`give the volumes back: ${disconnected.message}`);
        },
      },
      {
        name: 'migrate',
        deadlineMs: moveDeadlineMs,
        async run(input, { source = '', host = '', arrival }, { requestId, signal }) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          if (!arrival) return fault('conflict', `Host ${host} does not await the guest.`);
          const { migrationId } = input;
          const move = { server, migrationId, source, host, requestId, signal };
          return await asEvent(
            deps,
            input,
            { seq: 3, name: 'compute_live_migration', host: source },
            async () => await moveGuest(deps, move, arrival),
          );
        },
      },
      {
        name: 'assign host',
        deadlineMs: 30_000,
        async run({ serverId, migrationId }, { host = null, nodeUuid = null }) {
          await changeServer(db, serverId, { host, node: nodeUuid }, clock.now());
          const migration = { uuid: migrationId, type } as const;
          // The migration may have ended before its progress was first read; 'running' must come
          // before 'post-migrating' in the table of transitions.
          await advanceMigration(db, migration, 'running', clock.now());
          await advanceMigration(db, migration, 'post-migrating', clock.now());
        },
      },
      { name: 'move ports', ...finishing, run: finish.ports },
      { name: 'let go', ...finishing, run: finish.guest },
      { name: 'move volumes', ...finishing, run: finish.volumes },
      { name: 'settle', ...finishing, run: finish.server },
    ],
    async failed(input, state, reason, call) {
      if (await hasMoved(deps, input, state)) {
        // The guest runs at the destination: the remaining steps are completed, not undone.
        for (const each of [finish.ports, finish.guest, finish.volumes, finish.server]) {
          const outcome = await each(input, state, call);
          if (isFault(outcome)) throw new Error(`finish the move: ${outcome.message}`);
        }
        return;
      }
      const { refusedBy: refusingHost } = reason.detail;
      if (refusingHost !== undefined && (await beginAgain(deps, input, refusingHost, call))) return;
      const migration = { uuid: input.migrationId, type } as const;
      const end = reason.detail['aborted'] === undefined ? 'error' : 'cancelled';
      if (!(await advanceMigration(db, migration, end, clock.now())))
        await advanceMigration(db, migration, 'error', clock.now());
      await changeDuring(db, input.serverId, ['migrating'], over, clock.now());
      await logFailure(deps, input);
    },
  });

  /**
   * Connects the volumes to the destination, and has its agent check the CPU and prepare the disk
   * files.
   */
  async function prepare(
    { database }: NovaDeps,
    input: Input,
    { source, host }: { source: string; host: string },
    call: Call,
  ): Promise<Outcome<{ arrival: GuestArrival }>> {
    const server = await serverOf(deps, input);
    if (isFault(server)) return server;
    if ((await findMigration(database.db, input.migrationId))?.status === 'cancelled')
      return aborted(server.id);
    const volumes = await connectToDestination(deps, server.id, host, call);
    if (isFault(volumes)) return refusedBy(host, volumes);
    const departure = await agentOn(deps, source).call(
      'guestDeparture',
      { uuid: server.id },
      { timeoutMs: agentTimeoutMs, requestId: call.requestId },
    );
    if (isFault(departure)) return departure;
    const spec = await describeGuest(deps, server, { volumes });
    const prepared = await agentOn(deps, host).call(
      'prepareArrival',
      { spec, ...departure },
      { timeoutMs: prepareDeadlineMs, requestId: call.requestId },
    );
    return isFault(prepared) ? refusedBy(host, prepared) : prepared;
  }
}

const refusedBy = (host: string, { kind, message, detail }: Fault): Fault =>
  fault(kind, message, { ...detail, refusedBy: host });

/**
 * Journals a new saga that excludes `refusingHost`, unless the caller demanded a host. Idempotent.
 * Returns whether there is a new saga.
 */
async function beginAgain(
  deps: NovaDeps,
  input: Input,
  refusingHost: string,
  { requestId, sagaId }: SagaContext,
): Promise<boolean> {
  const excludedHosts = [...(input.excludedHosts ?? []), refusingHost];
  if (input.host !== null || excludedHosts.length >= deps.config.maxBuildAttempts) return false;
  return await transaction(deps.database.db, async (trx) => {
    const server = await findServer(trx, input.serverId, null);
    const migration = await findMigration(trx, input.migrationId);
    if (server?.task_state !== 'migrating' || migration?.status !== 'preparing') return false;
    const lockKey = serverLock(input.serverId);
    if (await deps.sagas.isBusy(trx, lockKey, sagaId)) return true; // already journalled
    const again = { ...input, excludedHosts };
    await enqueueOperation(deps, trx, {
      name: 'nova.live-migrate-server',
      lockKey,
      input: again,
      requestId,
    });
    return true;
  });
}

/**
 * Whether the server's row already names the destination, which is written once the guest is there.
 */
async function hasMoved(
  { database: { db } }: NovaDeps,
  { serverId }: Input,
  { host, source }: MoveState,
): Promise<boolean> {
  const server = await findServer(db, serverId, null);
  return host !== undefined && source !== undefined && server?.host === host;
}

/** The steps after the guest has arrived at its destination. Each is idempotent. */
function finishers(deps: NovaDeps) {
  const { db } = deps.database;
  const { clock, log } = deps;
  return {
    ports: async ({ serverId }: Input, { source = '', host = '' }: MoveState, call: Call) =>
      await moveNics(deps, serverId, { from: source, to: host }, call),

    async guest({ serverId }: Input, { source = '', host = '' }: MoveState, call: Call) {
      const rpc = { timeoutMs: agentTimeoutMs, requestId: call.requestId };
      const forgotten = await agentOn(deps, source).call('forgetDeparted', { uuid: serverId }, rpc);
      // If the source is away: once back, its agent removes the guest, which no longer belongs
      // there, and disconnects its volumes.
      if (isFault(forgotten))
        log.warn(
          { server: serverId, host: source, req: call.requestId, why: forgotten.message },
          'what is left of a moved guest is left to its old host',
        );
      const settled = await agentOn(deps, host).call('settleArrival', { uuid: serverId }, rpc);
      // The hypervisor driver takes the missing locks later by itself.
      if (isFault(settled))
        log.warn(
          { server: serverId, host, req: call.requestId, why: settled.message },
          'a moved guest has not all of its locks yet',
        );
    },

    volumes: async ({ serverId }: Input, { host = '' }: MoveState, call: Call) =>
      await moveVolumes(deps, serverId, host, call),

    async server(
      { serverId, migrationId }: Input,
      { source, host }: MoveState,
      call: Call,
    ): Promise<Outcome<void>> {
      const placement = placementClient(deps, { token: null, requestId: call.requestId });
      const released = await placement.release(migrationId);
      if (isFault(released)) return released;
      const refreshed = await refreshNetworkInfo(deps, serverId, call);
      if (isFault(refreshed)) return refreshed;
      const now = clock.now();
      const migration = { uuid: migrationId, type } as const;
      await advanceMigration(db, migration, 'completed', now);
      if (await changeDuring(db, serverId, ['migrating'], over, now))
        log.info(
          { server: serverId, from: source, to: host, req: call.requestId },
          'server moved live',
        );
    },
  };
}
