// A security group as an OVN port group with one ACL per rule. Pure. Matches: ovn-sb(5),
// Logical_Flow.match; address sets that OVN derives from port groups: ovn-nb(5), Port_Group.
import type { SdnRow } from '#ports/sdn.ts';
import type { GroupFacts, RuleFacts } from '../domain/sdn-facts.ts';
import { protocolNumber } from '../domain/security-group-rule.ts';
import { dropGroupName, groupName, ownerName } from './names.ts';

const dropPriority = 1001;
const allowPriority = 1002;

/**
 * The port group of all ports with port security; its ACLs drop what no rule allows. It belongs to
 * no Neutron object.
 */
export const dropGroupKey = 'drop-group';

const dropGroupAcl = (
  name: string,
  columns: {
    direction: 'to-lport' | 'from-lport';
    action: 'allow' | 'drop';
    priority: number;
    match: string;
  },
): SdnRow => ({
  table: 'ACL',
  key: `${dropGroupKey}#${name}`,
  columns: {
    ...columns,
    match: `${columns.direction === 'to-lport' ? 'outport' : 'inport'} == @${dropGroupName} && ${columns.match}`,
  },
  in: [{ place: 'Port_Group.acls', key: dropGroupKey }],
});
export const dropGroupRows: readonly SdnRow[] = [
  { table: 'Port_Group', key: dropGroupKey, columns: { name: dropGroupName } },
  dropGroupAcl('to-lport', {
    direction: 'to-lport',
    priority: dropPriority,
    action: 'drop',
    match: 'ip',
  }),
  dropGroupAcl('from-lport', {
    direction: 'from-lport',
    priority: dropPriority,
    action: 'drop',
    match: 'ip',
  }),
  // A guest's request to OVN's own DHCP server passes the ACLs first, so it must be allowed here;
  // northd by itself lets only the answers pass (tried: ovn-trace.test.ts).
  dropGroupAcl('dhcp4', {
    direction: 'from-lport',
    priority: allowPriority,
    action: 'allow',
    match: 'ip4 && udp && udp.src == 68 && udp.dst == 67',
  }),
  dropGroupAcl('dhcp6', {
    direction: 'from-lport',
    priority: allowPriority,
    action: 'allow',
    match: 'ip6 && udp && udp.src == 546 && udp.dst == 547',
  }),
];

export function groupRows(group: GroupFacts): SdnRow[] {
  const key = ownerName('security_group', group.id);
  return [
    {
      table: 'Port_Group',
      key,
      columns: {
        name: groupName(group.id),
        external_ids: {
          'neutron:security_group_id': group.id,
          'neutron:security_group_name': group.name,
        },
      },
    },
    ...group.rules.map((rule): SdnRow => ({
      table: 'ACL',
      key: `${key}#${rule.id}`,
      columns: {
        direction: rule.direction === 'ingress' ? 'to-lport' : 'from-lport',
        priority: allowPriority,
        match: matchOf(group.id, rule),
        action: group.stateful ? 'allow-related' : 'allow-stateless',
        external_ids: { 'neutron:security_group_rule_id': rule.id },
      },
      in: [{ place: 'Port_Group.acls', key }],
    })),
  ];
}

export function matchOf(groupId: string, rule: RuleFacts): string {
  const [port, remote] = rule.direction === 'ingress' ? ['outport', 'src'] : ['inport', 'dst'];
  const ip = `ip${rule.version}`;
  const parts = [`${port} == @${groupName(groupId)}`, ip];
  if (rule.remoteCidr !== null && !rule.remoteCidr.endsWith('/0'))
    parts.push(`${ip}.${remote} == ${rule.remoteCidr}`);
  if (rule.remoteGroupId !== null)
    parts.push(`${ip}.${remote} == $${groupName(rule.remoteGroupId)}_${ip}`);
  return [...parts, ...protocolMatch(rule)].join(' && ');
}

const withPorts: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

function protocolMatch({ version, protocol, portMin, portMax }: RuleFacts): string[] {
  const number = protocolNumber(protocol);
  if (number === null || number === 0) return [];
  if (number === 1 || number === 58) {
    // ICMP of the rule's IP version, whichever name or number the rule has
    const icmp = `icmp${version}`;
    return [
      icmp,
      ...(portMin === null ? [] : [`${icmp}.type == ${portMin}`]),
      ...(portMax === null ? [] : [`${icmp}.code == ${portMax}`]),
    ];
  }
  const name = withPorts[number];
  if (name === undefined) return [`ip.proto == ${number}`];
  if (portMin === null && portMax === null) return [name];
  if (portMin === portMax) return [name, `${name}.dst == ${portMin}`];
  return [
    name,
    ...(portMin === null ? [] : [`${name}.dst >= ${portMin}`]),
    ...(portMax === null ? [] : [`${name}.dst <= ${portMax}`]),
  ];
}
