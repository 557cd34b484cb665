// What the server view needs besides the server's row: zones and host states, read once for each
// request.
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import { isUp } from '../../domain/service-state.ts';
import { computeBinary, listServices, zonesByHost } from '../../store/hosts.ts';
import type { Server } from '../../store/servers.ts';
import { volumesOfServers } from '../../store/volumes.ts';
import type { ServerViewContext } from './server.ts';

export async function viewContext(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  servers: readonly Pick<Server, 'id' | 'host'>[],
): Promise<ServerViewContext> {
  const { db } = deps.database;
  const { config, clock } = deps;
  const showsHost = request.allows('os_compute_api:os-extended-server-attributes');
  const zones = await zonesByHost(db);
  // Most requests show a single server: then only its own host is read.
  const host = servers.length === 1 ? servers[0]?.host : undefined;
  const services =
    showsHost && request.version >= 16 && host !== null
      ? new Map(
          (await listServices(db, { binary: computeBinary, ...(host && { host }) })).map(
            (service) => [service.host, service],
          ),
        )
      : undefined;
  const volumes = await volumesOfServers(
    db,
    servers.map(({ id }) => id),
  );
  return {
    volumesOf: (id) => volumes.get(id) ?? [],
    version: request.version,
    baseUrl: request.baseUrl,
    showsHost,
    zoneOf: (host) => zones.get(host) ?? config.defaultZone,
    hostStatusOf: (host) => {
      const service = host === null ? undefined : services?.get(host);
      if (host === null) return '';
      if (!service) return 'UNKNOWN';
      if (service.disabled === 1) return 'MAINTENANCE';
      return isUp(service, clock.now(), config) ? 'UP' : 'DOWN';
    },
  };
}
