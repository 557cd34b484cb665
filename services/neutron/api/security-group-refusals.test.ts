// The refusals of security group requests, and of what exceeds a quota, each with its status code
// and fault type.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { projectOf } from './neutron-api.testing.ts';
import { neutron, external, network, port, group, nobody, refuses } from './refusals.testing.ts';

describe('a security group or rule is refused', () => {
  const rule = (fields: Record<string, Json>) => () => ({
    security_group_rule: { security_group_id: group.id, direction: 'ingress', ...fields },
  });
  refuses([
    {
      what: 'with the name default',
      path: 'security-groups',
      body: { security_group: { name: 'default' } },
      code: 409,
      type: 'SecurityGroupDefaultAlreadyExists',
    },
    {
      what: 'renamed to default',
      method: 'PUT',
      path: () => `security-groups/${group.id}`,
      body: { security_group: { name: 'default' } },
      code: 409,
      type: 'SecurityGroupDefaultAlreadyExists',
    },
    {
      what: 'when unknown',
      method: 'DELETE',
      path: `security-groups/${nobody}`,
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: 'in an unknown group',
      path: 'security-group-rules',
      body: { security_group_rule: { security_group_id: nobody, direction: 'ingress' } },
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: 'from an unknown group',
      path: 'security-group-rules',
      body: rule({ remote_group_id: nobody }),
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: "from what is no group's id",
      path: 'security-group-rules',
      body: rule({ remote_group_id: 'bad_group_id' }),
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: 'with a wrong protocol',
      path: 'security-group-rules',
      body: rule({ protocol: 'bad_protocol_name' }),
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a wrong ethertype',
      path: 'security-group-rules',
      body: rule({ ethertype: 'IPv5' }),
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a wrong direction',
      path: 'security-group-rules',
      body: rule({ direction: 'up' }),
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a wrong prefix',
      path: 'security-group-rules',
      body: rule({ protocol: 'tcp', remote_ip_prefix: '192.168.1./24' }),
      code: 400,
      type: 'InvalidCIDR',
    },
    {
      what: 'with a group and a prefix',
      path: 'security-group-rules',
      body: () => rule({ remote_ip_prefix: '10.0.0.0/8', remote_group_id: group.id })(),
      code: 400,
      type: 'SecurityGroupRemoteGroupAndRemoteIpPrefix',
    },
    {
      what: 'with a port beyond',
      path: 'security-group-rules',
      body: rule({ protocol: 'tcp', port_range_min: 80, port_range_max: 65_536 }),
      code: 400,
      type: 'SecurityGroupInvalidPortValue',
    },
    {
      what: 'with a range turned round',
      path: 'security-group-rules',
      body: rule({ protocol: 'tcp', port_range_min: 80, port_range_max: 79 }),
      code: 400,
      type: 'SecurityGroupInvalidPortRange',
    },
    {
      what: 'when unknown',
      method: 'GET',
      path: `security-group-rules/${nobody}`,
      code: 404,
      type: 'SecurityGroupRuleNotFound',
    },
  ]);
  it('twice: 409 SecurityGroupRuleExists', async () => {
    const ssh = rule({ protocol: 'tcp', port_range_min: 22, port_range_max: 22 })();
    await neutron.sure('member', 'POST', 'security-group-rules', ssh);
    const answer = await neutron.ask('member', 'POST', 'security-group-rules', ssh);
    assert.deepEqual(
      [answer.status, answer.body.NeutronError.type],
      [409, 'SecurityGroupRuleExists'],
    );
  });
  it('deleted while a port is in it: 409 SecurityGroupInUse', async () => {
    await neutron.sure('member', 'PUT', `ports/${port.id}`, {
      port: { security_groups: [group.id] },
    });
    const answer = await neutron.ask('member', 'DELETE', `security-groups/${group.id}`);
    assert.deepEqual([answer.status, answer.body.NeutronError.type], [409, 'SecurityGroupInUse']);
  });
  it('renamed or deleted when it is the default one: 409', async () => {
    const [own] = await neutron.sure('member', 'GET', 'security-groups?name=default');
    const renamed = await neutron.ask('member', 'PUT', `security-groups/${own.id}`, {
      security_group: { name: 'other' },
    });
    assert.deepEqual(
      [renamed.status, renamed.body.NeutronError.type],
      [409, 'SecurityGroupCannotUpdateDefault'],
    );
    const deleted = await neutron.ask('member', 'DELETE', `security-groups/${own.id}`);
    assert.deepEqual(
      [deleted.status, deleted.body.NeutronError.type],
      [409, 'SecurityGroupCannotRemoveDefault'],
    );
  });
});

describe('what would exceed a quota', () => {
  const kinds: readonly [quota: string, path: string, body: () => Json][] = [
    ['network', 'networks', () => ({ network: {} })],
    [
      'subnet',
      'subnets',
      () => ({ subnet: { network_id: network.id, ip_version: 4, cidr: '10.44.0.0/24' } }),
    ],
    ['port', 'ports', () => ({ port: { network_id: network.id } })],
    ['router', 'routers', () => ({ router: {} })],
    ['floatingip', 'floatingips', () => ({ floatingip: { floating_network_id: external.id } })],
    ['security_group', 'security-groups', () => ({ security_group: { name: 'g' } })],
    [
      'security_group_rule',
      'security-group-rules',
      () => ({
        security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol: 'udp' },
      }),
    ],
    ['subnetpool', 'subnetpools', () => ({ subnetpool: { name: 'p', prefixes: ['10.0.0.0/8'] } })],
  ];
  for (const [quota, path, body] of kinds) {
    it(`of ${quota} is refused: 409 OverQuota`, async () => {
      await neutron.sure('admin', 'PUT', `quotas/${projectOf('member')}`, {
        quota: { [quota]: 0 },
      });
      const answer = await neutron.ask('member', 'POST', path, body());
      assert.deepEqual(
        [answer.status, answer.body.NeutronError.type, answer.body.NeutronError.message],
        [409, 'OverQuota', `Quota exceeded for resources: ['${quota}'].`],
      );
      await neutron.sure('admin', 'DELETE', `quotas/${projectOf('member')}`);
    });
  }
});
