// Neutron's rows in a real northd: guests' packets are traced by ovn-trace through security groups,
// routers, NAT and DHCP, without any host.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPrivateOvn, whyNoOvn, type PrivateOvn } from '#adapters/ovsdb/ovn.testing.ts';
import { isFault } from '#contracts/common/fault.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Sdn } from '#ports/sdn.ts';
import { neutronDefaults } from '../deps.ts';
import type { NetworkRow, PortRow, RouterRow, SubnetRow } from '../store/tables.ts';
import { NeutronWorld, wakeWriter } from './neutron-tables.testing.ts';
import { createNeutronOvnWriter, type OvnWriterRole } from './role.ts';

/** ovn-trace shortens UUIDs. */
const outputTo = ({ id }: { id: string }): string => `output("${id.slice(0, 6)}")`;

describe('Neutron on a real OVN', { skip: (await whyNoOvn()) ?? false }, () => {
  let ovn: PrivateOvn;
  let world: NeutronWorld;
  let side: OvnWriterRole;
  let sdn: Sdn;
  let [blue, red, outside]: NetworkRow[] = [];
  let [blueSubnet, blue6, redSubnet, publicSubnet]: SubnetRow[] = [];
  let web: PortRow, client: PortRow, stranger: PortRow, far: PortRow, leg: PortRow;
  let router: RouterRow;
  let webGroup: string;

  const settled = async (): Promise<void> => {
    wakeWriter(side);
    await eventually(
      async () => {
        const audit = await side.audit();
        return (
          !isFault(audit) &&
          audit.pending === 0 &&
          audit.inserted + audit.updated + audit.deleted === 0
        );
      },
      { withinMs: 10_000, what: 'all is written' },
    );
    await ovn.settled(sdn);
  };
  const legOf = async (network: NetworkRow, deviceOwner: string): Promise<PortRow> =>
    await world.database.db
      .selectFrom('ports')
      .selectAll()
      .where('network_id', '=', network.id)
      .where('device_owner', '=', deviceOwner)
      .executeTakeFirstOrThrow();
  /** Whether a packet sent by one port is delivered to another. */
  const arrives = async (
    from: PortRow,
    fromIp: string,
    hop: { mac: string },
    toIp: string,
    match: string,
    at: string,
  ): Promise<boolean> => {
    const v = toIp.includes(':') ? 'ip6' : 'ip4';
    const network = [blue, red, outside].find((each) => each?.id === from.network_id);
    const trace = await ovn.trace(
      `neutron-${network?.id}`,
      `inport == "${from.id}" && eth.src == ${from.mac_address} && eth.dst == ${hop.mac} && ${v}.src == ${fromIp} && ${v}.dst == ${toIp} && ip.ttl == 64 && ${match}`,
    );
    return trace.includes(outputTo({ id: at }));
  };

  const routedToWeb = async (match: string) => {
    const redLeg = await legOf(red as NetworkRow, 'network:router_interface');
    const hop = { mac: redLeg.mac_address };
    return await arrives(far, '10.1.0.5', hop, '10.0.0.5', match, web.id);
  };

  before(async () => {
    [ovn, world] = await Promise.all([startPrivateOvn(), NeutronWorld.open()]);
    await Promise.all([ovn.addChassis('h1', 'physnet1:br-ex'), ovn.addChassis('h2', '')]);
    side = createNeutronOvnWriter({
      database: world.database,
      clock: systemClock,
      ids: systemIds,
      log: silentLog,
      config: neutronDefaults,
      session: { token: async () => 'token', renew: () => undefined },
      http: { send: async () => ({ status: 200, headers: {}, body: {}, stream: undefined }) },
      bus: createInProcessBus({ log: silentLog, clock: systemClock, ids: systemIds }),
      openSdn: (listeners) => (sdn = ovn.open(listeners)),
    });
    for (const task of side.tasks) if (task.atStart) await task.run(new AbortController().signal);
    [blue, red, outside] = [
      await world.network(),
      await world.network(),
      await world.network({
        network_type: 'flat',
        physical_network: 'physnet1',
        external: 1,
        mtu: 1500,
      }),
    ];
    [blueSubnet, redSubnet] = [
      await world.subnet(blue, '10.0.0.0/24', {
        dns_nameservers_json: '["9.9.9.9","1.1.1.1"]',
        host_routes_json: '[{"destination":"10.7.0.0/16","nexthop":"10.0.0.77"}]',
      }),
      await world.subnet(red, '10.1.0.0/24'),
    ];
    blue6 = await world.subnet(blue, 'fd00:b::/64', {
      ipv6_ra_mode: 'slaac',
      ipv6_address_mode: 'slaac',
      gateway_ip: 'fd00:b::1',
    });
    publicSubnet = await world.subnet(outside, '192.0.2.0/24', { enable_dhcp: 0 });
    await world.metadataPort(blue, blueSubnet, '10.0.0.2');
    const friends = await world.group([
      { direction: 'egress' },
      { direction: 'egress', ethertype: 'IPv6' },
    ]);
    webGroup = await world.group([
      { protocol: 'tcp', port_range_min: 80, port_range_max: 80, remote_ip_prefix: '0.0.0.0/0' },
      { protocol: 'udp', port_range_min: 5000, port_range_max: 5010, remote_group_id: friends },
      { protocol: 'icmp', port_range_min: 8 },
      { protocol: '47', remote_ip_prefix: '10.1.0.0/24' },
      {
        ethertype: 'IPv6',
        protocol: 'tcp',
        port_range_min: 443,
        port_range_max: 443,
        remote_group_id: friends,
      },
    ]);
    const guest = { device_owner: 'compute:nova', device_id: 'server' };
    web = await world.port(
      blue,
      [
        [blueSubnet, '10.0.0.5'],
        [blue6, 'fd00:b::5'],
      ],
      { ...guest, binding_host_id: 'h1' },
      [webGroup],
    );
    client = await world.port(
      blue,
      [
        [blueSubnet, '10.0.0.6'],
        [blue6, 'fd00:b::6'],
      ],
      { ...guest, binding_host_id: 'h2' },
      [friends],
    );
    stranger = await world.port(blue, [[blueSubnet, '10.0.0.7']], guest, [
      await world.group([{ direction: 'egress' }]),
    ]);
    far = await world.port(red, [[redSubnet, '10.1.0.5']], guest, [friends]);
    router = await world.router(
      [
        [blue, blueSubnet, '10.0.0.1'],
        [red, redSubnet, '10.1.0.1'],
      ],
      [outside, publicSubnet, '192.0.2.9'],
    );
    await world.port(blue, [[blue6, 'fd00:b::1']], {
      device_owner: 'network:router_interface',
      device_id: router.id,
      port_security_enabled: 0,
    });
    await world.floatingIp([outside, publicSubnet, '192.0.2.50'], router, web, '10.0.0.5');
    leg = await legOf(blue, 'network:router_interface');
    await settled();
  });
  after(async () => {
    await side.close();
    await Promise.all([ovn.close(), world.close()]);
  });

  it('lets through what a security group allows, and nothing else', async () => {
    const toWeb = async (from: PortRow, ip: string, match: string) =>
      await arrives(from, ip, { mac: web.mac_address }, '10.0.0.5', match, web.id);
    const toWebByIpv6 = async (match: string) =>
      await arrives(client, 'fd00:b::6', { mac: web.mac_address }, 'fd00:b::5', match, web.id);
    assert.equal(
      await toWeb(client, '10.0.0.6', 'tcp && tcp.dst == 80'),
      true,
      'port 80 is open to all',
    );
    assert.equal(await toWeb(client, '10.0.0.6', 'tcp && tcp.dst == 81'), false, 'port 81 is not');
    assert.equal(
      await toWeb(client, '10.0.0.6', 'udp && udp.dst == 5010'),
      true,
      'the range is open to the group of friends',
    );
    assert.equal(
      await toWeb(client, '10.0.0.6', 'udp && udp.dst == 5011'),
      false,
      'beyond the range it is not',
    );
    assert.equal(
      await toWeb(stranger, '10.0.0.7', 'udp && udp.dst == 5010'),
      false,
      'a stranger is no friend',
    );
    assert.equal(await toWeb(stranger, '10.0.0.7', 'icmp4 && icmp4.type == 8'), true);
    assert.equal(await toWeb(stranger, '10.0.0.7', 'icmp4 && icmp4.type == 13'), false);
    assert.equal(
      await toWeb(web, '10.0.0.5', 'tcp && tcp.dst == 80'),
      false,
      'web itself may send nothing',
    );
    assert.equal(await toWebByIpv6('tcp && tcp.dst == 443'), true);
    assert.equal(await toWebByIpv6('tcp && tcp.dst == 444'), false);
    assert.equal(await routedToWeb('ip.proto == 47'), true, 'GRE from red, by its number');
  });

  it('follows a changed rule', async () => {
    const asks = async () =>
      await arrives(
        client,
        '10.0.0.6',
        { mac: web.mac_address },
        '10.0.0.5',
        'tcp && tcp.dst == 8080',
        web.id,
      );
    assert.equal(await asks(), false);
    const rule = await world.rule(webGroup, {
      protocol: 'tcp',
      port_range_min: 8080,
      port_range_max: 8080,
    });
    await settled();
    assert.equal(await asks(), true);
    await world.database.db.deleteFrom('security_group_rules').where('id', '=', rule).execute();
    await world.mark(['security_group', webGroup]);
    await settled();
    assert.equal(await asks(), false);
  });

  it('routes between subnets, and out by source NAT and floating IP', async () => {
    assert.equal(await routedToWeb('tcp && tcp.dst == 80'), true);
    const out = await ovn.trace(
      `neutron-${blue?.id}`,
      `inport == "${client.id}" && eth.src == ${client.mac_address} && eth.dst == ${leg.mac_address} && ip4.src == 10.0.0.6 && ip4.dst == 198.51.100.1 && ip.ttl == 64 && udp && udp.dst == 53`,
    );
    assert.ok(
      out.includes('arp.spa = 0xc0000209') &&
        out.includes('arp.tpa = 0xc0000201') &&
        out.includes('output("provnet-'),
      `the router asks for its gateway outside: ${out}`,
    );
    assert.equal(
      (await ovn.flowActions('ct_snat(192.0.2.9)')).length,
      2,
      'one of each subnet inside',
    );
    await ovn.plug(web.id, 'h1');
    await ovn.settled(sdn);
    const back = await ovn.trace(
      `neutron-${outside?.id}`,
      `inport == "provnet-${outside?.id}" && eth.src == fa:16:3e:aa:aa:aa && eth.dst == ${(await world.database.db.selectFrom('ports').selectAll().where('device_owner', '=', 'network:floatingip').executeTakeFirstOrThrow()).mac_address} && ip4.src == 192.0.2.1 && ip4.dst == 192.0.2.50 && ip.ttl == 64 && tcp && tcp.dst == 80`,
    );
    assert.ok(back.includes(outputTo(web)), back);
  });

  it('answers DHCP with routes, name servers and the way to the metadata', async () => {
    const asks = async (port: PortRow) =>
      await ovn.trace(
        `neutron-${blue?.id}`,
        `inport == "${port.id}" && eth.src == ${port.mac_address} && eth.dst == ff:ff:ff:ff:ff:ff && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && ip.ttl == 64 && udp.src == 68 && udp.dst == 67`,
      );
    const answer = await asks(client);
    assert.match(await asks(web), /offerip = 10\.0\.0\.5/, 'also for one who may send nothing');
    for (const part of [
      'offerip = 10.0.0.6',
      'mtu = 1442',
      'router = 10.0.0.1',
      'dns_server = {9.9.9.9, 1.1.1.1}',
      '169.254.169.254/32, 10.0.0.2',
      '10.7.0.0/16, 10.0.0.77',
      '0.0.0.0/0, 10.0.0.1',
    ])
      assert.ok(answer.includes(part), `${part} in ${answer}`);
  });

  it('announces prefixes for slaac', async () => {
    // ovn-trace 23.03 crashes on this action, so the logical flow is inspected instead.
    const [flow = ''] = await ovn.flowActions('put_nd_ra_opts');
    for (const part of ['addr_mode = "slaac"', 'mtu = 1442', 'prefix = fd00:b::/64'])
      assert.ok(flow.includes(part), flow);
  });
});
