// The network below the hosts, with real OVN and Open vSwitch. Needs root and the packages of `up`.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Fault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { addressIn, chooseCidr, isUsableCidr } from './free-cidr.ts';
import { networkPaths } from './host-paths.ts';
import { createLocalHosts } from './local-hosts.ts';
import type { LocalHost } from './local-hosts.ts';
import { createLocalNetwork } from './local-network.ts';
import type { NetworkFacts } from './network-facts.ts';
import { runTool, tryTool } from './run-tool.ts';
import { hostNumber } from './underlay.ts';

const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : !existsSync('/usr/bin/ovn-controller')
      ? 'needs ovn-host'
      : false;

describe('the network below the hosts', { skip, timeout: 120_000 }, () => {
  const stateDir = ownedFolder('/tmp/cc-net-');
  const deps = { stateDir, log: silentLog, clock: systemClock };
  const hosts = createLocalHosts({ ...deps, kvm: false });
  const network = createLocalNetwork(deps);
  let facts: NetworkFacts;
  const host: Record<string, LocalHost> = {};
  const sure = <T>(outcome: T): Exclude<T, Fault> => {
    assert.ok(!(outcome instanceof Fault), outcome instanceof Fault ? outcome.message : '');
    return outcome as Exclude<T, Fault>; // asserted above
  };
  const nbctl = (...words: string[]) =>
    runTool('ovn-nbctl', [`--db=${facts.northbound}`, ...words]);
  const inHost = (name: string, ...argv: string[]) =>
    tryTool('nsenter', ['-t', String(host[name]?.initPid), '-m', '-u', '-n', '-p', '-i', ...argv]);
  const pings = async (from: string, to: string) =>
    (await inHost(from, '/bin/ip', 'netns', 'exec', 'probe', 'busybox', 'ping', '-c1', '-W1', to))
      .code === 0;
  /** Plugs a namespace of the host into the logical switch, in place of a guest. */
  async function plugProbe(name: string, number: number): Promise<void> {
    await nbctl(
      '--',
      'lsp-add',
      'net',
      `p${number}`,
      '--',
      'lsp-set-addresses',
      `p${number}`,
      `0a:00:00:00:00:0${number} 10.9.0.${number}`,
    );
    for (const words of [
      ['/bin/ip', 'netns', 'add', 'probe'],
      [
        '/usr/bin/ovs-vsctl',
        'add-port',
        'br-int',
        'probe0',
        '--',
        'set',
        'Interface',
        'probe0',
        'type=internal',
        `external_ids:iface-id=p${number}`,
      ],
      [
        '/bin/ip',
        'link',
        'set',
        'probe0',
        'netns',
        'probe',
        'address',
        `0a:00:00:00:00:0${number}`,
        'up',
      ],
      ['/bin/ip', '-n', 'probe', 'link', 'set', 'probe0', 'mtu', '1442', 'up'],
      ['/bin/ip', '-n', 'probe', 'addr', 'add', `10.9.0.${number}/24`, 'dev', 'probe0'],
    ]) {
      const result = await inHost(name, ...words);
      assert.equal(result.code, 0, `${words.join(' ')}: ${result.stderr}`);
    }
  }
  const reach = (from: string, to: string, what: string) =>
    eventually(() => pings(from, to), { withinMs: 20_000, what });

  before(async () => {
    facts = sure(await network.start({ publicCidr: null }));
    await Promise.all(
      ['h1', 'h2'].map(
        async (name, index) =>
          (host[name] = sure(await hosts.powerOn(name, { index: index + 1, network: facts }))),
      ),
    );
  });
  after(async () => {
    sure(await hosts.removeAll());
    sure(await network.remove());
    const { netns, machineDevices } = networkPaths(stateDir);
    assert.equal(existsSync(`/run/netns/${netns}`), false);
    for (const device of Object.values(machineDevices))
      assert.notEqual((await tryTool('ip', ['link', 'show', device])).code, 0);
    removeOwnedFolder(stateDir);
  });

  test('both hosts are chassis of OVN, with the external network', async () => {
    const listed = await eventually(
      async () => {
        const { stdout } = await tryTool('ovn-sbctl', [
          `--db=${facts.southbound}`,
          '--format=csv',
          '--no-headings',
          '--columns=name,hostname,other_config',
          'list',
          'Chassis',
        ]);
        return stdout.trim().split('\n').length === 2 ? stdout : undefined;
      },
      { withinMs: 10_000, what: 'two chassis' },
    );
    for (const name of ['h1', 'h2'])
      assert.match(listed, new RegExp(`${name},${name},.*physnet1:br-ex`));
  });

  test('ports of one logical switch reach each other between the hosts', async () => {
    await nbctl('ls-add', 'net');
    await plugProbe('h1', 1);
    await plugProbe('h2', 2);
    await reach('h1', '10.9.0.2', 'the other host by Geneve');
  });

  test('a switch daemon that dies comes back with the address of the tunnels', async () => {
    const pidFile = join(stateDir, 'hosts/h2/run/openvswitch/ovs-vswitchd.pid');
    const old = readFileSync(pidFile, 'utf8').trim();
    await inHost('h2', '/bin/kill', '-9', old);
    await eventually(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== old, {
      withinMs: 10_000,
      what: 'a new ovs-vswitchd',
    });
    await eventually(
      async () =>
        (await inHost('h2', '/bin/ip', 'addr', 'show', 'br-phy')).stdout.includes('172.31.0.2/24'),
      { withinMs: 10_000, what: 'the tunnels address' },
    );
  });

  test('starting again is at rest, and databases and MAC addresses outlive a stop', async () => {
    const macOf = async () =>
      /link\/ether (\S+)/.exec(
        await runTool('ip', ['link', 'show', networkPaths(stateDir).machineDevices.ext]),
      )?.[1];
    const mac = await macOf();
    assert.deepEqual(sure(await network.start({ publicCidr: null })), facts);
    sure(await network.stop());
    assert.equal(await network.running(), false);
    assert.deepEqual(await network.facts(), facts);
    facts = sure(await network.start({ publicCidr: null }));
    assert.match(await nbctl('ls-list'), /net/);
    assert.ok(mac);
    assert.equal(await macOf(), mac);
  });

  test('a northbound database whose file was deleted comes back empty', async () => {
    const { northboundSocket } = networkPaths(stateDir);
    const dir = join(stateDir, 'ovn');
    rmSync(join(dir, 'db/nb.db'));
    const pid = readFileSync(join(dir, 'run/nb.pid'), 'utf8').trim();
    const init = readFileSync(join(dir, 'init.pid'), 'utf8').split(' ')[1] ?? '';
    await runTool('nsenter', ['-t', init, '-m', '-p', '/bin/kill', '-9', pid]);
    await eventually(
      async () => {
        const listed = await tryTool('ovn-nbctl', [
          `--db=unix:${northboundSocket}`,
          '--timeout=1',
          'ls-list',
        ]);
        return listed.code === 0 && listed.stdout === '';
      },
      { withinMs: 10_000, what: 'an empty database' },
    );
  });

  test('the hosts answer the machine in the management network', async () => {
    for (const index of [1, 2])
      assert.equal(
        (
          await tryTool('busybox', [
            'ping',
            '-c1',
            '-W1',
            addressIn(facts.managementCidr, hostNumber(index)),
          ])
        ).code,
        0,
      );
  });

  test('the machine is in the external network', async () => {
    const { stdout } = await tryTool('ip', [
      '-br',
      'addr',
      'show',
      networkPaths(stateDir).machineDevices.ext,
    ]);
    assert.ok(stdout.includes(facts.publicCidr.replace('.0/', '.1/')), stdout);
  });
});

test(
  'clouds that start at once have networks of their own, and one whose network another has is refused',
  { skip, timeout: 60_000 },
  async () => {
    const dirs = [1, 2, 3].map(() => ownedFolder('/tmp/cc-net-'));
    const networks = dirs.map((stateDir) =>
      createLocalNetwork({ stateDir, log: silentLog, clock: systemClock }),
    );
    try {
      const started = (
        await Promise.all(
          networks.map(async (network) => await network.start({ publicCidr: null })),
        )
      ).map((facts) => (facts instanceof Fault ? assert.fail(facts.message) : facts));
      assert.equal(
        new Set(started.flatMap(({ publicCidr, managementCidr }) => [publicCidr, managementCidr]))
          .size,
        6,
        JSON.stringify(started),
      );
      const second = started[1]?.managementCidr ?? '';
      await networks[0]?.stop();
      writeFileSync(networkPaths(dirs[0] ?? '').cidrFiles.mgmt, second);
      const refusal = await networks[0]?.start({ publicCidr: null });
      assert.ok(
        refusal instanceof Fault &&
          refusal.kind === 'conflict' &&
          refusal.message.includes(
            `${second}, the cloud's management network, is in use on this machine at ${networkPaths(dirs[1] ?? '').machineDevices.mgmt}`,
          ),
        JSON.stringify(refusal),
      );
    } finally {
      for (const network of networks) assert.ok(!((await network.remove()) instanceof Fault));
      for (const dir of dirs) removeOwnedFolder(dir);
    }
  },
);

test('the external network is one that the machine does not use', () => {
  assert.equal(chooseCidr('172.24', '/a', []), '172.24.4.0/24');
  const other = chooseCidr('172.24', '/a', ['172.24.4.0/22', '10.0.0.0/8', 'default', 'fe80::/64']);
  assert.match(other ?? '', /^172\.24\.\d+\.0\/24$/);
  assert.ok(!/^172\.24\.[4-7]\./.test(other ?? ''));
  assert.equal(chooseCidr('172.24', '/a', ['172.16.0.0/12']), null);
});

test('addresses of a network are counted from its start', () => {
  assert.equal(addressIn('172.24.4.0/24', 1), '172.24.4.1');
  assert.equal(addressIn('10.0.0.0/8', 65_537), '10.1.0.1');
});

test('a CIDR is usable when it is a network', () => {
  for (const good of ['10.0.0.0/8', '192.168.7.0/24', '172.24.4.8/29'])
    assert.equal(isUsableCidr(good), true, good);
  for (const bad of ['10.0.0.1/8', '10.0.0.0', '10.0.0.0/30', '300.0.0.0/8', 'fd00::/64', ''])
    assert.equal(isUsableCidr(bad), false, bad);
});
