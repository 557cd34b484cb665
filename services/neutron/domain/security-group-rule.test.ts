import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { anyIngress } from './security-group-rule.testing.ts';
import type { RuleFields } from './security-group-rule.ts';
import { checkRule, isProtocol, protocolNumber, sameRule } from './security-group-rule.ts';

const rule = (fields: Partial<RuleFields>): RuleFields => ({
  ...anyIngress,
  ...fields,
});
const typeOf = (fields: Partial<RuleFields>): string | undefined => {
  const checked = checkRule(rule(fields));
  return isFault(checked) ? checked.detail['type'] : 'fine';
};

describe('a rule', () => {
  for (const [what, fields, type] of [
    ['for all', {}, 'fine'],
    ['for a port range', { protocol: 'tcp', port_range_min: 80, port_range_max: 90 }, 'fine'],
    [
      'for a protocol number with ports',
      { protocol: '6', port_range_min: 1, port_range_max: 1 },
      'fine',
    ],
    ['for an ICMP type', { protocol: 'icmp', port_range_min: 8 }, 'fine'],
    [
      'for an ICMP type and code',
      { protocol: 'icmp', port_range_min: 0, port_range_max: 0 },
      'fine',
    ],
    ['for IPv6 ICMP', { ethertype: 'IPv6', protocol: 'ipv6-icmp', port_range_min: 128 }, 'fine'],
    ['for a prefix', { remote_ip_prefix: '10.0.0.9/8' }, 'fine'],
    [
      'with a group and a prefix',
      { remote_group_id: 'g', remote_ip_prefix: '10.0.0.0/8' },
      'SecurityGroupRemoteGroupAndRemoteIpPrefix',
    ],
    [
      'with ports of no protocol',
      { port_range_min: 80, port_range_max: 80 },
      'SecurityGroupProtocolRequiredWithPorts',
    ],
    [
      'with ports of GRE',
      { protocol: 'gre', port_range_min: 1, port_range_max: 2 },
      'SecurityGroupInvalidProtocolForPort',
    ],
    [
      'with ports turned round',
      { protocol: 'tcp', port_range_min: 90, port_range_max: 80 },
      'SecurityGroupInvalidPortRange',
    ],
    [
      'with one end of a range',
      { protocol: 'udp', port_range_min: 90 },
      'SecurityGroupInvalidPortRange',
    ],
    [
      'with a port below 0',
      { protocol: 'tcp', port_range_min: -16, port_range_max: 80 },
      'SecurityGroupInvalidPortValue',
    ],
    [
      'with a port beyond',
      { protocol: 'tcp', port_range_min: 80, port_range_max: 65_536 },
      'SecurityGroupInvalidPortValue',
    ],
    [
      'with port 0',
      { protocol: 'tcp', port_range_min: 0, port_range_max: 10 },
      'SecurityGroupInvalidPortRange',
    ],
    [
      'with an ICMP code alone',
      { protocol: 'icmp', port_range_max: 0 },
      'SecurityGroupMissingIcmpType',
    ],
    [
      'with an ICMP type beyond a byte',
      { protocol: 'icmp', port_range_min: 256 },
      'SecurityGroupInvalidIcmpValue',
    ],
    ['of IPv4 for ICMPv6', { protocol: 'ipv6-icmp' }, 'SecurityGroupEthertypeConflictWithProtocol'],
    [
      'of IPv4 with an IPv6 prefix',
      { remote_ip_prefix: '2001:db8::/32' },
      'SecurityGroupRuleParameterConflict',
    ],
    ['with a wrong prefix', { remote_ip_prefix: '10.0.0.0/99' }, 'InvalidCIDR'],
  ] as const) {
    it(`${what}: ${type}`, () => assert.equal(typeOf(fields), type));
  }
  it('has one spelling of its prefix', () =>
    assert.deepEqual(checkRule(rule({ remote_ip_prefix: '10.1.2.3/8' })), {
      normalizedCidr: '10.0.0.0/8',
    }));
});

describe('two rules', () => {
  const full = (fields: Partial<RuleFields> & { normalized_cidr?: string | null }) => ({
    normalized_cidr: null,
    ...rule(fields),
    ...fields,
  });
  it("are the same by a protocol's name and number", () =>
    assert.ok(sameRule(full({ protocol: 'tcp' }), full({ protocol: '6' }))));
  it('are the same from everywhere and from no prefix', () =>
    assert.ok(sameRule(full({ normalized_cidr: '0.0.0.0/0' }), full({}))));
  it('differ by direction, family and ports', () => {
    for (const fields of [
      { direction: 'egress' as const },
      { ethertype: 'IPv6' as const },
      { protocol: 'udp' },
      { port_range_min: 1 },
    ])
      assert.ok(!sameRule(full(fields), full({})));
  });
});

it('a protocol is a known name or a byte', () => {
  assert.deepEqual(['tcp', 'TCP', '0', '255', 'vrrp', 'any'].map(isProtocol), [
    true,
    true,
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(['256', '-1', 'constructor', 'tpc', ''].map(isProtocol), [
    false,
    false,
    false,
    false,
    false,
  ]);
  assert.deepEqual(
    [protocolNumber('icmpv6'), protocolNumber('any'), protocolNumber(null), protocolNumber('17')],
    [58, null, null, 17],
  );
});
