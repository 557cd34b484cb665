// For the tests of refusals: a Neutron with one object of each kind, and a table of requests that
// must be refused, with status code and fault type as in upstream (neutron_lib.exceptions,
// neutron.extensions). Each test file that imports this starts its own Neutron.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { NeutronFixture, Person } from './neutron-api.testing.ts';
import { startNeutron } from './neutron-api.testing.ts';

export const nobody = '00000000-0000-4000-8000-000000000000';
export let neutron: NeutronFixture;
export let external: Loose;
export let elsewhere: Loose;
export let network: Loose;
export let subnet: Loose;
export let port: Loose;
export let router: Loose;
export let group: Loose;
export let strange: Loose;

before(async () => {
  neutron = await startNeutron();
  const { sure } = neutron;
  external = await sure('admin', 'POST', 'networks', {
    network: {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet1',
    },
  });
  await sure('admin', 'POST', 'subnets', {
    subnet: { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false },
  });
  network = await sure('member', 'POST', 'networks', { network: { name: 'net' } });
  subnet = await sure('member', 'POST', 'subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' },
  });
  elsewhere = await sure('member', 'POST', 'subnets', {
    subnet: {
      network_id: (await sure('member', 'POST', 'networks', { network: {} })).id,
      ip_version: 4,
      cidr: '10.44.0.0/24',
    },
  });
  port = await sure('member', 'POST', 'ports', {
    port: {
      network_id: network.id,
      fixed_ips: [{ ip_address: '10.0.0.9' }],
      mac_address: 'fa:16:3e:00:00:01',
    },
  });
  router = await sure('member', 'POST', 'routers', { router: { name: 'r' } });
  await sure('member', 'PUT', `routers/${router.id}/add_router_interface`, {
    subnet_id: subnet.id,
  });
  group = await sure('member', 'POST', 'security-groups', { security_group: { name: 'web' } });
  strange = await sure('other', 'POST', 'networks', { network: { name: 'strange' } });
});
after(async () => await neutron.close());

export interface Case {
  what: string;
  who?: Person;
  method?: HttpMethod;
  path: string | (() => string);
  body?: Json | (() => Json);
  code: number;
  type: string;
}

/** Reading, changing and deleting an object that does not exist. */
export const unknownCases = (collection: string, singular: string, type: string): Case[] => {
  const path = `${collection}/${nobody}`;
  const body = { [singular]: { name: 'x' } };
  return [
    { what: 'when unknown', method: 'GET', path, code: 404, type },
    { what: 'its change when unknown', method: 'PUT', path, body, code: 404, type },
    { what: 'its deletion when unknown', method: 'DELETE', path, code: 404, type },
  ];
};

export function refuses(cases: readonly Case[]): void {
  for (const { what, who = 'member', method = 'POST', path, body, code, type } of cases) {
    it(`${what}: ${code} ${type}`, async () => {
      const answer = await neutron.ask(
        who,
        method,
        typeof path === 'string' ? path : path(),
        typeof body === 'function' ? body() : body,
      );
      assert.equal(answer.status, code, JSON.stringify(answer.body));
      assert.deepEqual(Object.keys(answer.body), ['NeutronError']);
      const { type: found, message, detail } = answer.body.NeutronError;
      assert.equal(found, type, message);
      assert.equal(detail, '');
      assert.ok(message.length > 5);
    });
  }
}
