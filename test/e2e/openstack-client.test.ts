// Debian's `openstack` client against a cloud with two real hosts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from './cloud.testing.ts';
import { createTiny, realCloudMissing, testCloud } from './cloud.testing.ts';

interface Shown {
  id: string;
  status: string;
  'OS-EXT-SRV-ATTR:host': string;
}

describe('the stock openstack client', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  const show = async (name: string): Promise<Shown> =>
    await cloud.json<Shown>('server', 'show', name);
  const reaches = async (name: string, status: string): Promise<void> => {
    await eventually(async () => (await show(name)).status === status, {
      withinMs: 90_000,
      everyMs: 500,
      what: `${name} becomes ${status}`,
    });
  };
  const banner = async (name: string): Promise<void> => {
    await eventually(
      async () =>
        (await cloud.openstack('console', 'log', 'show', name)).includes(`${name} login:`),
      { withinMs: 120_000, everyMs: 1000, what: `${name} prints its banner` },
    );
  };

  before(async () => {
    cloud = await testCloud();
    await cloud.up();
  });
  after(async () => await cloud?.close());

  it('has a token, a catalog, images and flavors', async () => {
    assert.match(await cloud.openstack('token', 'issue', '-f', 'value', '-c', 'id'), /^gAAAA/);
    const catalog = await cloud.json<{ Type: string }[]>('catalog', 'list');
    assert.deepEqual(catalog.map((entry) => entry.Type).sort(), [
      'block-storage',
      'compute',
      'identity',
      'image',
      'network',
      'placement',
      'volumev3',
    ]);
    const images = await cloud.json<{ Name: string; Status: string }[]>('image', 'list');
    for (const name of ['tiny', 'tiny-disk'])
      assert.ok(
        images.some((image) => image.Name === name && image.Status === 'active'),
        `${name} is there`,
      );
    const flavors = await cloud.json<{ Name: string }[]>('flavor', 'list');
    for (const name of ['m1.nano', 'm1.micro', 'm1.tiny', 'm1.small', 'm1.medium'])
      assert.ok(
        flavors.some((flavor) => flavor.Name === name),
        name,
      );
  });

  it('uploads an image from a qcow2 file and saves it again', async () => {
    const [from, to] = [join(cloud.dir, 'from.qcow2'), join(cloud.dir, 'to.qcow2')];
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', from, '64M']);
    execFileSync('qemu-io', ['-c', 'write -P 7 0 3M', from], { stdio: 'ignore' });
    await cloud.openstack(
      'image',
      'create',
      '--disk-format',
      'qcow2',
      '--container-format',
      'bare',
      '--file',
      from,
      'mine',
    );
    await cloud.openstack('image', 'save', '--file', to, 'mine');
    assert.ok((await readFile(from)).equals(await readFile(to)), 'the same bytes come back');
  });

  it('makes flavors, keypairs, projects, users, roles, application credentials', async () => {
    await cloud.openstack(
      'flavor',
      'create',
      '--vcpus',
      '1',
      '--ram',
      '160',
      '--disk',
      '1',
      'mine',
    );
    await writeFile(join(cloud.dir, 'key'), await cloud.openstack('keypair', 'create', 'k'), {
      mode: 0o600,
    });
    execFileSync('ssh-keygen', ['-y', '-f', join(cloud.dir, 'key')], { stdio: 'ignore' });
    await cloud.openstack('project', 'create', 'p1');
    await cloud.openstack('user', 'create', '--password', 'secret', 'u1');
    await cloud.openstack('role', 'add', '--project', 'p1', '--user', 'u1', 'member');
    const credential = await cloud.json<{ id: string; secret: string }>(
      'application',
      'credential',
      'create',
      'ci',
    );
    assert.ok(credential.secret.length > 20);
    const quota = await cloud.json<{ instances: number }>('quota', 'show');
    assert.equal(quota.instances, 10);
  });

  it('boots a server that prints its own name', async () => {
    const server = await cloud.json<Shown>(
      ...createTiny('vm1', '--nic', 'none', '--key-name', 'k'),
    );
    assert.equal(server.status, 'ACTIVE');
    await banner('vm1');
    assert.match(await cloud.openstack('server', 'list', '--long'), /vm1 .*ACTIVE/);
  });

  it('carries every action out', async () => {
    const steps: [string[], string][] = [
      [['pause'], 'PAUSED'],
      [['unpause'], 'ACTIVE'],
      [['suspend'], 'SUSPENDED'],
      [['resume'], 'ACTIVE'],
      [['stop'], 'SHUTOFF'],
      [['start'], 'ACTIVE'],
      [['reboot', '--hard'], 'ACTIVE'],
      [['rescue'], 'RESCUE'],
      [['unrescue'], 'ACTIVE'],
      [['rebuild', '--image', 'tiny'], 'ACTIVE'],
    ];
    for (const [[action = '', ...options], status] of steps) {
      await cloud.openstack('server', action, ...options, 'vm1');
      await reaches('vm1', status);
    }
    await banner('vm1');
    await cloud.openstack('server', 'reboot', '--soft', '--wait', 'vm1');
    await cloud.openstack('server', 'lock', 'vm1');
    await cloud.openstack('server', 'unlock', 'vm1');
    const { url } = await cloud.json<{ url: string }>('console', 'url', 'show', 'vm1');
    assert.equal((await fetch(url)).status, 200);
    await greetsRfb(url, 'vm1');
  });

  it('boots a disk image whose guest reads its config drive: name, key, user data', async () => {
    const script = join(cloud.dir, 'user-data');
    await writeFile(
      script,
      '#!/bin/sh\necho "user data ran on $(hostname), $(wc -l < /root/.ssh/authorized_keys) key"\n',
    );
    await cloud.openstack(
      'server',
      'create',
      '--image',
      'tiny-disk',
      '--flavor',
      'm1.micro',
      '--nic',
      'none',
      '--key-name',
      'k',
      '--config-drive',
      'true',
      '--user-data',
      script,
      '--wait',
      'from-disk',
    );
    await banner('from-disk');
    await eventually(
      async () =>
        (await cloud.openstack('console', 'log', 'show', 'from-disk')).includes(
          'user data ran on from-disk, 1 key',
        ),
      { withinMs: 60_000, everyMs: 1000, what: 'the user data runs' },
    );
    await cloud.openstack('server', 'delete', '--wait', 'from-disk');
  });

  it('shows hosts, and spreads six servers over both', async () => {
    assert.equal((await cloud.json<object[]>('hypervisor', 'list')).length, 2);
    assert.equal((await cloud.json<{ count: number }>('hypervisor', 'stats', 'show')).count, 2);
    const services = await cloud.json<{ Binary: string; State: string }[]>(
      'compute',
      'service',
      'list',
    );
    assert.equal(
      services.filter((service) => service.Binary === 'nova-compute' && service.State === 'up')
        .length,
      2,
    );
    await cloud.openstack(...createTiny('many', '--nic', 'none', '--min', '6', '--max', '6'));
    const hosts = (await cloud.json<{ Name: string; Host: string }[]>('server', 'list', '--long'))
      .filter((server) => server.Name.startsWith('many'))
      .map((server) => server.Host);
    assert.equal(hosts.length, 6);
    assert.deepEqual([...new Set(hosts)].sort(), ['h1', 'h2']);
  });

  it('shows exactly the domains that libvirt has', async () => {
    const servers = await cloud.json<{ ID: string; Host: string }[]>('server', 'list', '--long');
    for (const host of ['h1', 'h2']) {
      const domains = (await cloud.virsh(host, 'list', '--all', '--uuid'))
        .trim()
        .split(/\s+/)
        .sort();
      assert.deepEqual(
        domains,
        servers
          .filter((server) => server.Host === host)
          .map((server) => server.ID)
          .sort(),
        host,
      );
    }
    assert.match(await cloud.cobalt('doctor', '--audit'), /no differences/);
  });

  it('sees within 2 s that a guest is off', async () => {
    const { id, 'OS-EXT-SRV-ATTR:host': host } = await show('vm1');
    const token = (await cloud.openstack('token', 'issue', '-f', 'value', '-c', 'id')).trim();
    await cloud.virsh(host, 'destroy', id);
    await eventually(
      async () => {
        const answer = await fetch(`http://127.0.0.1:${cloud.port}/compute/v2.1/servers/${id}`, {
          headers: { 'x-auth-token': token },
        });
        return (
          ((await answer.json()) as { server: { status: string } }).server.status === 'SHUTOFF'
        );
      },
      { withinMs: 2_000, what: 'vm1 becomes SHUTOFF' },
    );
  });

  it('lets guests run on when the control plane is killed, and finds them again', async () => {
    const before = await cloud.virsh('h1', 'list', '--uuid');
    await cloud.killControl();
    assert.equal(await cloud.virsh('h1', 'list', '--uuid'), before);
    assert.match(await cloud.cobalt('doctor', '--audit'), /no differences/);
  });

  it('starts again what a power failure of a host ended', async () => {
    const running = (await cloud.virsh('h2', 'list', '--uuid')).trim().split(/\s+/).sort();
    assert.ok(running.length >= 2);
    await cloud.cobalt('down');
    await cloud.up();
    await eventually(
      async () =>
        (await cloud.virsh('h2', 'list', '--uuid')).trim().split(/\s+/).sort().join() ===
        running.join(),
      { withinMs: 60_000, what: 'the guests of h2 run again' },
    );
    await eventually(
      async () => (await cloud.cobalt('doctor', '--audit')).includes('no differences'),
      { withinMs: 30_000, everyMs: 1000, what: 'the audit is clean' },
    );
  });

  it('deletes everything', async () => {
    const names = (await cloud.json<{ ID: string }[]>('server', 'list')).map((server) => server.ID);
    // Without --wait, with which the client would poll the servers one after the other, every 5 s.
    await cloud.openstack('server', 'delete', ...names);
    await eventually(async () => (await cloud.json<object[]>('server', 'list')).length === 0, {
      withinMs: 60_000,
      everyMs: 500,
      what: 'all servers are gone',
    });
    for (const host of ['h1', 'h2'])
      assert.equal((await cloud.virsh(host, 'list', '--all', '--uuid')).trim(), '');
    assert.match(await cloud.cobalt('doctor', '--audit'), /no differences/);
  });
});

/** Checks that the websocket of the console's URL speaks RFB, and that the page shows `name`. */
async function greetsRfb(url: string, name: string): Promise<void> {
  const address = new URL(url);
  // The console page asks for the name of the console's server.
  const named = await fetch(`http://${address.host}/console/server${address.search}`);
  assert.deepEqual([named.status, await named.json()], [200, { name }]);
  assert.equal((await fetch(`http://${address.host}/console/server?token=wrong`)).status, 401);
  const socket = new WebSocket(`ws://${address.host}/console/websockify${address.search}`, [
    'binary',
  ]);
  socket.binaryType = 'arraybuffer';
  const greeting = await new Promise<string>((resolve, reject) => {
    socket.onmessage = (event) => resolve(Buffer.from(event.data as ArrayBuffer).toString());
    socket.onerror = () => reject(new Error('the websocket failed'));
  });
  socket.close();
  assert.match(greeting, /^RFB 003\.008/);
}
