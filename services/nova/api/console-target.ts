// What a console token opens. Asked by the websocket proxy at the edge.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import { computeTopic } from '#contracts/nova/compute-agent-rpc.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import type { NovaDeps } from '../deps.ts';
import { findServer } from '../store/servers.ts';
import { hashToken } from './server-actions/console.ts';

/**
 * The socket of the guest's RFB server, and the server's name for the page around it. unauthorized:
 * no such token, or it has ended, or its server is gone.
 */
export async function consoleTarget(
  deps: NovaDeps,
  token: string,
): Promise<Outcome<{ socketPath: string; serverName: string }>> {
  const {
    database: { db },
    clock,
    ids,
  } = deps;
  const grant = await db
    .selectFrom('console_tokens')
    .selectAll()
    .where('token_hash', '=', hashToken(token))
    .where('expires_at_ms', '>', clock.now())
    .executeTakeFirst();
  const server = grant && (await findServer(db, grant.server_id, null));
  if (!grant || !server || server.host !== grant.host)
    return fault('unauthorized', 'The console token is not valid or has expired.');
  const found = await rpcClient<ComputeAgentRpc>(deps.bus, computeTopic(grant.host)).call(
    'vncConsole',
    { uuid: grant.server_id },
    { timeoutMs: 15_000, requestId: ids.requestId() },
  );
  return isFault(found) ? found : { socketPath: found.socketPath, serverName: server.name };
}
