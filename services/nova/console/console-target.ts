// What a console token opens. Asked by the websocket proxy at the edge, the role console-proxy.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import { findConsoleToken } from '../store/console-tokens.ts';
import { findServer } from '../store/servers.ts';

const timeoutMs = 15_000;

export interface ConsoleTarget {
  /** Of the guest's RFB server. */
  socketPath: string;
  /** For the page around it. */
  serverName: string;
}

/** unauthorized: no such token, or it has ended, or its server is on that host no longer. */
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
