// Ids in request bodies that name no object, or one of another project: upstream's code and fault
// type for each such field of each resource.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { NeutronFixture } from './neutron-api.testing.ts';
import { startNeutron } from './neutron-api.testing.ts';

const nobody = '00000000-0000-4000-8000-000000000000';
let neutron: NeutronFixture;
/**
 * Objects of the calling member (`own`), of another project (`strange`), of the operator
 * (`external`).
 */
const own: Record<string, Loose> = {};
const strange: Record<string, Loose> = {};
let external: Loose;
let bare: Loose;

before(async () => {
  neutron = await startNeutron();
  const { sure } = neutron;
  const outside = { 'router:external': true, 'provider:network_type': 'flat' };
  external = await sure('admin', 'POST', 'networks', {
    network: { ...outside, 'provider:physical_network': 'physnet1' },
  });
  await sure('admin', 'POST', 'subnets', {
    subnet: { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false },
  });
  bare = await sure('admin', 'POST', 'networks', { network: { 'router:external': true } });
  for (const [things, who, net] of [
    [own, 'member', '10.0.0.0/24'],
    [strange, 'other', '10.7.0.0/24'],
  ] as const) {
    things['network'] = await sure(who, 'POST', 'networks', { network: {} });
    things['subnet'] = await sure(who, 'POST', 'subnets', {
      subnet: { network_id: things['network'].id, ip_version: 4, cidr: net },
    });
    things['port'] = await sure(who, 'POST', 'ports', {
      port: { network_id: things['network'].id },
    });
    things['router'] = await sure(who, 'POST', 'routers', { router: {} });
    things['group'] = await sure(who, 'POST', 'security-groups', {
      security_group: { name: 'web' },
    });
    things['pool'] = await sure(who, 'POST', 'subnetpools', {
      subnetpool: { name: 'p', prefixes: ['10.64.0.0/16'] },
    });
  }
});
after(async () => await neutron.close());

const refused = async (
  method: HttpMethod,
  path: string,
  body: Json,
  who: 'member' | 'admin' = 'member',
): Promise<[number, string]> => {
  const answer = await neutron.ask(who, method, path, body);
  return [answer.status, answer.body.NeutronError?.type];
};

describe("an id that is unknown or another project's", () => {
  const fields: [
    what: string,
    type: string,
    kind: string,
    send: (id: string) => Promise<[number, string]>,
  ][] = [
    [
      'network of a port',
      'NetworkNotFound',
      'network',
      async (id) => await refused('POST', 'ports', { port: { network_id: id } }),
    ],
    [
      'network of a subnet',
      'NetworkNotFound',
      'network',
      async (id) =>
        await refused('POST', 'subnets', {
          subnet: { network_id: id, ip_version: 4, cidr: '10.9.0.0/24' },
        }),
    ],
    [
      'network of a floating IP',
      'NetworkNotFound',
      'network',
      async (id) =>
        await refused('POST', 'floatingips', { floatingip: { floating_network_id: id } }),
    ],
    [
      'network of a gateway',
      'NetworkNotFound',
      'network',
      async (id) =>
        await refused('PUT', `routers/${own['router'].id}`, {
          router: { external_gateway_info: { network_id: id } },
        }),
    ],
    [
      'subnet in fixed_ips',
      'SubnetNotFound',
      'subnet',
      async (id) =>
        await refused('POST', 'ports', {
          port: { network_id: own['network'].id, fixed_ips: [{ subnet_id: id }] },
        }),
    ],
    [
      'subnet with an address in fixed_ips',
      'SubnetNotFound',
      'subnet',
      async (id) =>
        await refused('POST', 'ports', {
          port: {
            network_id: own['network'].id,
            fixed_ips: [{ subnet_id: id, ip_address: '10.0.0.77' }],
          },
        }),
    ],
    [
      'subnet in fixed_ips of a change',
      'SubnetNotFound',
      'subnet',
      async (id) =>
        await refused('PUT', `ports/${own['port'].id}`, {
          port: { fixed_ips: [{ subnet_id: id }] },
        }),
    ],
    [
      "subnet of a router's interface",
      'SubnetNotFound',
      'subnet',
      async (id) =>
        await refused('PUT', `routers/${own['router'].id}/add_router_interface`, { subnet_id: id }),
    ],
    [
      'subnet of an interface that goes',
      'SubnetNotFound',
      'subnet',
      async (id) =>
        await refused('PUT', `routers/${own['router'].id}/remove_router_interface`, {
          subnet_id: id,
        }),
    ],
    [
      "port of a router's interface",
      'PortNotFound',
      'port',
      async (id) =>
        await refused('PUT', `routers/${own['router'].id}/add_router_interface`, { port_id: id }),
    ],
    [
      'port of a floating IP',
      'PortNotFound',
      'port',
      async (id) =>
        await refused('POST', 'floatingips', {
          floatingip: { floating_network_id: external.id, port_id: id },
        }),
    ],
    [
      'security group of a port',
      'SecurityGroupNotFound',
      'group',
      async (id) =>
        await refused('POST', 'ports', {
          port: { network_id: own['network'].id, security_groups: [id] },
        }),
    ],
    [
      'security group of a change',
      'SecurityGroupNotFound',
      'group',
      async (id) =>
        await refused('PUT', `ports/${own['port'].id}`, { port: { security_groups: [id] } }),
    ],
    [
      'security group of a rule',
      'SecurityGroupNotFound',
      'group',
      async (id) =>
        await refused('POST', 'security-group-rules', {
          security_group_rule: { security_group_id: id, direction: 'ingress' },
        }),
    ],
    [
      'remote group of a rule',
      'SecurityGroupNotFound',
      'group',
      async (id) =>
        await refused('POST', 'security-group-rules', {
          security_group_rule: {
            security_group_id: own['group'].id,
            direction: 'ingress',
            remote_group_id: id,
          },
        }),
    ],
    [
      'pool of a subnet',
      'SubnetPoolNotFound',
      'pool',
      async (id) =>
        await refused('POST', 'subnets', {
          subnet: { network_id: own['network'].id, ip_version: 4, subnetpool_id: id },
        }),
    ],
  ];
  for (const [what, type, kind, send] of fields) {
    it(`as the ${what} is a 404 ${type}`, async () => {
      assert.deepEqual(await send(nobody), [404, type]);
      assert.deepEqual(await send(strange[kind].id), [404, type]);
    });
  }
  it("as the subnet of a floating IP or of a gateway is a 404 SubnetNotFound, another network's a 400", async () => {
    const floating = async (id: string) =>
      await refused('POST', 'floatingips', {
        floatingip: { floating_network_id: external.id, subnet_id: id },
      });
    const gateway = async (id: string) =>
      await refused(
        'PUT',
        `routers/${own['router'].id}`,
        {
          router: {
            external_gateway_info: {
              network_id: external.id,
              external_fixed_ips: [{ subnet_id: id }],
            },
          },
        },
        'admin',
      );
    for (const send of [floating, gateway])
      assert.deepEqual(
        [await send(nobody), await send(own['subnet'].id)],
        [
          [404, 'SubnetNotFound'],
          [400, 'InvalidInput'],
        ],
      );
  });
  it('of what this cloud does not offer is an unknown attribute', async () => {
    assert.deepEqual(
      await refused('POST', 'ports', {
        port: { network_id: own['network'].id, qos_policy_id: nobody },
      }),
      [400, 'HTTPBadRequest'],
    );
    assert.deepEqual(
      await refused('POST', 'subnetpools', {
        subnetpool: { name: 'q', prefixes: ['10.65.0.0/16'], address_scope_id: nobody },
      }),
      [400, 'HTTPBadRequest'],
    );
  });
});

describe("a router's gateway on an external network without subnets", () => {
  it('is allowed, has no address, and gets one of each family with the first subnets', async () => {
    const { sure } = neutron;
    const { id } = await sure('member', 'POST', 'routers', {
      router: { external_gateway_info: { network_id: bare.id } },
    });
    const info = async () => (await sure('member', 'GET', `routers/${id}`)).external_gateway_info;
    assert.deepEqual(await info(), {
      network_id: bare.id,
      enable_snat: true,
      external_fixed_ips: [],
    });
    const subnet = async (cidr: string, version: number) =>
      await sure('admin', 'POST', 'subnets', {
        subnet: { network_id: bare.id, ip_version: version, cidr, enable_dhcp: false },
      });
    const first = await subnet('192.0.2.0/24', 4);
    await subnet('198.51.100.0/24', 4);
    const sixth = await subnet('2001:db8:9::/64', 6);
    assert.deepEqual(
      (await info()).external_fixed_ips.map(({ subnet_id }: Loose) => subnet_id).sort(),
      [first.id, sixth.id].sort(),
    );
    assert.equal(
      (
        await neutron.ask('member', 'PUT', `routers/${id}`, {
          router: { external_gateway_info: null },
        })
      ).status,
      200,
    );
  });
});
