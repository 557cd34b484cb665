// Resolves a console token to the guest's console. Called by the websocket proxy (console-proxy).
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import { findConsoleToken } from '../store/console-tokens.ts';
import { findServer } from '../store/servers.ts';

const timeoutMs = 15_000;

export interface ConsoleTarget {
  /** Unix socket of the guest's VNC server. */
  socketPath: string;
  /** Shown on the console page. */
  serverName: string;
}

/**
 * Finds the console that the token opens. unauthorized: the token does not exist or has expired, or
 * the server has left that host.
 */
export async function consoleTarget(
  deps: Pick<NovaDeps, 'database' | 'bus' | 'clock' | 'ids'>,
  token: string,
): Promise<Outcome<ConsoleTarget>> {
  const { db } = deps.database;
  const { clock, ids } = deps;
  const grant = await findConsoleToken(db, token, clock.now());
  const server = grant && (await findServer(db, grant.serverId, null));
  if (!grant || !server || server.host !== grant.host)
    return fault('unauthorized', 'The console token is not valid or has expired.');
  const console = await agentOn(deps, grant.host).call(
    'vncConsole',
    { uuid: grant.serverId },
    { timeoutMs, requestId: ids.requestId() },
  );
  return isFault(console) ? console : { socketPath: console.socketPath, serverName: server.name };
}
