// Availability zones that networks and routers may name: those reported by agents, and the default
// zone. https://docs.openstack.org/api-ref/network/v2/#list-all-availability-zones
import { isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { listAgents } from '../store/agents.ts';
import { unknownFilter } from './list.ts';
import type { NeutronParts } from './parts.ts';

export function availabilityZoneRoutes({
  database: { db },
  config,
}: NeutronParts): readonly Route[] {
  return [
    route('GET', '/v2.0/availability_zones', {
      policy: 'get_availability_zone',
      handler: async (request) => {
        const refusal = unknownFilter(request, ['name', 'resource', 'state']);
        if (isFault(refusal)) return refusal;
        const { query } = request;
        const agents = await listAgents(db);
        const zones = [
          ...new Set([
            config.defaultZone,
            ...agents
              .map(({ availability_zone }) => availability_zone)
              .filter((zone) => zone !== ''),
          ]),
        ];
        const all = zones.flatMap((name) =>
          ['network', 'router'].map((resource) => ({ name, resource, state: 'available' })),
        );
        const wanted = all.filter((zone) =>
          (['name', 'resource', 'state'] as const).every(
            (key) => query[key]?.includes(zone[key]) ?? true,
          ),
        );
        return { status: 200, body: { availability_zones: wanted } };
      },
    }),
  ];
}
