// The security groups of a server's ports, read from Neutron with the caller's token; and the form
// in which Nova shows a group.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Port, SecurityGroup, SecurityGroupRule } from '#contracts/neutron/wire.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import type { Server } from '../store/servers.ts';
import { ofServer } from './request.ts';
import { serverPorts } from './server-ports.ts';
import { callersNeutron } from './servers/wanted-networks.ts';

export const serverSecurityGroupRoutes = (deps: NovaDeps): readonly Route[] => [
  route('GET', '/v2.1/servers/:id/os-security-groups', {
    policy: 'os_compute_api:os-security-groups:list',
    faults: ['notFound'],
    handler: ofServer(deps, async (request, server) => {
      const groups = await groupsOf(deps, request, server);
      return isFault(groups)
        ? groups
        : {
            status: 200,
            body: { security_groups: groups.map((group) => groupView(group, groups)) },
          };
    }),
  }),
];

async function groupsOf(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  server: Server,
): Promise<Outcome<SecurityGroup[]>> {
  const neutron = callersNeutron(deps, request);
  const ports = await serverPorts(deps, neutron, server.id);
  if (isFault(ports)) return ports;
  const ids = groupIds(ports);
  return ids.length === 0 ? [] : await neutron.list('security-groups', { id: ids });
}

export const groupIds = (ports: readonly Port[]): string[] => [
  ...new Set(ports.flatMap((port) => port.security_groups ?? [])),
];

/**
 * A Neutron group in the format of nova-network, which has ingress rules only.
 * https://docs.openstack.org/api-ref/compute/#list-security-groups-by-server
 */
export function groupView(
  group: SecurityGroup,
  visibleGroups: readonly SecurityGroup[],
): JsonObject {
  const rules = group.security_group_rules
    .filter(({ direction }) => direction === 'ingress')
    .map((rule) => ruleView(group.id, rule, visibleGroups));
  return {
    id: group.id,
    name: group.name,
    description: group.description,
    tenant_id: group.tenant_id,
    rules,
  };
}

export function ruleView(
  groupId: string,
  rule: SecurityGroupRule,
  visibleGroups: readonly SecurityGroup[],
): JsonObject {
  const remote =
    rule.remote_group_id === null
      ? undefined
      : visibleGroups.find(({ id }) => id === rule.remote_group_id);
  const everywhere = rule.ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0';
  // A rule without ports covers all ports of its protocol:
  // nova.network.security_group_api, _convert_to_nova_security_group_rule
  const [from, to] =
    rule.protocol === null
      ? [null, null]
      : rule.protocol === 'tcp' || rule.protocol === 'udp'
        ? [1, 65_535]
        : [-1, -1];
  return {
    id: rule.id,
    parent_group_id: groupId,
    ip_protocol: rule.protocol,
    from_port: rule.port_range_min ?? from,
    to_port: rule.port_range_max ?? to,
    group: remote ? { name: remote.name, tenant_id: remote.tenant_id } : {},
    ip_range: rule.remote_group_id === null ? { cidr: rule.remote_ip_prefix ?? everywhere } : {},
  };
}
