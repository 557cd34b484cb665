// The host network on a real Open vSwitch and ovn-controller, in a network namespace: metadata
// requests reach this process, and the state after crashes is repaired.
import assert from 'node:assert/strict';
import http from 'node:http';
import type { Server, Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { hostNetworkContract } from '#ports/host-network.testing.ts';
import type { HostNetwork, LocalNetwork } from '#ports/host-network.ts';
import type { SdnRow } from '#ports/sdn.ts';
import { startPrivateOvn, whyNoOvn } from './ovn.testing.ts';
import { createOvsHostNetwork } from './ovs-host-network.ts';
import { startSwitchHost, whyNoSwitchHost, type SwitchHost } from './switch-host.testing.ts';

const network = 'aaaaaaaa-0000-4000-8000-000000000001';
const [guestPort, metadataPortName] = [
  'bbbbbbbb-0000-4000-8000-000000000001',
  'cccccccc-0000-4000-8000-000000000001',
];
const guestMac = 'fa:16:3e:00:00:05';
const ids = (cidrs: string) => ({
  'neutron:network_id': network,
  'neutron:cidrs': cidrs,
  'neutron:device_id': 'server-1',
  'neutron:project_id': 'project-1',
});
const rows: SdnRow[] = [
  { table: 'Logical_Switch', key: 'n', columns: { name: `neutron-${network}` } },
  {
    table: 'Logical_Switch_Port',
    key: 'g',
    columns: {
      name: guestPort,
      addresses: [`${guestMac} 10.0.0.5`],
      options: { 'requested-chassis': 'h1' },
      external_ids: ids('10.0.0.5/24'),
    },
    in: [{ place: 'Logical_Switch.ports', key: 'n' }],
  },
  {
    table: 'Logical_Switch_Port',
    key: 'd',
    columns: {
      name: metadataPortName,
      type: 'localport',
      addresses: ['fa:16:3e:00:00:02 10.0.0.2 169.254.169.254'],
      external_ids: ids('10.0.0.2/24'),
    },
    in: [{ place: 'Logical_Switch.ports', key: 'n' }],
  },
];
const good = <T>(outcome: Outcome<T>): T =>
  isFault(outcome) ? assert.fail(`${outcome.kind}: ${outcome.message}`) : outcome;

async function openFixture() {
  const ovn = await startPrivateOvn();
  const sdn = ovn.open();
  good(await sdn.sync(rows));
  const host = await startSwitchHost('h1', ovn.south.unix);
  const net = createOvsHostNetwork(
    {
      ovsdb: host.ovsdb,
      southbound: [ovn.south.unix],
      runFolders: { openvswitch: host.runFolder, ovn: host.runFolder },
      enter: host.enter,
    },
    { log: silentLog },
  );
  await host.vsctl(
    'add-port',
    'br-int',
    'guest0',
    '--',
    'set',
    'Interface',
    'guest0',
    'type=internal',
    `external-ids:iface-id=${guestPort}`,
  );
  return {
    ovn,
    sdn,
    host,
    net,
    close: async () => {
      await net.removeEndpoint(network);
      await net.close();
      sdn.close();
      await host.close();
      await ovn.close();
    },
  };
}
const skip = (await whyNoOvn()) ?? (await whyNoSwitchHost()) ?? false;

hostNetworkContract(
  'Open vSwitch',
  async () => {
    const { net, close } = await openFixture();
    return {
      network: net,
      close,
      expected: {
        id: network,
        metadataPort: { id: metadataPortName, mac: 'fa:16:3e:00:00:02', cidrs: ['10.0.0.2/24'] },
        guests: [
          {
            portId: guestPort,
            mac: guestMac,
            ips: ['10.0.0.5'],
            instanceId: 'server-1',
            projectId: 'project-1',
          },
        ],
      },
    };
  },
  skip,
);

describe("a host's network on Open vSwitch", { skip }, () => {
  let close: () => Promise<void>;
  let host: SwitchHost;
  let net: HostNetwork;
  let server: Server | undefined;
  const guestNetns = `guest-${process.pid}`;

  const local = async (): Promise<LocalNetwork> =>
    await eventually(() => net.networks()?.[0], {
      withinMs: 10_000,
      what: 'the network has a guest here',
    });
  /** Sets up an internal port in a namespace of its own, as a guest. */
  const moveGuest = async (): Promise<void> => {
    // A killed ovs-vswitchd may have left the interface.
    await host.inside('ip', '-n', guestNetns, 'link', 'delete', 'guest0').catch(() => undefined);
    await eventually(
      async () =>
        await host.inside('ip', 'link', 'set', 'guest0', 'netns', guestNetns).then(() => true),
      { withinMs: 10_000, what: 'guest0 is there' },
    );
    for (const words of [
      ['link', 'set', 'guest0', 'address', guestMac, 'up'],
      ['addr', 'add', '10.0.0.5/24', 'dev', 'guest0'],
      ['route', 'add', '169.254.169.254', 'via', '10.0.0.2'],
    ])
      await host.inside('ip', '-n', guestNetns, ...words);
  };
  const askFromGuest = async (): Promise<string> =>
    await host.inside(
      'ip',
      'netns',
      'exec',
      guestNetns,
      process.execPath,
      '-e',
      'fetch("http://169.254.169.254/where", {signal: AbortSignal.timeout(2000)}).then((r) => r.text()).then(console.log, (e) => { console.log("none"); })',
    );
  const serve = async (): Promise<void> => {
    server?.close();
    const web = http.createServer(
      (request, response) => void response.end(`${request.socket.remoteAddress} ${request.url}`),
    );
    server = good(await net.listen(network));
    server.on('connection', (socket: Socket) => web.emit('connection', socket));
  };

  before(async () => {
    ({ host, net, close } = await openFixture());
    await host.inside('ip', 'netns', 'add', guestNetns);
    await moveGuest();
  });
  after(async () => {
    server?.close();
    await host.inside('ip', 'netns', 'delete', guestNetns);
    await close();
  });

  it("brings a guest's question for metadata to this process", async () => {
    good(await net.ensureEndpoint(await local()));
    good(await net.ensureEndpoint(await local()));
    assert.deepEqual(
      good(await net.endpoints()).filter((id) => id === network),
      [network],
    );
    await serve();
    await eventually(async () => (await askFromGuest()).includes('10.0.0.5 /where'), {
      withinMs: 20_000,
      what: 'the guest is answered',
    });
  });

  it('mends the endpoint after ovs-vswitchd was killed, also in a row', async () => {
    for (let round = 0; round < 2; round += 1) {
      await host.restartSwitch();
      await eventually(async () => good(await net.facts()).health.switchAlive, {
        withinMs: 10_000,
        what: 'the switch is back',
      });
      await moveGuest();
      await eventually(
        async () =>
          !isFault(await net.ensureEndpoint(await local())) &&
          (await askFromGuest()).includes('10.0.0.5 /where'),
        { withinMs: 20_000, what: 'the guest is answered again' },
      );
    }
  });

  it('removes ports whose interface is gone, and no other', async () => {
    await host.vsctl(
      'add-port',
      'br-int',
      'vnet7',
      '--',
      'set',
      'Interface',
      'vnet7',
      'external-ids:iface-id=dddddddd-0000-4000-8000-000000000001',
    );
    await eventually(async () => good(await net.removeStalePorts()).includes('vnet7'), {
      withinMs: 10_000,
      what: 'the stale port is found',
    });
    const ports = await host.vsctl('list-ports', 'br-int');
    assert.ok(!ports.includes('vnet7') && ports.includes('guest0'), ports);
  });

  it('says so when ovn-controller is dead', async () => {
    await host.killController();
    assert.equal(good(await net.facts()).health.controllerConnected, false);
  });
});
