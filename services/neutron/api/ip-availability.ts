// How many addresses each network has, and how many are used.
// https://docs.openstack.org/api-ref/network/v2/#network-ip-availability-and-usage-stats
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { poolSize } from '../domain/pools.ts';
import type { NetworkUse } from '../store/ip-use.ts';
import { networkUses } from '../store/ip-use.ts';
import { poolsOf } from '../store/ipam.ts';
import { unknownFilter } from './list.ts';
import type { NeutronParts } from './parts.ts';

/**
 * Totals above 2^53 (an IPv6 /64 has more) are rounded to the nearest double, as JSON readers
 * would.
 */
function view({ network, subnets }: NetworkUse): JsonObject {
  const parts = subnets.map(({ subnet, used }) => ({
    subnet_id: subnet.id,
    subnet_name: subnet.name,
    cidr: subnet.cidr,
    ip_version: subnet.ip_version,
    total_ips: Number(poolSize(poolsOf(subnet))),
    used_ips: used,
  }));
  const sum = (key: 'total_ips' | 'used_ips'): number =>
    parts.reduce((total, part) => total + part[key], 0);
  return {
    network_id: network.id,
    network_name: network.name,
    tenant_id: network.project_id,
    project_id: network.project_id,
    total_ips: sum('total_ips'),
    used_ips: sum('used_ips'),
    subnet_ip_availability: parts,
  };
}

export function ipAvailabilityRoutes({ database: { db } }: NeutronParts): readonly Route[] {
  const path = '/v2.0/network-ip-availabilities';
  const policy = 'get_network_ip_availability';
  return [
    route('GET', path, {
      policy,
      handler: async (request) => {
        const refusal = unknownFilter(request, [
          'network_id',
          'network_name',
          'tenant_id',
          'project_id',
          'ip_version',
        ]);
        if (isFault(refusal)) return refusal;
        const { query } = request;
        const versions = query['ip_version']?.map(Number);
        const uses = (await networkUses(db)).filter(
          ({ network }) =>
            (query['network_id']?.includes(network.id) ?? true) &&
            (query['network_name']?.includes(network.name) ?? true) &&
            ((query['project_id'] ?? query['tenant_id'])?.includes(network.project_id) ?? true),
        );
        const shown = versions
          ? uses
              .map(({ network, subnets }) => ({
                network,
                subnets: subnets.filter(({ subnet }) => versions.includes(subnet.ip_version)),
              }))
              .filter(({ subnets }) => subnets.length > 0)
          : uses;
        return { status: 200, body: { network_ip_availabilities: shown.map(view) } };
      },
    }),
    route('GET', `${path}/:network_id`, {
      policy,
      faults: ['notFound'],
      handler: async ({ params }) => {
        const [use] = await networkUses(db, params['network_id'] ?? '');
        return use
          ? { status: 200, body: { network_ip_availability: view(use) } }
          : fault('notFound', `Network ${params['network_id']} could not be found.`, {
              type: 'NetworkNotFound',
            });
      },
    }),
  ];
}
