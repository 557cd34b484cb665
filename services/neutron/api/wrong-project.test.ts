// A port's device_id is written by tenants, and Neutron asks no other service about it: a port of
// one project that names another project's router or server must not affect that router or server.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { NeutronFixture } from './neutron-api.testing.ts';
import { startNeutron } from './neutron-api.testing.ts';

const serverId = '22222222-2222-4222-8222-222222222222';

describe('a port of another project', () => {
  let neutron: NeutronFixture;
  let { ask, sure } = {} as NeutronFixture;
  let router: Loose;
  let network: Loose;
  let subnet: Loose;
  before(async () => {
    neutron = await startNeutron();
    ({ ask, sure } = neutron);
    router = await sure('member', 'POST', 'routers', { router: {} });
    network = await sure('other', 'POST', 'networks', { network: {} });
    subnet = await sure('other', 'POST', 'subnets', {
      subnet: { network_id: network.id, ip_version: 4, cidr: '10.7.0.0/24' },
    });
  });
  after(async () => await neutron.close());
  const post = async (port: object): Promise<Loose> =>
    await ask('other', 'POST', 'ports', { port: { network_id: network.id, ...port } });

  it("is not made, nor turned into, an interface of this project's router", async () => {
    for (const device_owner of ['network:router_interface', 'network:router_gateway']) {
      assert.equal((await post({ device_owner, device_id: router.id })).status, 403);
      const own = (await post({})).body.port;
      const change = { port: { device_owner, device_id: router.id } };
      assert.equal((await ask('other', 'PUT', `ports/${own.id}`, change)).status, 403);
    }
    assert.deepEqual(
      (await ask('admin', 'GET', `ports?device_id=${router.id}`)).body.ports,
      [],
      'the router has no interfaces',
    );
    const body = { subnet_id: subnet.id };
    assert.equal(
      (await ask('other', 'PUT', `routers/${router.id}/add_router_interface`, body)).status,
      404,
    );
  });

  it("that names this project's server is shown to its own project alone", async () => {
    const { id } = (await post({ device_owner: 'compute:nova', device_id: serverId })).body.port;
    const idsFor = async (who: 'member' | 'other'): Promise<string[]> =>
      (await ask(who, 'GET', `ports?device_id=${serverId}`)).body.ports.map(
        (port: Loose) => port.id,
      );
    assert.deepEqual([await idsFor('member'), await idsFor('other')], [[], [id]]);
  });

  it('takes no floating IP of this project', async () => {
    const outside = await sure('admin', 'POST', 'networks', {
      network: { 'router:external': true },
    });
    await sure('admin', 'POST', 'subnets', {
      subnet: { network_id: outside.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false },
    });
    const { id } = (await post({ device_owner: 'compute:nova', device_id: serverId })).body.port;
    const wanted = { floatingip: { floating_network_id: outside.id, port_id: id } };
    assert.equal((await ask('member', 'POST', 'floatingips', wanted)).status, 404);
  });
});
