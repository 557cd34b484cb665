// The listener for heartbeats from the HA Agents of an embedded cloud's local hosts: at this
// machine's address in their management network. It serves no other path.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import { machineAddress } from '#hosts/local/underlay.ts';
import type { HttpHandler } from '#platform/http/messages.ts';
import type { HttpServer } from '#platform/http/server.ts';
import { startHttpServer } from '#platform/http/server.ts';
import type { Log } from '#platform/log.ts';
import { haAgentPath, haAgentsPort } from './local-ha-agent.ts';

/** Starts the listener. conflict: another program uses the port. */
export async function listenToHaAgents(
  apis: HttpHandler,
  { network, log }: { network: NetworkFacts; log: Log },
): Promise<Outcome<HttpServer>> {
  const host = machineAddress(network);
  try {
    return await startHttpServer(onlyHeartbeats(apis), { host, port: haAgentsPort, log });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return fault(
      'conflict',
      `Port ${haAgentsPort} of ${host}, at which the HA Agents of hosts report, is taken by another program (ss -ltnp 'sport = :${haAgentsPort}' names it). End that program, or set ha.enabled: false.`,
    );
  }
}

const onlyHeartbeats = (apis: HttpHandler): HttpHandler => ({
  handle: async (request) =>
    request.method === 'POST' && haAgentPath.test(request.path)
      ? await apis.handle(request)
      : { status: 404, headers: {}, body: { error: { code: 404, message: 'Not found.' } } },
});
