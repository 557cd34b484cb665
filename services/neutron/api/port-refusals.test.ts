// The refusals of port requests, each with its status code and fault type.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import {
  neutron,
  external,
  elsewhere,
  network,
  subnet,
  port,
  router,
  group,
  strange,
  nobody,
  refuses,
  unknownCases,
} from './refusals.testing.ts';

describe('a port is refused', () => {
  const on = (fields: Record<string, Json>) => () => ({
    port: { network_id: network.id, ...fields },
  });
  refuses([
    {
      what: 'on an unknown network',
      path: 'ports',
      body: { port: { network_id: nobody } },
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: "on another's network",
      path: 'ports',
      body: () => ({ port: { network_id: strange.id } }),
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: 'on the external network as a member',
      path: 'ports',
      body: () => ({ port: { network_id: external.id } }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'with an address outside',
      path: 'ports',
      body: on({ fixed_ips: [{ ip_address: '10.8.0.5' }] }),
      code: 400,
      type: 'InvalidIpForNetwork',
    },
    {
      what: 'with an address outside of its subnet',
      path: 'ports',
      body: () => ({
        port: {
          network_id: network.id,
          fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.8.0.5' }],
        },
      }),
      code: 400,
      type: 'InvalidIpForSubnet',
    },
    {
      what: 'with the broadcast address',
      path: 'ports',
      body: on({ fixed_ips: [{ ip_address: '10.0.0.255' }] }),
      code: 400,
      type: 'InvalidIpForSubnet',
    },
    {
      what: 'with a subnet of another network',
      path: 'ports',
      body: () => ({ port: { network_id: network.id, fixed_ips: [{ subnet_id: elsewhere.id }] } }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with an address that is taken',
      path: 'ports',
      body: on({ fixed_ips: [{ ip_address: '10.0.0.9' }] }),
      code: 409,
      type: 'IpAddressAlreadyAllocated',
    },
    {
      what: 'with an address twice',
      path: 'ports',
      body: on({ fixed_ips: [{ ip_address: '10.0.0.99' }, { ip_address: '10.0.0.99' }] }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with a MAC that is taken',
      path: 'ports',
      body: on({ mac_address: 'FA:16:3e:00:00:01' }),
      code: 409,
      type: 'MacAddressInUse',
    },
    {
      what: 'with an unknown security group',
      path: 'ports',
      body: on({ security_groups: [nobody] }),
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: 'with a group but no security',
      path: 'ports',
      body: () => ({
        port: { network_id: network.id, port_security_enabled: false, security_groups: [group.id] },
      }),
      code: 400,
      type: 'PortSecurityAndIPRequiredForSecurityGroups',
    },
    {
      what: 'with address pairs but no security',
      path: 'ports',
      body: on({
        port_security_enabled: false,
        allowed_address_pairs: [{ ip_address: '10.0.0.0/8' }],
      }),
      code: 409,
      type: 'AddressPairAndPortSecurityRequired',
    },
    {
      what: "as a router's",
      path: 'ports',
      body: on({ device_owner: 'network:router_interface' }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'bound by a member',
      path: 'ports',
      body: on({ 'binding:host_id': 'h1' }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'without security while it has groups',
      method: 'PUT',
      path: () => `ports/${port.id}`,
      body: { port: { port_security_enabled: false } },
      code: 409,
      type: 'PortSecurityPortHasSecurityGroup',
    },
    ...unknownCases('ports', 'port', 'PortNotFound'),
  ]);
  it("another device or address while it is a router's: 400 BadRequest", async () => {
    const [plugged] = await neutron.sure('member', 'GET', `ports?device_id=${router.id}`);
    for (const change of [{ device_id: '' }, { device_owner: '' }, { fixed_ips: [] }]) {
      const answer = await neutron.ask('member', 'PUT', `ports/${plugged.id}`, { port: change });
      assert.deepEqual([answer.status, answer.body.NeutronError.type], [400, 'BadRequest']);
    }
    assert.equal(
      (
        await neutron.sure('member', 'PUT', `ports/${plugged.id}`, {
          port: { name: 'uplink', device_id: router.id },
        })
      ).name,
      'uplink',
    );
  });
  it("its deletion while it is a router's: 409 ServicePortInUse", async () => {
    const [plugged] = await neutron.sure('member', 'GET', `ports?device_id=${router.id}`);
    const answer = await neutron.ask('member', 'DELETE', `ports/${plugged.id}`);
    assert.deepEqual([answer.status, answer.body.NeutronError.type], [409, 'ServicePortInUse']);
  });
});
