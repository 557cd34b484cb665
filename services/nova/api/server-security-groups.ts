// Security groups of a server's ports, and those of the project for clients that still ask Nova; read from Neutron in the caller's name.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest, Route } from '#platform/http/api.ts';
import { route } from '#platform/http/api.ts';
import type { NovaDeps } from '../deps.ts';
import type { Port, SecurityGroup, SecurityGroupRule } from '../neutron.ts';
import type { Server } from '../store/servers.ts';
import { requestedServer } from './request.ts';
import { callersNeutron } from './servers/wanted-networks.ts';

const lastWithProxies = 35;

export const securityGroupRoutes = (deps: NovaDeps): readonly Route[] => [
  route({ method: 'GET', path: '/v2.1/servers/:id/os-security-groups', policy: 'os_compute_api:os-security-groups:list', faults: ['notFound'], handler: async (request) => {
    const server = await requestedServer(deps, request);
    if (isFault(server)) return server;
    const groups = await groupsOf(deps, request, server);
    return isFault(groups) ? groups : { status: 200, body: { security_groups: groups.map((group) => groupView(group, groups)) } };
  } }),
  // Two of the proxies of old: `openstack server add security group` looks the group up here before it names it (python-openstackclient, api/compute_v2.py).
  route({ method: 'GET', path: '/v2.1/os-security-groups', until: lastWithProxies, policy: 'os_compute_api:os-security-groups:get', handler: async (request) => {
    const groups = await callersNeutron(deps, request).list('security-groups', { tenant_id: request.auth.projectId ?? '' });
    return isFault(groups) ? groups : { status: 200, body: { security_groups: groups.map((group) => groupView(group, groups)) } };
  } }),
  route({ method: 'GET', path: '/v2.1/os-security-groups/:group', until: lastWithProxies, policy: 'os_compute_api:os-security-groups:show', faults: ['notFound'], handler: async (request) => {
    const id = request.params['group'] ?? '';
    const group = await callersNeutron(deps, request).find('security-groups', id);
    if (isFault(group)) return group;
    return group ? { status: 200, body: { security_group: groupView(group, [group]) } } : fault('notFound', `Security group ${id} not found.`);
  } }),
];

async function groupsOf(deps: NovaDeps, request: ApiRequest<unknown>, server: Server): Promise<Outcome<SecurityGroup[]>> {
  const neutron = callersNeutron(deps, request);
  const ports = await neutron.list('ports', { device_id: server.id });
  if (isFault(ports)) return ports;
  const ids = groupIds(ports);
  return ids.length === 0 ? [] : await neutron.list('security-groups', { id: ids });
}

export const groupIds = (ports: readonly Port[]): string[] => [...new Set(ports.flatMap((port) => port.security_groups ?? []))];

/** Neutron's group in the words of nova-network: incoming rules alone. https://docs.openstack.org/api-ref/compute/#list-security-groups-by-server */
function groupView(group: SecurityGroup, known: readonly SecurityGroup[]): JsonObject {
  const rules = group.security_group_rules.filter(({ direction }) => direction === 'ingress').map((rule) => ruleView(group, rule, known));
  return { id: group.id, name: group.name, description: group.description, tenant_id: group.tenant_id, rules };
}

function ruleView(group: SecurityGroup, rule: SecurityGroupRule, known: readonly SecurityGroup[]): JsonObject {
  const remote = rule.remote_group_id === null ? undefined : known.find(({ id }) => id === rule.remote_group_id);
  const everywhere = rule.ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0';
  return {
    id: rule.id, parent_group_id: group.id, ip_protocol: rule.protocol?.toUpperCase() ?? null, from_port: rule.port_range_min ?? (rule.protocol === null ? null : -1), to_port: rule.port_range_max ?? (rule.protocol === null ? null : -1),
    group: remote ? { name: remote.name, tenant_id: remote.tenant_id } : {},
    ip_range: rule.remote_group_id === null ? { cidr: rule.remote_ip_prefix ?? everywhere } : {},
  };
}
