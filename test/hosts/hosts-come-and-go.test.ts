// `cobalt host add` and `cobalt host remove` on a running cloud with simulated hosts, also while
// its control plane is killed.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { testCloud } from '../e2e/cloud.testing.ts';

describe('hosts come and go', () => {
  let cloud: TestCloud;
  const refused = async (...words: string[]): Promise<string> =>
    await cloud.cobalt(...words).then(
      () => assert.fail(`${words.join(' ')} was not refused`),
      ({ stderr }: { stderr: string }) => stderr,
    );
  const computeHosts = async (): Promise<string[]> =>
    ((await cloud.status()).services ?? [])
      .filter(({ binary, state }) => binary === 'nova-compute' && state === 'up')
      .map(({ host }) => host)
      .sort();
  const audit = async (): Promise<void> =>
    assert.match(await cloud.cobalt('doctor', '--audit'), /no differences/);

  before(async () => {
    cloud = await testCloud();
    await cloud.up('--hosts=0', '--simulated=1');
  });
  after(async () => await cloud.close());

  it('a host joins after a machine of its own has booted, and is counted from then on', async () => {
    const output = await cloud.cobalt('host', 'add');
    assert.match(output, /Running onboarding tests/);
    assert.match(output, /host sim0002 is ready and takes servers/);
    await cloud.cobalt('host', 'add', 'edge-1', '--skip-tests');
    assert.deepEqual(await computeHosts(), ['edge-1', 'sim0001', 'sim0002']);
    await cloud.cobalt('down');
    assert.match(await cloud.up(), /hosts \(0 real, 3 simulated\)/);
  });

  it('refuses what cannot be, with the reason', async () => {
    assert.match(await refused('host', 'add', 'edge-1'), /There is a host edge-1 already/);
    assert.match(await refused('host', 'add', 'Edge'), /'Edge' is no name of a host/);
    assert.match(
      await refused('host', 'remove', 'h9'),
      /There is no host h9 in this cloud. There are: edge-1, sim0001, sim0002\./,
    );
  });

  it('a host with servers is removed only with --evict, also if the control plane dies', async () => {
    const place = ['--availability-zone=nova:edge-1', '--nic=none'];
    const make = [
      'server',
      'create',
      '--image=tiny',
      '--flavor=m1.nano',
      '--wait',
      ...place,
      'vm1',
    ];
    await cloud.openstack(...make);
    assert.match(
      await refused('host', 'remove', 'edge-1'),
      /A server is on host edge-1: vm1\. .* \.\/cobalt host remove edge-1 --evict/,
    );
    const removed = cloud.cobalt('host', 'remove', 'edge-1', '--evict');
    await cloud.killControl();
    assert.match(await removed, /host edge-1 is removed, with its files/);
    assert.deepEqual(await computeHosts(), ['sim0001', 'sim0002']);
    const { status } = await cloud.json<{ status: string }>('server', 'show', 'vm1');
    assert.equal(status, 'ACTIVE');
    assert.deepEqual(
      (await readdir(join(cloud.dir, 'simulated-hosts'))).filter((file) => file.includes('edge')),
      [],
    );
    await audit();
  });

  it('a host is emptied, with a plan before, unless a server fits nowhere', async () => {
    const place = async (): Promise<string> =>
      (await cloud.json<Record<string, string>>('server', 'show', 'vm1'))['OS-EXT-SRV-ATTR:host'] ??
      '';
    const [source = '', target = ''] = [await place(), 'sim0001', 'sim0002'].filter(
      (each, index, all) => all.indexOf(each) === index,
    );
    const plan = await cloud.cobalt('evict', source, '--plan', '--json');
    const { moves } = JSON.parse(plan) as { moves: { server: { name: string }; host: string }[] };
    assert.deepEqual(
      moves.map(({ server, host }) => `${server.name} ${host}`),
      [`vm1 ${target}`],
    );
    assert.match(await cloud.cobalt('evict', source), /is empty and takes no servers until/);
    assert.equal(await place(), target);
    assert.match(await refused('evict', target), /fit nowhere, so nothing was moved: vm1/);
    assert.match(await refused('host', 'remove', target, '--evict'), /fit nowhere/);
    const { services = [] } = await cloud.status();
    assert.equal(services.find(({ host }) => host === target)?.state, 'up');
    await cloud.cobalt('evict', source, '--end');
    assert.match(await refused('evict', source, '--end'), /is in no maintenance/);
  });

  it('the last host of a kind stays', async () => {
    await cloud.openstack('server', 'delete', '--wait', 'vm1');
    await cloud.cobalt('host', 'remove', 'sim0001');
    assert.match(await refused('host', 'remove', 'sim0002'), /is the last simulated host/);
    await cloud.killControl();
    assert.deepEqual(await computeHosts(), ['sim0002'], 'sim0001 does not come back');
    await audit();
  });
});
