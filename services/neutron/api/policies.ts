// Neutron's default policies under upstream's names, most of them derived from the attribute
// tables: only operators may set a guarded attribute or see a hidden one. Ownership of an object is
// checked by the query that reads it.
import type { AnyResource } from './resource.ts';
import { resources } from './resources.ts';

const operator = 'rule:admin_or_service';
const member = `${operator} or (role:member and project_id:%(project_id)s)`;
const reader = `${operator} or (role:reader and project_id:%(project_id)s)`;

function ofResource({
  singular,
  collection,
  attributes,
  change,
}: AnyResource): Record<string, string> {
  const rules: Record<string, string> = {
    [`get_${singular}`]: reader,
    [`create_${singular}`]: member,
    [`delete_${singular}`]: member,
  };
  if (change) rules[`update_${singular}`] = member;
  for (const [name, { guarded, hidden, post, put }] of Object.entries(attributes)) {
    if (guarded && post) rules[`create_${singular}:${name}`] = operator;
    if (guarded && put) rules[`update_${singular}:${name}`] = operator;
    if (hidden) rules[`get_${singular}:${name}`] = operator;
  }
  if ('tags' in attributes)
    Object.assign(rules, {
      [`get_${collection}_tags`]: reader,
      [`update_${collection}_tags`]: member,
      [`delete_${collection}_tags`]: member,
    });
  return rules;
}

export const policies: Readonly<Record<string, string>> = {
  // Other services may act for every project, as admins may; a domain-scoped token is no admin.
  // Upstream: context_is_admin, context_is_advsvc.
  admin_or_service: '(role:admin or role:service) and domain_id:None',
  ...(Object.assign({}, ...resources.map(ofResource)) as Record<string, string>),
  'create_router:external_gateway_info:enable_snat': operator,
  'update_router:external_gateway_info:enable_snat': operator,
  'create_router:external_gateway_info:external_fixed_ips': operator,
  'update_router:external_gateway_info:external_fixed_ips': operator,
  get_port_binding: operator,
  create_port_binding: operator,
  update_port_binding: operator,
  delete_port_binding: operator,
  activate: operator,
  add_router_interface: member,
  remove_router_interface: member,
  add_extraroutes: member,
  remove_extraroutes: member,
  get_auto_allocated_topology: member,
  'get_auto_allocated_topology:other_project': operator,
  delete_auto_allocated_topology: member,
  get_quota: reader,
  'get_quota:other_project': operator,
  get_quotas: operator,
  update_quota: operator,
  delete_quota: operator,
  get_agents: '@',
  get_agent: operator,
  update_agent: operator,
  delete_agent: operator,
  get_network_ip_availability: operator,
  get_availability_zone: '@',
  get_extension: '@',
  get_service_provider: '@',
  get_version: '@',
};
