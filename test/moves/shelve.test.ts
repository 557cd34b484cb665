// Server groups and shelving with Debian's `openstack` client, on a cloud with two real hosts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { createTiny, realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';

interface Shown {
  id: string;
  status: string;
  addresses: Record<string, string[]>;
  'OS-EXT-SRV-ATTR:host': string | null;
}

const mib = 1024 ** 2;
const places = ['--nic', 'none'];

describe('server groups and shelving', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  const show = async (name: string): Promise<Shown> =>
    await cloud.json<Shown>('server', 'show', name);
  const reaches = async (name: string, status: string): Promise<Shown> =>
    await eventually(
      async () => {
        const server = await show(name);
        assert.ok(server.status !== 'ERROR' || status === 'ERROR', JSON.stringify(server));
        return server.status === status ? server : undefined;
      },
      { withinMs: 120_000, everyMs: 500, what: `${name} becomes ${status}` },
    );
  const banner = async (name: string): Promise<void> => {
    await eventually(
      async () =>
        (await cloud.openstack('console', 'log', 'show', name)).includes(`${name} login:`),
      { withinMs: 120_000, everyMs: 1000, what: `${name} prints its banner` },
    );
  };
  /** Path of the server's root disk on its host. */
  const diskOf = async ({ id, 'OS-EXT-SRV-ATTR:host': host }: Shown): Promise<string> => {
    const list = await cloud.virsh(host ?? '', 'domblklist', id);
    return (
      list
        .split('\n')
        .find((line) => line.includes(' vda '))
        ?.trim()
        .split(/\s+/)[1] ?? ''
    );
  };
  const qemuIo = (command: string, disk: string): string =>
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', command, disk], { encoding: 'utf8' });

  before(async () => {
    cloud = await testCloud();
    await cloud.up();
  });
  after(async () => await cloud?.close());

  it('keeps the members of an anti-affinity group apart, and no third one', async () => {
    const { id } = await cloud.json<{ id: string }>(
      'server',
      'group',
      'create',
      '--policy',
      'anti-affinity',
      'apart',
    );
    const hint = ['--hint', `group=${id}`];
    const [one, two] = [
      await cloud.json<Shown>(...createTiny('a1', ...places, ...hint)),
      await cloud.json<Shown>(...createTiny('a2', ...places, ...hint)),
    ];
    assert.notEqual(one['OS-EXT-SRV-ATTR:host'], two['OS-EXT-SRV-ATTR:host']);
    await cloud.openstack(...createTiny('a3', '--nic', 'none', ...hint)).catch(() => undefined);
    await reaches('a3', 'ERROR');
    const { members } = await cloud.json<{ members: string[] }>('server', 'group', 'show', 'apart');
    assert.equal(members.length, 3);
    const near = await cloud.json<Shown>(
      ...createTiny('near', ...places, '--hint', `same_host=${one.id}`),
    );
    assert.equal(near['OS-EXT-SRV-ATTR:host'], one['OS-EXT-SRV-ATTR:host']);
    for (const name of ['a1', 'a2', 'a3', 'near'])
      await cloud.openstack('server', 'delete', '--wait', name);
    await cloud.openstack('server', 'group', 'delete', 'apart');
    assert.deepEqual(await cloud.json<object[]>('server', 'group', 'list'), []);
  });

  it('shelves a server with a disk, an address and a volume, and brings all of it back', async () => {
    await cloud.openstack('volume', 'create', '--size', '1', 'v');
    await cloud.openstack(
      'server',
      'create',
      '--image=tiny-disk',
      '--flavor=m1.micro',
      '--network=demo',
      '--wait',
      's',
    );
    await banner('s');
    await cloud.openstack('server', 'add', 'volume', 's', 'v');
    await cloud.openstack('server', 'stop', 's');
    const off = await reaches('s', 'SHUTOFF');
    // An offset that neither the image nor the guest uses.
    const at = `${900 * mib} 64k`;
    qemuIo(`write -P 7 ${at}`, await diskOf(off));

    await cloud.openstack('server', 'shelve', 's');
    const shelved = await reaches('s', 'SHELVED_OFFLOADED');
    assert.equal(shelved['OS-EXT-SRV-ATTR:host'], null);
    assert.deepEqual(shelved.addresses, off.addresses);
    for (const host of ['h1', 'h2'])
      assert.ok(!(await cloud.virsh(host, 'list', '--all', '--uuid')).includes(off.id));
    assert.match(await cloud.openstack('image', 'list'), /s-shelved/);
    const volume = async () => await cloud.json<{ status: string }>('volume', 'show', 'v');
    assert.equal((await volume()).status, 'reserved');

    await cloud.openstack('server', 'unshelve', 's');
    const back = await reaches('s', 'ACTIVE');
    await banner('s');
    assert.deepEqual(back.addresses, off.addresses);
    assert.equal((await volume()).status, 'in-use');
    await eventually(async () => !(await cloud.openstack('image', 'list')).includes('s-shelved'), {
      withinMs: 30_000,
      everyMs: 500,
      what: 'the image is deleted',
    });
    await cloud.openstack('server', 'stop', 's');
    const disk = await diskOf(await reaches('s', 'SHUTOFF'));
    assert.match(qemuIo(`read -P 7 ${at}`, disk), /read 65536\/65536/);
    assert.doesNotMatch(qemuIo(`read -P 7 ${at}`, disk), /Pattern verification failed/);
    assert.doesNotMatch(
      execFileSync('qemu-img', ['info', disk], { encoding: 'utf8' }),
      /backing file/,
    );
    const events = await cloud.openstack('server', 'event', 'list', 's');
    for (const action of ['shelve', 'unshelve', 'create']) assert.match(events, new RegExp(action));
    assert.equal((await cloud.cobalt('doctor', '--audit')).includes('differs'), false);
    await cloud.openstack('server', 'delete', '--wait', 's');
  });

  it('deletes a shelved server with its image', async () => {
    await cloud.openstack(...createTiny('d', ...places));
    await cloud.openstack('server', 'shelve', 'd');
    await reaches('d', 'SHELVED_OFFLOADED');
    await cloud.openstack('server', 'delete', '--wait', 'd');
    assert.doesNotMatch(await cloud.openstack('image', 'list'), /d-shelved/);
  });
});
