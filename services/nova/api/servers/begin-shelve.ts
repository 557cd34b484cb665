// Starts the sagas of shelving, offloading and unshelving, in the way of begin.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { taskDuring } from '#contracts/nova/operations.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import { shelveStates } from '../../domain/server-state.ts';
import type { NovaDb, Server } from '../../store/servers.ts';
import { beginTask, changeServer, findServer } from '../../store/servers.ts';
import { begin, beginChange, beginReachable, enqueue, log, refusal } from './begin.ts';
import type { PendingResources } from './pending-resources.ts';

type Request = ApiRequest<unknown>;

/**
 * Begins to shelve a server. `image`: already created at Glance, without data; with this
 * transaction it passes from the request to the saga, which uploads or removes it; null: the server
 * boots from a volume. conflict: the state does not allow shelving.
 */
export async function beginShelve(
  deps: NovaDeps,
  request: Request,
  server: Server,
  image: { id: string; pending: Pick<PendingResources, 'commit'> } | null,
): Promise<Outcome<void>> {
  return await beginReachable(deps, request, server, async (trx, now) => {
    const current = await findServer(trx, server.id, null);
    if (!current || !(await beginTask(trx, server.id, shelveStates, 'shelving', now)))
      return await refusal(trx, server, 'shelve');
    const actionId = await log(deps, trx, request, server, 'shelve', now);
    await enqueue(deps, trx, request, 'nova.shelve-server', server.id, {
      serverId: server.id,
      actionId,
      imageId: image?.id ?? null,
      before: { vmState: current.vm_state, powerState: current.power_state },
    });
    if (image && !(await image.pending.commit(trx)))
      throw new Error(`image ${image.id} was removed under its request`);
    return undefined;
  });
}

/**
 * Begins to offload a shelved server from its host. conflict: it is not shelved, or already
 * offloaded.
 */
export async function beginOffload(
  deps: NovaDeps,
  request: Request,
  server: Server,
): Promise<Outcome<void>> {
  return await beginReachable(deps, request, server, async (trx, now) => {
    if (!(await beginTask(trx, server.id, ['shelved'], 'shelving_offloading', now)))
      return await refusal(trx, server, 'shelveOffload');
    const actionId = await log(deps, trx, request, server, 'shelveOffload', now);
    const input = { serverId: server.id, actionId };
    await enqueue(deps, trx, request, 'nova.offload-server', server.id, input);
    return undefined;
  });
}

/**
 * Begins to unshelve a server. `zone`, `host`: where one that was offloaded is to run; null:
 * anywhere. conflict: the server is not shelved.
 */
export async function beginUnshelve(
  deps: NovaDeps,
  request: Request,
  server: Server,
  { zone, host }: { zone: string | null; host: string | null },
): Promise<Outcome<void>> {
  if (server.vm_state === 'shelved')
    return await beginChange(deps, request, server, 'unshelve', {
      from: ['shelved'],
      logAs: 'unshelve',
      andThen: async (trx, actionId) => await dropImage(deps, trx, request, server, actionId),
    });
  return await begin(deps, request, async (trx, now) => {
    if (!(await beginTask(trx, server.id, ['shelved_offloaded'], taskDuring.unshelve, now)))
      return await refusal(trx, server, 'unshelve');
    // The zone is kept for later attempts, even if this one fails.
    await changeServer(trx, server.id, { availability_zone: zone }, now);
    const actionId = await log(deps, trx, request, server, 'unshelve', now);
    await enqueue(deps, trx, request, 'nova.unshelve-server', server.id, {
      serverId: server.id,
      actionId,
      forcedHost: host,
      zone,
    });
    await dropImage(deps, trx, request, server, actionId);
    return undefined;
  });
}

/**
 * Queues the deletion of the shelved image. Sagas of one server run in the order of the journal, so
 * this one runs after the unshelving.
 */
async function dropImage(
  deps: NovaDeps,
  trx: NovaDb,
  request: Request,
  server: Server,
  actionId: string,
): Promise<void> {
  const imageId = (await findServer(trx, server.id, null))?.shelved_image_id ?? null;
  if (imageId === null) return;
  const input = { serverId: server.id, actionId, imageId };
  await enqueue(deps, trx, request, 'nova.drop-shelved-image', server.id, input);
}
