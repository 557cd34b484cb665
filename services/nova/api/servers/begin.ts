// Starts operations on a server: one transaction checks the state and writes task state, action log
// and the saga's journal entry; then a conductor is woken.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaOperations, ServerAction } from '#contracts/nova/operations.ts';
import { assistLock, serverLock, taskDuring } from '#contracts/nova/operations.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../../deps.ts';
import { imageStates, interfaceStates, volumeStates } from '../../domain/server-state.ts';
import { isUp } from '../../domain/service-state.ts';
import { enqueueOperation } from '../../operations.ts';
import { agentOn, conductorClient } from '../../rpc-clients.ts';
import { insertAction } from '../../store/actions.ts';
import { computeBinary, findService } from '../../store/hosts.ts';
import { insertNics, nextSeq } from '../../store/nics.ts';
import type { NovaDb, Server, ServerChange } from '../../store/servers.ts';
import {
  beginDelete,
  beginTask,
  changeServer,
  findServer,
  lockServer,
} from '../../store/servers.ts';
import type { NicRow, VolumeRow } from '../../store/tables.ts';
import type { ServerVolume } from '../../store/volumes.ts';
import { insertServerVolumes } from '../../store/volumes.ts';
import { isAdmin } from '../request.ts';
import type { PendingResources } from './pending-resources.ts';

type Request = ApiRequest<unknown>;

/** conflict: the server is locked and the caller is no administrator. */
export function checkLock(request: Request, server: Server): Outcome<undefined> {
  return server.locked === 1 && !isAdmin(request)
    ? fault('conflict', `Instance ${server.id} is locked`)
    : undefined;
}

/** States in which a server has no host, as a rule: what is allowed then needs none. */
const hostless: readonly VmState[] = ['building', 'shelved_offloaded'];

/**
 * conflict: the server is locked (see `checkLock`), or its host is down and could not carry out the
 * request. Likewise if it has no host: a failed build, or one whose state was reset by hand.
 */
export async function checkReachable(
  deps: NovaDeps,
  request: Request,
  server: Server,
): Promise<Outcome<undefined>> {
  const locked = checkLock(request, server);
  if (locked) return locked;
  if (server.host === null)
    return hostless.includes(server.vm_state)
      ? undefined
      : fault('conflict', `Instance ${server.id} is not ready`);
  const service = await findService(deps.database.db, { host: server.host, binary: computeBinary });
  if (!service || isUp(service, deps.clock.now(), deps.config)) return undefined;
  const host = isAdmin(request) ? `host ${server.host}` : 'compute host';
  return fault(
    'conflict',
    `Instance ${server.id} cannot be reached: its ${host} is down. Try again when it is back.`,
  );
}

/**
 * Runs `work` in one transaction, then wakes a conductor to read the journal. If `work` returns a
 * fault nothing is woken; the transaction is not rolled back, so `work` must make all its checks
 * before its first write.
 */
export async function begin<Begun>(
  deps: NovaDeps,
  request: Request,
  work: (trx: NovaDb, nowMs: number) => Promise<Outcome<Begun>>,
): Promise<Outcome<Begun>> {
  const begun = await transaction(
    deps.database.db,
    async (trx) => await work(trx, deps.clock.now()),
  );
  if (!isFault(begun)) await wake(deps, request);
  return begun;
}

/** As `begin`. conflict: the server is locked, or its host is down (see `checkReachable`). */
export async function beginReachable<Begun>(
  deps: NovaDeps,
  request: Request,
  server: Server,
  work: (trx: NovaDb, nowMs: number) => Promise<Outcome<Begun>>,
): Promise<Outcome<Begun>> {
  return (await checkReachable(deps, request, server)) ?? (await begin(deps, request, work));
}

/**
 * Begins a change of state that is allowed from the vm_states `from`. `facts` are written in the
 * same transaction (e.g. a rebuild's new image); `andThen` may journal a follow-up operation.
 * conflict: another state.
 */
export async function beginChange(
  deps: NovaDeps,
  request: Request,
  server: Server,
  action: ServerAction,
  options: {
    from: readonly VmState[];
    logAs: string;
    facts?: ServerChange;
    rescueImage?: NovaOperations['nova.change-server']['rescueImage'];
    andThen?: (trx: NovaDb, actionId: string) => Promise<void>;
  },
): Promise<Outcome<void>> {
  return await beginReachable(deps, request, server, async (trx, now) => {
    const current = await findServer(trx, server.id, null);
    if (!current || !(await beginTask(trx, server.id, options.from, taskDuring[action], now)))
      return await refusal(trx, server, options.logAs);
    if (options.facts) await changeServer(trx, server.id, options.facts, now);
    const actionId = await log(deps, trx, request, server, options.logAs, now);
    const input = {
      serverId: server.id,
      actionId,
      action,
      before: { vmState: current.vm_state, powerState: current.power_state },
      rescueImage: options.rescueImage ?? null,
    };
    await enqueue(deps, trx, request, 'nova.change-server', server.id, input);
    await options.andThen?.(trx, actionId);
    return undefined;
  });
}

/**
 * Begins, by `work`, an operation that needs an idle server but sets no task state. conflict: the
 * server has a task state, or is in a vm_state not in `states`.
 */
async function beginWhileIdle<Begun>(
  deps: NovaDeps,
  request: Request,
  server: Server,
  logAs: string,
  states: readonly VmState[],
  work: (trx: NovaDb, nowMs: number) => Promise<Outcome<Begun>>,
): Promise<Outcome<Begun>> {
  return await beginReachable(deps, request, server, async (trx, now) => {
    await lockServer(trx, server.id);
    const current = await findServer(trx, server.id, null);
    if (!current || current.task_state !== null || !states.includes(current.vm_state))
      return await refusal(trx, server, logAs);
    return await work(trx, now);
  });
}

/**
 * Begins to attach an interface (`row`: the interface wanted) or to detach one (`row`: its `seq`).
 * The server must be idle. Returns the saga, for the caller to wait for. conflict: not in this
 * state.
 */
export async function beginInterfaceChange(
  deps: NovaDeps,
  request: Request,
  server: Server,
  row: Omit<NicRow, 'seq'> | number,
): Promise<Outcome<{ sagaId: string; actionId: string; seq: number }>> {
  const [logAs, operation] =
    typeof row === 'number'
      ? (['detach_interface', 'nova.detach-interface'] as const)
      : (['attach_interface', 'nova.attach-interface'] as const);
  return await beginWhileIdle(deps, request, server, logAs, interfaceStates, async (trx, now) => {
    let seq = row;
    if (typeof seq !== 'number') {
      const next = await nextSeq(trx, server.id);
      await insertNics(trx, [{ ...seq, seq: next }]);
      seq = next;
    }
    const actionId = await log(deps, trx, request, server, logAs, now);
    const input = { serverId: server.id, actionId, seq };
    const sagaId = await enqueue(deps, trx, request, operation, server.id, input);
    return { sagaId, actionId, seq };
  });
}

/**
 * As `beginInterfaceChange`, for a volume. `attach` returns the new row to insert, `detach` is the
 * existing one.
 */
export async function beginVolumeChange(
  deps: NovaDeps,
  request: Request,
  server: Server,
  change: { attach: (trx: NovaDb) => Promise<Outcome<VolumeRow>> } | { detach: ServerVolume },
): Promise<Outcome<{ sagaId: string; actionId: string; row: VolumeRow }>> {
  const [logAs, operation] =
    'attach' in change
      ? (['attach_volume', 'nova.attach-volume'] as const)
      : (['detach_volume', 'nova.detach-volume'] as const);
  return await beginWhileIdle(deps, request, server, logAs, volumeStates, async (trx, now) => {
    const row = 'attach' in change ? await change.attach(trx) : change.detach;
    if (isFault(row)) return row;
    if ('attach' in change) await insertServerVolumes(trx, [row]);
    const actionId = await log(deps, trx, request, server, logAs, now);
    const input = { serverId: server.id, actionId, rowId: row.id };
    const sagaId = await enqueue(deps, trx, request, operation, server.id, input);
    return { sagaId, actionId, row };
  });
}

/**
 * Begins the upload of an idle server's disk into an image that exists at Glance. With this
 * transaction the image passes from the request to the saga, which removes it on failure. conflict:
 * not in this state.
 */
export async function beginImage(
  deps: NovaDeps,
  request: Request,
  server: Server,
  image: Pick<NovaOperations['nova.create-image'], 'imageId' | 'rotation'>,
  pending: Pick<PendingResources, 'commit'>,
): Promise<Outcome<void>> {
  const [logAs, begins] =
    image.rotation === null
      ? (['createImage', 'image_snapshot_pending'] as const)
      : (['createBackup', 'image_backup'] as const);
  return await beginReachable(deps, request, server, async (trx, now) => {
    if (!(await beginTask(trx, server.id, imageStates, begins, now)))
      return await refusal(trx, server, logAs);
    const actionId = await log(deps, trx, request, server, logAs, now);
    const input = { serverId: server.id, actionId, ...image };
    await enqueue(deps, trx, request, 'nova.create-image', server.id, input);
    if (!(await pending.commit(trx)))
      throw new Error(`image ${image.imageId} was removed under its request`);
    return undefined;
  });
}

/**
 * Begins an assisted snapshot. It is not in the server's action log, because Cinder requested it,
 * not a user.
 */
export async function beginAssistedSnapshot(
  deps: NovaDeps,
  request: Request,
  volumeId: string,
  input: NovaOperations['nova.assist-snapshot'],
): Promise<void> {
  await begin(
    deps,
    request,
    async (trx) =>
      await enqueueOperation(deps, trx, {
        name: 'nova.assist-snapshot',
        lockKey: assistLock(volumeId),
        input,
        requestId: request.id,
      }),
  );
}

/**
 * Begins a deletion. It cancels the server's other sagas, which undo their steps before it runs.
 * Repeating the request has no further effect.
 */
export async function beginDeletion(
  deps: NovaDeps,
  request: Request,
  server: Server,
): Promise<Outcome<void>> {
  const locked = checkLock(request, server);
  if (locked) return locked;
  await transaction(deps.database.db, async (trx) => {
    const now = deps.clock.now();
    if (!(await beginDelete(trx, server.id, now))) return;
    await deps.sagas.cancel(trx, serverLock(server.id));
    const actionId = await log(deps, trx, request, server, 'delete', now);
    await enqueue(deps, trx, request, 'nova.delete-server', server.id, {
      serverId: server.id,
      actionId,
    });
  });
  const host = (await findServer(deps.database.db, server.id, null))?.host ?? null;
  // Fanout, not a call: calls would wait in the agent's queue behind the builds themselves. A build
  // that does not receive this message still ends at its own deadline.
  if (host !== null)
    await agentOn(deps, host).fanout(
      'abandonBuild',
      { uuid: server.id },
      { requestId: request.id },
    );
  await wake(deps, request);
  return undefined;
}

/**
 * Adds an action log entry for an action without a saga: lock, unlock, and the abort and forced
 * completion of a live migration.
 */
export async function logInstant(
  deps: NovaDeps,
  request: Request,
  server: Server,
  action: string,
): Promise<void> {
  await log(deps, deps.database.db, request, server, action, deps.clock.now());
}

/** Adds an entry to the server's action log and returns its id. */
export async function log(
  deps: NovaDeps,
  db: NovaDb,
  request: Request,
  server: Server,
  action: string,
  nowMs: number,
): Promise<string> {
  const id = deps.ids.uuid();
  await insertAction(
    db,
    {
      id,
      serverId: server.id,
      action,
      requestId: request.id,
      projectId: request.auth.projectId ?? server.project_id,
      userId: request.auth.userId,
    },
    nowMs,
  );
  return id;
}

/** Adds a saga on the server to the journal and returns the saga's id. */
export const enqueue = async <N extends keyof NovaOperations>(
  deps: NovaDeps,
  trx: NovaDb,
  request: Request,
  name: N,
  serverId: string,
  input: NovaOperations[N],
): Promise<string> =>
  await enqueueOperation(deps, trx, {
    name,
    lockKey: serverLock(serverId),
    input,
    requestId: request.id,
  });

/** Tells a conductor to read the journal. To be called after the transaction has committed. */
async function wake(deps: NovaDeps, request: Request): Promise<void> {
  // If this message is lost, the conductor's periodic scan finds the journal entry later.
  await conductorClient(deps).cast('wakeSagas', {}, { requestId: request.id });
}

/**
 * The fault for an action that cannot begin: notFound if the server is deleted, else conflict with
 * its state.
 */
export async function refusal(db: NovaDb, server: Server, action: string): Promise<Fault> {
  const now = await findServer(db, server.id, null);
  if (!now) return fault('notFound', `Instance ${server.id} could not be found.`);
  return inWrongState(now, action);
}

/** conflict: the server has a task state, or a vm_state that is not in `states`. */
export const checkState = (
  server: Server,
  states: readonly VmState[],
  action: string,
): Outcome<undefined> =>
  server.task_state === null && states.includes(server.vm_state)
    ? undefined
    : inWrongState(server, action);

function inWrongState({ id, task_state, vm_state }: Server, action: string): Fault {
  const where = task_state === null ? `vm_state ${vm_state}` : `task_state ${task_state}`;
  return fault('conflict', `Cannot '${action}' instance ${id} while it is in ${where}`);
}
