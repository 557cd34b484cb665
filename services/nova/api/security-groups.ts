// Nova's deprecated security group proxy API, up to microversion 2.35: passed on to Neutron with
// the caller's token. The stock client's `server add security group` looks groups up here.
// https://docs.openstack.org/api-ref/compute/#security-groups-os-security-groups-deprecated
import Type from 'typebox';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { SecurityGroup, SecurityGroupRule } from '#contracts/neutron/wire.ts';
import { documentOf } from '#openstack/clients/call.ts';
import { askNeutron, neutronClient } from '#openstack/clients/neutron.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { callerOf, first, isAdmin } from './request.ts';
import { groupView, ruleView } from './server-security-groups.ts';

interface GroupBody {
  security_group: { name: string; description?: string | null };
}
interface RuleBody {
  security_group_rule: {
    parent_group_id: string;
    ip_protocol?: string | null;
    from_port?: Port;
    to_port?: Port;
    cidr?: string | null;
    group_id?: string | null;
  };
}
type Port = number | string | null;

const until = 35;
const loose = { additionalProperties: true };
const text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const port = Type.Optional(
  Type.Union([Type.Integer(), Type.String({ pattern: '^-?[0-9]{1,6}$' }), Type.Null()]),
);
const groupBody = Type.Object({
  security_group: Type.Object({ name: Type.String(), description: text }, loose),
});
const ruleBody = Type.Object({
  security_group_rule: Type.Object(
    {
      parent_group_id: Type.String({ format: 'uuid' }),
      ip_protocol: text,
      from_port: port,
      to_port: port,
      cidr: text,
      group_id: text,
    },
    loose,
  ),
});
const path = '/v2.1/os-security-groups';
const policy = (name: string): string => `os_compute_api:os-security-groups:${name}`;
const faults = ['notFound', 'overQuota'] as const;

/** Maps Neutron's 409 to the 400 that nova-network answered, which clients of this API expect. */
const inOldWords = (refusal: Fault): Fault =>
  refusal.kind === 'conflict' ? fault('badRequest', refusal.message) : refusal;

export function securityGroupRoutes(deps: NovaDeps): readonly Route[] {
  const askFor = (request: ApiRequest<unknown>) => askNeutron(deps, callerOf(request));
  const idOf = (request: ApiRequest<unknown>): string =>
    encodeURIComponent(request.params['group'] ?? '');
  const groups = async (request: ApiRequest<unknown>): Promise<Outcome<SecurityGroup[]>> => {
    const everybodys =
      isAdmin(request) && (booleanOf(first(request, 'all_tenants') ?? 'no') ?? false);
    return await neutronClient(deps, callerOf(request)).list(
      'security-groups',
      everybodys ? {} : { tenant_id: request.auth.projectId ?? '' },
    );
  };
  const shown = async (
    call: ReturnType<ReturnType<typeof askNeutron>>,
  ): Promise<Outcome<Reply>> => {
    const group = await documentOf<SecurityGroup>('security_group', call);
    return isFault(group)
      ? inOldWords(group)
      : { status: 200, body: { security_group: groupView(group, [group]) } };
  };
  const deleted = async (request: ApiRequest<unknown>, what: string): Promise<Outcome<Reply>> => {
    const deletion = await askFor(request)('DELETE', what);
    return isFault(deletion) ? inOldWords(deletion) : { status: 202 };
  };
  return [
    route('GET', path, {
      until,
      policy: policy('get'),
      handler: async (request) => {
        const all = await groups(request);
        return isFault(all)
          ? all
          : { status: 200, body: { security_groups: all.map((group) => groupView(group, all)) } };
      },
    }),
    route<GroupBody>('POST', path, {
      until,
      policy: policy('create'),
      body: groupBody,
      faults,
      handler: async (request) =>
        await shown(askFor(request)('POST', 'security-groups', wanted(request.body))),
    }),
    route('GET', `${path}/:group`, {
      until,
      policy: policy('show'),
      faults,
      handler: async (request) =>
        await shown(askFor(request)('GET', `security-groups/${idOf(request)}`)),
    }),
    route<GroupBody>('PUT', `${path}/:group`, {
      until,
      policy: policy('update'),
      body: groupBody,
      faults,
      handler: async (request) =>
        await shown(
          askFor(request)('PUT', `security-groups/${idOf(request)}`, wanted(request.body)),
        ),
    }),
    route('DELETE', `${path}/:group`, {
      until,
      policy: policy('delete'),
      faults,
      handler: async (request) => await deleted(request, `security-groups/${idOf(request)}`),
    }),
    route<RuleBody>('POST', '/v2.1/os-security-group-rules', {
      until,
      policy: policy('rule:create'),
      body: ruleBody,
      faults,
      handler: async (request) => {
        const rule = await documentOf<SecurityGroupRule & { security_group_id: string }>(
          'security_group_rule',
          askFor(request)('POST', 'security-group-rules', {
            security_group_rule: neutronRule(request.body),
          }),
        );
        if (isFault(rule)) return inOldWords(rule);
        const visibleGroups = await groups(request);
        if (isFault(visibleGroups)) return visibleGroups;
        return {
          status: 200,
          body: { security_group_rule: ruleView(rule.security_group_id, rule, visibleGroups) },
        };
      },
    }),
    route('DELETE', '/v2.1/os-security-group-rules/:group', {
      until,
      policy: policy('rule:delete'),
      faults,
      handler: async (request) => await deleted(request, `security-group-rules/${idOf(request)}`),
    }),
  ];
}

const wanted = ({ security_group: { name, description } }: GroupBody) => ({
  security_group: { name, ...(description == null ? {} : { description }) },
});

/**
 * Converts a rule of nova-network to Neutron's form. -1 means all ports, or all ICMP types and
 * codes.
 */
function neutronRule({
  security_group_rule: {
    parent_group_id,
    ip_protocol = null,
    from_port = null,
    to_port = null,
    cidr = null,
    group_id = null,
  },
}: RuleBody) {
  const portOf = (value: Port): number | null =>
    value === null || Number(value) === -1 ? null : Number(value);
  return {
    security_group_id: parent_group_id,
    direction: 'ingress',
    ethertype: cidr?.includes(':') ? 'IPv6' : 'IPv4',
    protocol: ip_protocol?.toLowerCase() ?? null,
    port_range_min: portOf(from_port),
    port_range_max: portOf(to_port),
    remote_group_id: group_id,
    ...(group_id === null && cidr !== null ? { remote_ip_prefix: cidr } : {}),
  };
}
