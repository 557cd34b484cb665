// Places, stops and removes the guest of a server that moves, on its source or destination. Called
// by the sagas of moves, and by the saga that deletes a server; idempotent. Two copies of one guest
// must never run at the same time.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import type { ServerSize } from '../domain/server-size.ts';
import { isUp } from '../domain/service-state.ts';
import { agentOn } from '../rpc-clients.ts';
import { computeBinary, findService } from '../store/hosts.ts';
import { openMigrations } from '../store/server-migrations.ts';
import type { Server } from '../store/servers.ts';
import { describeGuest } from './describe-guest.ts';

interface Call {
  requestId: string;
}

const guestTimeoutMs = 5 * 60_000;

/** Defines the server's guest on `host` over the disks that are there, and starts it if `start`. */
export async function placeGuest(
  deps: NovaDeps,
  server: Server,
  place: { host: string; size: ServerSize; start: boolean },
  { requestId }: Call,
): Promise<Outcome<void>> {
  const placed = await agentOn(deps, place.host).call(
    'placeGuest',
    { spec: await describeGuest(deps, { ...server, ...place.size }), start: place.start },
    { timeoutMs: guestTimeoutMs, requestId },
  );
  return isFault(placed) ? placed : undefined;
}

export async function stopGuest(
  deps: NovaDeps,
  server: Server,
  host: string,
  { requestId }: Call,
): Promise<Outcome<void>> {
  const { shutdownTimeoutMs } = deps.config;
  const stopped = await agentOn(deps, host).call(
    'stopGuest',
    { uuid: server.id, timeoutMs: shutdownTimeoutMs },
    { timeoutMs: shutdownTimeoutMs + guestTimeoutMs, requestId },
  );
  return isFault(stopped) ? stopped : undefined;
}

/**
 * Removes the copy of a guest from a host that is not (or no longer) its server's host.
 * unavailable: the host does not answer; its agent removes the copy when it is back.
 */
export async function removeCopy(
  deps: NovaDeps,
  server: Pick<Server, 'id'>,
  host: string,
  { requestId }: Call,
): Promise<Outcome<void>> {
  if (host === '') return undefined;
  const destroyed = await agentOn(deps, host).call(
    'destroyGuest',
    { uuid: server.id },
    { timeoutMs: guestTimeoutMs, requestId },
  );
  return isFault(destroyed) ? destroyed : undefined;
}

/**
 * As `removeCopy`, for a copy that may have been started. Throws until it is certainly removed, or
 * the host is forced down or has no compute service any more; otherwise two copies could run.
 */
export async function removeStartedCopy(
  deps: NovaDeps,
  server: Pick<Server, 'id'>,
  host: string,
  call: Call,
): Promise<void> {
  const removal = await removeCopy(deps, server, host, call);
  if (!isFault(removal)) return;
  const service = await findService(deps.database.db, { host, binary: computeBinary });
  if (service && service.forced_down === 0)
    throw new Error(`a copy of server ${server.id} may run on ${host}: ${removal.message}`);
  deps.log.warn(
    { server: server.id, host, req: call.requestId, why: removal.message },
    'a copy is left on a host that is forced down',
  );
}

/**
 * For a fault of an undo on `host`: throws, so that the undo is tried again, while the host counts
 * as up. On a host that is down the guest is left as it is, and a warning is logged.
 */
export async function insistWhileUp(
  deps: NovaDeps,
  host: string,
  outcome: Outcome<unknown>,
): Promise<void> {
  if (!isFault(outcome)) return;
  const service = await findService(deps.database.db, { host, binary: computeBinary });
  if (service && isUp(service, deps.clock.now(), deps.config))
    throw new Error(`undo on ${host}: ${outcome.message}`);
  deps.log.error({ host, why: outcome.message }, 'a host is down: its guest is left as it is');
}

/**
 * For a server that is being deleted: removes the copies of its guest that unfinished moves have
 * left on other hosts. The agent of a host that is away removes its copy when it is back.
 */
export async function removeMovedCopies(
  deps: NovaDeps,
  server: Server,
  requestId: string,
): Promise<void> {
  for (const { source_host, dest_host } of await openMigrations(deps.database.db, server.id))
    for (const host of [source_host, dest_host]) {
      if (host === null || host === server.host) continue;
      const removal = await removeCopy(deps, server, host, { requestId });
      if (isFault(removal))
        deps.log.warn(
          { server: server.id, host, req: requestId, why: removal.message },
          'a copy of a deleted server is left to its host',
        );
    }
}
