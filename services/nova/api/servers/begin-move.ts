// Starts a server's move to another host, and the end of a resize: one transaction writes task
// state, migration record, quota, action log and the saga's journal entry; then a conductor is
// woken.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { FlavorFacts } from '#contracts/nova/facts.ts';
import type { MigrationType } from '#contracts/nova/migration-states.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { TaskState, VmState } from '#contracts/nova/server-states.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { ResizeEnd } from '../../begin-resize-end.ts';
import { actionOfEnd, beginResizeEnd } from '../../begin-resize-end.ts';
import type { NovaDeps } from '../../deps.ts';
import { checkQuota } from '../../domain/quota.ts';
import { flavorOf } from '../../domain/server-row.ts';
import { liveMigrationStates } from '../../domain/server-state.ts';
import { isUp } from '../../domain/service-state.ts';
import { computeBinary, findService } from '../../store/hosts.ts';
import { lockQuota, quotaLimits, quotaUsage } from '../../store/quotas.ts';
import { insertMigration, migrationsOfServer } from '../../store/server-migrations.ts';
import type { NovaDb, Server, ServerChange } from '../../store/servers.ts';
import { beginTask, changeServer, findServer } from '../../store/servers.ts';
import type { MigrationRow } from '../../store/tables.ts';
import { begin, beginReachable, enqueue, log, refusal } from './begin.ts';

type Request = ApiRequest<unknown>;

interface MoveRequest {
  type: MigrationType;
  logAs: string;
  from: readonly VmState[];
  task: TaskState;
  /** The migration's first status; the saga soon replaces it. */
  status: MigrationRow['status'];
  /** The new flavor; null: the server keeps its own. */
  flavor: FlavorFacts | null;
  facts?: ServerChange;
  /** Refuse the move if the server's host is up (evacuation). */
  hostIsDown?: boolean;
}

/**
 * Sets the task state, checks quota, inserts migration record and action log entry. Runs in the
 * caller's transaction.
 */
async function beginMove(
  deps: NovaDeps,
  trx: NovaDb,
  request: Request,
  server: Server,
  move: MoveRequest,
): Promise<Outcome<{ actionId: string; migration: MigrationRow; before: Server }>> {
  const now = deps.clock.now();
  await lockQuota(trx, server.project_id, now);
  // All checks come before the first write: a returned fault does not roll the transaction back.
  const before = await findServer(trx, server.id, null);
  const isInState = before?.task_state === null && move.from.includes(before.vm_state);
  if (before?.host === null) return fault('conflict', `Instance ${server.id} is on no host.`);
  const over = before && move.flavor && (await checkGrowth(trx, before, move.flavor));
  if (isInState && over) return over;
  const inUse = before && move.hostIsDown && (await checkHostDown(deps, trx, before));
  if (isInState && inUse) return inUse;
  if (!before || !(await beginTask(trx, server.id, move.from, move.task, now)))
    return await refusal(trx, server, move.logAs);
  if (move.facts) await changeServer(trx, server.id, move.facts, now);
  const migration = await insertMove(
    deps,
    trx,
    request,
    before,
    {
      type: move.type,
      status: move.status,
      ...(move.flavor && { new_flavor: JSON.stringify(move.flavor) }),
    },
    now,
  );
  const actionId = await log(deps, trx, request, server, move.logAs, now);
  return { actionId, migration, before };
}

/**
 * Inserts the migration record with the server's current host as source. Its destination is still
 * open, and its flavor is the server's own unless `wanted` has another.
 */
const insertMove = async (
  deps: NovaDeps,
  trx: NovaDb,
  request: Request,
  before: Server,
  wanted: Pick<MigrationRow, 'type' | 'status'> &
    Partial<Pick<MigrationRow, 'dest_host' | 'new_flavor'>>,
  nowMs: number,
): Promise<MigrationRow> =>
  await insertMigration(
    trx,
    {
      uuid: deps.ids.uuid(),
      server_id: before.id,
      project_id: request.auth.projectId ?? before.project_id,
      user_id: request.auth.userId,
      request_id: request.id,
      source_host: before.host,
      source_node: before.node,
      dest_host: null,
      dest_node: null,
      dest_ip: null,
      old_flavor: before.flavor,
      new_flavor: before.flavor,
      old_vm_state: before.vm_state,
      ...wanted,
    },
    nowMs,
  );

/**
 * Checks the quota for a resize. overQuota: the project's quota has no room for the difference
 * between new and old flavor.
 */
async function checkGrowth(
  trx: NovaDb,
  server: Server,
  flavor: FlavorFacts,
): Promise<Outcome<undefined>> {
  const old = flavorOf(server);
  const grows = {
    instances: 0,
    cores: Math.max(0, flavor.vcpus - old.vcpus),
    ram: Math.max(0, flavor.memoryMib - old.memoryMib),
  };
  if (grows.cores + grows.ram === 0) return undefined;
  const limits = await quotaLimits(trx, server.project_id, server.user_id);
  return checkQuota(limits, await quotaUsage(trx, server.project_id), grows);
}

/** badRequest: the server's host is up, so the server may still run there. */
async function checkHostDown(
  deps: NovaDeps,
  trx: NovaDb,
  { host }: Server,
): Promise<Outcome<undefined>> {
  const service = await findService(trx, { host: host ?? '', binary: computeBinary });
  return service && isUp(service, deps.clock.now(), deps.config)
    ? fault('badRequest', `Compute service of ${host} is still in use.`)
    : undefined;
}

/**
 * Begins a resize, or a cold migration if `flavor` is null. conflict: the server is locked, its
 * host is down, or its state does not allow a move; overQuota.
 */
export async function beginResize(
  deps: NovaDeps,
  request: Request,
  server: Server,
  wanted: { flavor: FlavorFacts | null; host: string | null; facts?: ServerChange },
): Promise<Outcome<void>> {
  const isResize = wanted.flavor !== null;
  return await beginReachable(deps, request, server, async (trx) => {
    const move = await beginMove(deps, trx, request, server, {
      type: isResize ? 'resize' : 'migration',
      logAs: isResize ? 'resize' : 'migrate',
      from: ['active', 'stopped'],
      task: 'resize_prep',
      status: 'pre-migrating',
      flavor: wanted.flavor,
      ...(wanted.facts && { facts: wanted.facts }),
    });
    if (isFault(move)) return move;
    const { before, migration, actionId } = move;
    await enqueue(deps, trx, request, 'nova.resize-server', server.id, {
      serverId: server.id,
      actionId,
      migrationId: migration.uuid,
      forcedHost: wanted.host,
      excludedHosts: before.host === null ? [] : [before.host],
      before: { vmState: before.vm_state, powerState: before.power_state },
    });
    return undefined;
  });
}

/**
 * Confirms or reverts a resize. conflict: the server is not in vm_state `resized`; badRequest: it
 * has no finished migration record to confirm or revert.
 */
export async function endResize(
  deps: NovaDeps,
  request: Request,
  server: Server,
  end: ResizeEnd,
): Promise<Outcome<void>> {
  return await beginReachable(deps, request, server, async (trx) => {
    const current = await findServer(trx, server.id, null);
    if (current?.vm_state !== 'resized' || current.task_state !== null)
      return await refusal(trx, server, actionOfEnd(end));
    const migration = (
      await migrationsOfServer(trx, server.id, {
        types: ['resize', 'migration'],
        statuses: ['finished'],
      })
    ).at(-1);
    if (!migration) return fault('badRequest', 'Instance has not been resized.');
    const by = {
      requestId: request.id,
      projectId: request.auth.projectId ?? server.project_id,
      userId: request.auth.userId,
    };
    return (await beginResizeEnd(deps, trx, migration, end, by, deps.clock.now()))
      ? undefined
      : await refusal(trx, server, actionOfEnd(end));
  });
}

/**
 * Begins to rebuild the server on another host. badRequest: its own host is up; conflict: its state
 * does not allow it. `stays: 'off'`: the server is left stopped.
 */
export async function beginEvacuation(
  deps: NovaDeps,
  request: Request,
  server: Server,
  wanted: { host: string | null; stays: 'as it was' | 'off'; facts: ServerChange },
): Promise<Outcome<void>> {
  return await begin(deps, request, async (trx) => {
    const move = await beginMove(deps, trx, request, server, {
      type: 'evacuation',
      logAs: 'evacuate',
      from: ['active', 'stopped', 'error'],
      task: 'rebuilding',
      status: 'accepted',
      flavor: null,
      facts: wanted.facts,
      hostIsDown: true,
    });
    if (isFault(move)) return move;
    const { before, migration, actionId } = move;
    await enqueue(deps, trx, request, 'nova.evacuate-server', server.id, {
      serverId: server.id,
      actionId,
      migrationId: migration.uuid,
      forcedHost: wanted.host,
      start: wanted.stays === 'as it was' && before.vm_state !== 'stopped',
    });
    return undefined;
  });
}

/**
 * Begins a live migration of a running or paused server. conflict: another state, or its host is
 * down.
 */
export async function beginLiveMigration(
  deps: NovaDeps,
  request: Request,
  server: Server,
  wanted: Pick<NovaOperations['nova.live-migrate-server'], 'host' | 'blockMigration'>,
): Promise<Outcome<void>> {
  return await beginReachable(deps, request, server, async (trx, now) => {
    const isBegun = await beginTask(trx, server.id, liveMigrationStates, 'migrating', now);
    const current = await findServer(trx, server.id, null);
    if (!current || !isBegun) return await refusal(trx, server, 'os-migrateLive');
    const migration = await insertMove(
      deps,
      trx,
      request,
      current,
      { type: 'live-migration', status: 'accepted', dest_host: wanted.host },
      now,
    );
    const actionId = await log(deps, trx, request, server, 'live-migration', now);
    const input = { serverId: server.id, actionId, migrationId: migration.uuid, ...wanted };
    await enqueue(deps, trx, request, 'nova.live-migrate-server', server.id, input);
    return undefined;
  });
}
