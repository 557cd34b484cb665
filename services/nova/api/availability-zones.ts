// The availability zones that a server can be created in; for administrators also the hosts in each
// zone.
// https://docs.openstack.org/api-ref/compute/#availability-zones-os-availability-zone
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import type { NovaDeps } from '../deps.ts';
import { isUp } from '../domain/service-state.ts';
import { computeBinary, listServices, zonesByHost } from '../store/hosts.ts';
import type { ServiceRow } from '../store/tables.ts';
import { internalZone } from './services.ts';

export function availabilityZoneRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { config, clock } = deps;

  async function zones(): Promise<Map<string, ServiceRow[]>> {
    const [services, zoneOf] = await Promise.all([listServices(db), zonesByHost(db)]);
    return Map.groupBy(services, (service) =>
      service.binary === computeBinary
        ? (zoneOf.get(service.host) ?? config.defaultZone)
        : internalZone,
    );
  }
  // A zone is available while at least one of its services is enabled, even if all its hosts are
  // down: the scheduler checks whether a host is alive.
  const view = (name: string, services: readonly ServiceRow[], hosts: Json): JsonObject => ({
    zoneName: name,
    zoneState: { available: services.some((service) => service.disabled === 0) },
    hosts,
  });
  const byHost = (services: readonly ServiceRow[]): JsonObject => {
    const hosts = new Map<string, JsonObject>();
    for (const service of services) {
      hosts.set(service.host, {
        ...hosts.get(service.host),
        [service.binary]: {
          available: isUp(service, clock.now(), config),
          active: service.disabled === 0,
          updated_at: isoMicroseconds(service.last_seen_ms).slice(0, -1),
        },
      });
    }
    return Object.fromEntries(hosts);
  };

  const path = '/v2.1/os-availability-zone';
  return [
    route('GET', path, {
      policy: 'os_compute_api:os-availability-zone:list',
      handler: async () => ({
        status: 200,
        body: {
          availabilityZoneInfo: [...(await zones())]
            .filter(([name]) => name !== internalZone)
            .map(([name, services]) => view(name, services, null)),
        },
      }),
    }),
    route('GET', `${path}/detail`, {
      policy: 'os_compute_api:os-availability-zone:detail',
      handler: async () => ({
        status: 200,
        body: {
          availabilityZoneInfo: [...(await zones())].map(([name, services]) =>
            view(name, services, byHost(services)),
          ),
        },
      }),
    }),
  ];
}
