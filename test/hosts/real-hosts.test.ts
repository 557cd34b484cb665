// A real host joins a running cloud, reports its facts and guests, and leaves the cloud again, with
// a server on it.
import assert from 'node:assert/strict';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { homePaths } from '#compose/home.ts';
import type { KubeConnection } from '#compose/kube-connection.ts';
import { connectKube } from '#compose/kube-connection.ts';
import { isFault } from '#contracts/common/fault.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { Hypervisor, MigrationStatus } from '#contracts/kube/kinds.ts';
import { hypervisors, migrations } from '#contracts/kube/kinds.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { createTiny, realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';

const live = '--os-compute-api-version 2.30 server migrate --live-migration --host'.split(' ');

describe('a real host', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  let connection: KubeConnection;
  before(async () => {
    cloud = await testCloud();
    // Slow enough for the test to watch a migration.
    await writeFile(join(cloud.dir, 'cobalt.yaml'), 'nova:\n  liveMigrationBandwidth: 16\n');
    await cloud.up('--hosts=1');
    const connected = await connectKube(homePaths(cloud.dir), '127.0.0.1');
    assert.ok(connected);
    connection = connected;
  });
  after(async () => {
    connection?.close();
    await cloud.close();
  });

  const hypervisor = async (name: string): Promise<Hypervisor> => {
    const found = await connection.kube.get(hypervisors, { name });
    assert.ok(!isFault(found), JSON.stringify(found));
    return found;
  };
  const says = async (name: string, what: string, isSo: (hv: Hypervisor) => boolean) =>
    await eventually(
      async () => {
        const found = await hypervisor(name);
        return isSo(found) ? found : undefined;
      },
      { withinMs: 60_000, everyMs: 200, what },
    );

  it('joins within 90 s after a machine has booted on it, and takes servers', async () => {
    const output = await cloud.cobalt('host', 'add');
    const [, seconds] = /host h2 is ready and takes servers \(([\d.]+) s\)/.exec(output) ?? [];
    assert.ok(Number(seconds) < 90, output);
    await cloud.openstack(...createTiny('vm1', '--nic=none', '--availability-zone=nova:h2'));
    assert.match(await cloud.virsh('h2', 'list', '--name'), /\w/);
  });

  it('says what it is, has and runs', async () => {
    const { status = {} } = await says(
      'h2',
      'the guest is told',
      (hv) => hv.status?.numInstances === 1,
    );
    assert.equal(status.operatingSystem?.kernelRelease, release());
    const [, pretty] =
      /^PRETTY_NAME="(.*)"$/m.exec(await readFile('/etc/os-release', 'utf8')) ?? [];
    assert.equal(status.operatingSystem?.prettyVersion, pretty);
    const [, libvirt] = /library: libvirt ([\d.]+)/.exec(await cloud.virsh('h2', 'version')) ?? [];
    assert.equal(status.libVirtVersion, libvirt);
    assert.match(status.hypervisorVersion ?? '', /^\d+\.\d+\.\d+$/);
    const [instance] = status.instances ?? [];
    assert.equal((await cloud.virsh('h2', 'list', '--uuid')).trim(), instance?.id);
    assert.equal(status.allocation?.['cpu'], '1');
    assert.ok(Number(status.capacity?.['cpu']) > 0);
    assert.equal(status.cells?.[0]?.cellID, 0);
    assert.ok(status.domainCapabilities?.supportedDevices?.includes('disk/virtio'));
    for (const unit of ['libvirtd.service', 'openvswitch-switch.service', 'ovn-controller.service'])
      assert.equal(conditionOf({ status }, unit)?.reason, 'Running', unit);
    assert.match(status.internalIp ?? '', /^\d+(?:\.\d+){3}$/);
  });

  it('writes nothing while nothing happens', async () => {
    const versions = new Set<string | undefined>();
    let sinceMs = performance.now();
    await eventually(
      async () => {
        const { metadata } = await hypervisor('h2');
        if (!versions.has(metadata.resourceVersion)) sinceMs = performance.now();
        versions.add(metadata.resourceVersion);
        // Longer than the agent's interval of full passes.
        return performance.now() - sinceMs > 70_000;
      },
      { withinMs: 150_000, everyMs: 1_000, what: 'it stays as it is' },
    );
  });

  it('shows a live migration as a Migration', async () => {
    await cloud.openstack(...createTiny('vm2', '--nic=none', '--availability-zone=nova:h1'));
    const id = (await cloud.virsh('h1', 'list', '--uuid')).trim();
    const statuses: MigrationStatus[] = [];
    await cloud.openstack(...live, 'h2', 'vm2');
    const ended = await eventually(
      async () => {
        const found = await connection.kube.get(migrations, { name: id, namespace: 'default' });
        if (isFault(found) || !found.status) return undefined;
        statuses.push(found.status);
        const { type, destination } = found.status;
        return type === 'completed' && destination !== undefined ? found.status : undefined;
      },
      { withinMs: 120_000, everyMs: 200, what: 'the migration is told to its end' },
    );
    assert.equal(ended.origin, 'h1');
    assert.equal(ended.destination, 'h2');
    assert.equal(ended.operation, 'migration_out');
    assert.match(ended.memTotal ?? '', / MiB$/);
    assert.match(ended.downtime ?? '', /s$/);
    const progress = new Set(
      statuses.flatMap(({ type, dataRemaining }) => (type === 'unbounded' ? [dataRemaining] : [])),
    );
    assert.ok(progress.size >= 2, `progress: ${[...progress].join()}`);
    await says('h2', 'both guests are there', (hv) => hv.status?.numInstances === 2);
    await says('h1', 'none is left', (hv) => hv.status?.numInstances === 0);
  });

  it('is not ready while libvirt is down, and is again when it is back', async () => {
    const { supervisor, daemon } = await libvirtdOf(join(cloud.dir, 'hosts/h2'));
    process.kill(supervisor, 'SIGSTOP');
    process.kill(daemon, 'SIGKILL');
    const reasonOf = (hv: Hypervisor) => conditionOf(hv, 'Ready')?.reason;
    const down = await says(
      'h2',
      'it is not ready',
      (hv) => reasonOf(hv) === 'LibVirtServiceNotRunning',
    );
    assert.equal(conditionOf(down, 'Ready')?.status, 'False');
    assert.equal(conditionOf(down, 'libvirtd.service')?.reason, 'Stopped');
    assert.equal(down.status?.numInstances, 2, 'what it runs is not forgotten');
    process.kill(supervisor, 'SIGCONT');
    await says('h2', 'it is ready again', (hv) => reasonOf(hv) === 'Ready');
  });

  it('leaves with nothing behind, while its server runs on elsewhere', async () => {
    const removed = cloud.cobalt('host', 'remove', 'h2', '--evict');
    await eventually(
      async () =>
        (await cloud.json<{ Host: string; Status: string }[]>('compute', 'service', 'list')).some(
          ({ Host, Status }) => Host === 'h2' && Status === 'disabled',
        ),
      { withinMs: 60_000, everyMs: 200, what: 'its removal has begun' },
    );
    await cloud.killControl();
    assert.match(await removed, /host h2 is removed, with its files/);
    assert.match(await cloud.virsh('h1', 'list', '--name'), /\w/);
    for (const folder of ['hosts', 'bmcs'])
      assert.deepEqual(await readdir(join(cloud.dir, folder)), ['h1']);
    const { hosts = [], services = [] } = await cloud.status();
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ['h1'],
    );
    assert.ok(!services.some(({ host }) => host === 'h2'));
    // Neutron removes the chassis from OVN once it has been silent for some time.
    await eventually(
      async () => /no differences/.test(await cloud.cobalt('doctor', '--audit').catch(String)),
      { withinMs: 120_000, everyMs: 2_000, what: 'nothing of it is left in OVN either' },
    );
  });
});

/**
 * Pids of a host's libvirtd and of the shell that restarts it, outside the host's PID namespace.
 */
async function libvirtdOf(folder: string): Promise<{ daemon: number; supervisor: number }> {
  const [, init] = (await readFile(join(folder, 'init.pid'), 'utf8')).split(' ');
  const namespaceOf = async (pid: string) =>
    await readlink(`/proc/${pid}/ns/pid`).catch(() => undefined);
  const own = await namespaceOf(init ?? '');
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    if (own === undefined || (await namespaceOf(pid)) !== own) continue;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const [, parent] = /^PPid:\t(\d+)$/m.exec(status) ?? [];
    if (/^Name:\tlibvirtd$/m.test(status) && parent !== undefined)
      return { daemon: Number(pid), supervisor: Number(parent) };
  }
  throw new Error(`no libvirtd runs in ${folder}`);
}
