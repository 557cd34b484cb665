// Checks security group rules and brings them into canonical form. Pure.
// https://docs.openstack.org/api-ref/network/v2/#create-security-group-rule
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { SecurityGroupRuleRow } from '../store/tables.ts';
import { canonicalIp, formatCidr, parseCidr } from './ip.ts';

/**
 * Names of protocols and their numbers, as upstream knows them.
 * https://www.iana.org/assignments/protocol-numbers
 */
const protocolNumbers: Readonly<Record<string, number>> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  hopopt: 0,
  icmp: 1,
  icmpv6: 58,
  'ipv6-icmp': 58,
  igmp: 2,
  ip: 0,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
};
const ipv6Only = new Set([41, 44, 58, 59, 60, 43]);
const withPorts = new Set([6, 17, 33, 132, 136]);
const icmp = new Set([1, 58]);

export type RuleFields = Pick<
  SecurityGroupRuleRow,
  | 'direction'
  | 'ethertype'
  | 'protocol'
  | 'port_range_min'
  | 'port_range_max'
  | 'remote_group_id'
  | 'remote_ip_prefix'
>;

/** The number of a protocol given by name or number; null: any protocol. */
export function protocolNumber(protocol: string | null): number | null {
  if (protocol === null || protocol.toLowerCase() === 'any') return null;
  return /^\d+$/.test(protocol)
    ? Number(protocol)
    : (protocolNumbers[protocol.toLowerCase()] ?? null);
}

/**
 * Rules with the same meaning get the same spelling: neutron.db.securitygroups_db,
 * _make_canonical_ethertype_and_protocol and _make_canonical_port_range.
 */
export function canonicalRule<R extends RuleFields>(rule: R): R {
  const isLegacyIcmp =
    rule.ethertype === 'IPv6' && (rule.protocol === 'icmp' || rule.protocol === 'icmpv6');
  const isWholeRange =
    rule.port_range_min === 1 &&
    rule.port_range_max === 65_535 &&
    withPorts.has(protocolNumber(rule.protocol) ?? -1);
  return {
    ...rule,
    ...(isLegacyIcmp ? { protocol: 'ipv6-icmp' } : {}),
    ...(isWholeRange ? { port_range_min: null, port_range_max: null } : {}),
    remote_ip_prefix:
      rule.remote_ip_prefix === null ? null : canonicalPrefix(rule.remote_ip_prefix),
  };
}

/**
 * The prefix with its length added, host bits kept (`normalized_cidr` has them cleared).
 * neutron.extensions.securitygroup, convert_ip_prefix_to_cidr
 */
function canonicalPrefix(text: string): string {
  const cidr = parseCidr(text);
  return cidr ? `${canonicalIp(text.split('/')[0] ?? '')}/${cidr.length}` : text;
}

export function isProtocol(text: string): boolean {
  return /^\d{1,3}$/.test(text)
    ? Number(text) <= 255
    : text.toLowerCase() === 'any' || Object.hasOwn(protocolNumbers, text.toLowerCase());
}

const refuse = (type: string, message: string) => fault('badRequest', message, { type });

/**
 * Refuses an illegal rule. `normalizedCidr`: its prefix in canonical form, or null without a
 * prefix.
 */
export function checkRule(rule: RuleFields): Outcome<{ normalizedCidr: string | null }> {
  if (rule.remote_group_id !== null && rule.remote_ip_prefix !== null)
    return refuse(
      'SecurityGroupRemoteGroupAndRemoteIpPrefix',
      'Only remote_ip_prefix or remote_group_id may be provided.',
    );
  const number = protocolNumber(rule.protocol);
  const wrongPorts = checkPorts(rule, number);
  if (wrongPorts) return wrongPorts;
  if (
    rule.ethertype === 'IPv4' &&
    number !== null &&
    ipv6Only.has(number) &&
    rule.protocol !== null
  ) {
    return refuse(
      'SecurityGroupEthertypeConflictWithProtocol',
      `Invalid ethertype ${rule.ethertype} for protocol ${rule.protocol}.`,
    );
  }
  if (rule.remote_ip_prefix === null) return { normalizedCidr: null };
  const cidr = parseCidr(rule.remote_ip_prefix);
  if (!cidr)
    return refuse('InvalidCIDR', `Invalid CIDR ${rule.remote_ip_prefix} given as IP prefix.`);
  if (`IPv${cidr.version}` !== rule.ethertype)
    return refuse(
      'SecurityGroupRuleParameterConflict',
      `Conflicting value ethertype ${rule.ethertype} for CIDR ${rule.remote_ip_prefix}`,
    );
  return { normalizedCidr: formatCidr(cidr) };
}

function checkPorts(
  { port_range_min: min, port_range_max: max, protocol }: RuleFields,
  number: number | null,
) {
  if (min === null && max === null) return undefined;
  const wrong = [min, max].find((value) => value !== null && (value < 0 || value > 65_535));
  if (wrong != null)
    return refuse('SecurityGroupInvalidPortValue', `Invalid value for port ${wrong}`);
  if (number === null)
    return refuse(
      'SecurityGroupProtocolRequiredWithPorts',
      'Must also specify protocol if port range is given.',
    );
  if (icmp.has(number)) {
    if (max !== null && min === null)
      return refuse(
        'SecurityGroupMissingIcmpType',
        `ICMP code (port-range-max) ${max} is provided but ICMP type (port-range-min) is missing.`,
      );
    for (const [field, attribute, value] of [
      ['ICMP type', 'port-range-min', min],
      ['ICMP code', 'port-range-max', max],
    ] as const) {
      if (value !== null && (value < 0 || value > 255))
        return refuse(
          'SecurityGroupInvalidIcmpValue',
          `Invalid value for ${field} (${attribute}) ${value}. It must be 0 to 255.`,
        );
    }
    return undefined;
  }
  if (!withPorts.has(number))
    return refuse(
      'SecurityGroupInvalidProtocolForPort',
      `Invalid protocol ${protocol} for port range, only supported for TCP, UDP, UDPLITE, SCTP and DCCP.`,
    );
  // Both ends of the range are required, as upstream.
  const inRange = (value: number | null): boolean =>
    value !== null && value >= 1 && value <= 65_535;
  if (!inRange(min) || !inRange(max) || (min ?? 0) > (max ?? 0))
    return refuse(
      'SecurityGroupInvalidPortRange',
      'For TCP/UDP protocols, port_range_min must be <= port_range_max',
    );
  return undefined;
}

/** Whether two rules have the same effect. */
export function sameRule(
  a: RuleFields & { normalized_cidr: string | null },
  b: RuleFields & { normalized_cidr: string | null },
): boolean {
  const anywhere = (prefix: string | null): string | null =>
    prefix === '0.0.0.0/0' || prefix === '::/0' ? null : prefix;
  return (
    a.direction === b.direction &&
    a.ethertype === b.ethertype &&
    protocolNumber(a.protocol) === protocolNumber(b.protocol) &&
    a.port_range_min === b.port_range_min &&
    a.port_range_max === b.port_range_max &&
    a.remote_group_id === b.remote_group_id &&
    anywhere(a.normalized_cidr) === anywhere(b.normalized_cidr)
  );
}
