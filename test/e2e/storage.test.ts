// Volumes on the filer and in guests: attached, moved, snapshotted, booted, grown, backed up, with their content. Issue 4, bars 1, 2 and 4.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from './cloud.testing.ts';
import { realCloudMissing, testCloud } from './cloud.testing.ts';
import type { Guest, Tenant } from './network.testing.ts';
import { tenant } from './network.testing.ts';

interface Volume { id: string; name: string; status: string; size: number; attachments: { server_id: string; device: string }[] }

const settleMs = 60_000;

describe('volumes', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  let admin: Tenant;
  let [one, two]: Guest[] = [];
  let first = '';
  let sum = '';
  const guest = (which: Guest | undefined): Guest => {
    assert.ok(which, 'it was booted before');
    return which;
  };
  const cinder = async <T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<T> => await admin.api.ask<T>('volume', method, `/v3${path}`, body as never);
  const show = async (id: string): Promise<Volume> => (await cinder<{ volume: Volume }>('GET', `/volumes/${id}`)).volume;
  const reaches = async (id: string, status: string): Promise<Volume> => await eventually(async () => {
    const volume = await show(id);
    assert.ok(!volume.status.startsWith('error') || status.startsWith('error'), `${volume.name} is ${volume.status}`);
    return volume.status === status ? volume : undefined;
  }, { withinMs: settleMs, everyMs: 100, what: `volume ${id} to be ${status}` });
  const create = async (facts: object): Promise<string> => {
    const { volume } = await cinder<{ volume: Volume }>('POST', '/volumes', { volume: { size: 1, ...facts } });
    await reaches(volume.id, 'available');
    return volume.id;
  };
  const attach = async (to: Guest, id: string): Promise<void> => {
    await admin.api.ask('compute', 'POST', `/v2.1/servers/${to.id}/os-volume_attachments`, { volumeAttachment: { volumeId: id } });
    await reaches(id, 'in-use');
  };
  const detach = async (from: Guest, id: string): Promise<void> => {
    await admin.api.ask('compute', 'DELETE', `/v2.1/servers/${from.id}/os-volume_attachments/${id}`);
    await reaches(id, 'available');
  };
  /** The guest's own name of the volume: the serial is its id, of which virtio shows 20 characters. */
  const deviceOf = async (in_: Guest, id: string): Promise<string> => await eventually(
    async () => (await in_.sh(`for d in /sys/block/vd*; do [ "$(cat $d/serial 2>/dev/null)" = ${id.slice(0, 20)} ] && echo /dev/\${d##*/}; done; true`)).trim(),
    { withinMs: 20_000, everyMs: 200, what: `a disk with serial ${id.slice(0, 20)}` },
  );
  const mounted = async (in_: Guest, id: string): Promise<string> => {
    const device = await deviceOf(in_, id);
    await in_.sh(`modprobe -q ext4; mkdir -p /mnt/${id.slice(0, 8)} && mount ${device} /mnt/${id.slice(0, 8)}`);
    return `/mnt/${id.slice(0, 8)}`;
  };
  const sumIn = async (in_: Guest, id: string): Promise<string> => {
    const folder = await mounted(in_, id);
    const text = (await in_.sh(`sha256sum ${folder}/file | cut -d' ' -f1; umount ${folder}`)).trim();
    assert.match(text, /^[0-9a-f]{64}$/);
    return text;
  };

  before(async () => {
    cloud = await testCloud();
    await cloud.up();
    admin = await tenant(cloud, 'admin');
    const group = await admin.groupNamed('storage');
    await admin.rule(group, { protocol: 'tcp', port_range_min: 22, port_range_max: 22 });
    const network = await admin.network('storage', ['10.50.0.0/24'], { router: await admin.router() });
    [one, two] = await Promise.all(['h1', 'h2'].map(async (host) => await admin.guest(`disk-${host}`, network.id, { host, securityGroups: ['storage'] })));
  });
  after(async () => await cloud?.close());

  it('carry a file from a guest on one host to a guest on the other', async () => {
    first = await create({ name: 'first' });
    await attach(guest(one), first);
    const device = await deviceOf(guest(one), first);
    await guest(one).sh(`mke2fs -q ${device}`);
    const folder = await mounted(guest(one), first);
    sum = (await guest(one).sh(`dd if=/dev/urandom of=${folder}/file bs=1M count=8 2>/dev/null; sync; sha256sum ${folder}/file | cut -d' ' -f1; umount ${folder}`)).trim();
    await detach(guest(one), first);
    await attach(guest(two), first);
    assert.equal(await sumIn(guest(two), first), sum);
  });

  it('have one guest at a time', async () => {
    const refused = await admin.api.send('compute', 'POST', `/v2.1/servers/${guest(one).id}/os-volume_attachments`, { volumeAttachment: { volumeId: first } });
    assert.equal(refused.status, 400);
    assert.equal((await show(first)).status, 'in-use');
  });

  it('are snapshotted while they are written, and copied from there', async () => {
    const folder = await mounted(guest(two), first);
    const writing = guest(two).sh(`for i in $(seq 1 40); do dd if=/dev/zero of=${folder}/noise bs=64k count=16 conv=fsync 2>/dev/null; done; umount ${folder}`, 60_000);
    const { snapshot } = await cinder<{ snapshot: { id: string } }>('POST', '/snapshots', { snapshot: { volume_id: first, name: 'while writing', force: true } });
    await eventually(async () => (await cinder<{ snapshot: { status: string } }>('GET', `/snapshots/${snapshot.id}`)).snapshot.status === 'available', { withinMs: settleMs, everyMs: 100, what: 'the snapshot' });
    await writing;
    const copy = await create({ name: 'from snapshot', snapshot_id: snapshot.id });
    await attach(guest(one), copy);
    assert.equal(await sumIn(guest(one), copy), sum);
    await detach(guest(one), copy);
    await cinder('DELETE', `/snapshots/${snapshot.id}`);
    await eventually(async () => (await admin.api.send('volume', 'GET', `/v3/snapshots/${snapshot.id}`)).status === 404, { withinMs: settleMs, everyMs: 100, what: 'the snapshot to be gone' });
    assert.equal(await sumIn(guest(two), first), sum);
    await cinder('DELETE', `/volumes/${copy}`);
  });

  it('grow under a running guest', async () => {
    const device = await deviceOf(guest(two), first);
    await admin.api.ask('volume', 'POST', `/v3/volumes/${first}/action`, { 'os-extend': { new_size: 2 } });
    await eventually(async () => (await guest(two).sh(`cat /sys/block/${device.slice(5)}/size`)).trim() === String(2 * 1024 * 1024 * 2), { withinMs: 30_000, everyMs: 200, what: 'the guest to see 2 GiB' });
    assert.equal((await reaches(first, 'in-use')).size, 2);
    await detach(guest(two), first);
  });

  it('come back from a backup', async () => {
    const { backup } = await cinder<{ backup: { id: string } }>('POST', '/backups', { backup: { volume_id: first, name: 'kept' } });
    await eventually(async () => (await cinder<{ backup: { status: string } }>('GET', `/backups/${backup.id}`)).backup.status === 'available', { withinMs: settleMs, everyMs: 200, what: 'the backup' });
    await cinder('DELETE', `/volumes/${first}`);
    await eventually(async () => (await admin.api.send('volume', 'GET', `/v3/volumes/${first}`)).status === 404, { withinMs: settleMs, everyMs: 100, what: 'the volume to be gone' });
    const { restore } = await cinder<{ restore: { volume_id: string } }>('POST', `/backups/${backup.id}/restore`, { restore: { name: 'restored' } });
    await reaches(restore.volume_id, 'available');
    await attach(guest(one), restore.volume_id);
    assert.equal(await sumIn(guest(one), restore.volume_id), sum);
    await detach(guest(one), restore.volume_id);
    await cinder('DELETE', `/volumes/${restore.volume_id}`);
  });

  it('are booted from, and kept or deleted with their server as asked', async () => {
    const [image = ''] = (await admin.api.ask<{ images: { id: string }[] }>('image', 'GET', '/v2/images?name=tiny-disk')).images.map(({ id }) => id);
    for (const deleted of [true, false]) {
      const { server } = await admin.api.ask<{ server: { id: string } }>('compute', 'POST', '/v2.1/servers', { server: {
        name: `boots-${deleted ? 'once' : 'again'}`, flavorRef: '42', networks: 'none', config_drive: true,
        block_device_mapping_v2: [{ source_type: 'image', destination_type: 'volume', uuid: image, boot_index: 0, volume_size: 1, delete_on_termination: deleted }],
      } });
      await eventually(async () => (await admin.api.ask<{ output: string }>('compute', 'POST', `/v2.1/servers/${server.id}/action`, { 'os-getConsoleOutput': {} }).catch(() => ({ output: '' }))).output.includes(`boots-${deleted ? 'once' : 'again'} login:`), { withinMs: 120_000, everyMs: 500, what: 'the guest to boot from its volume' });
      const { volumeAttachments: [attachment] } = await admin.api.ask<{ volumeAttachments: { volumeId: string }[] }>('compute', 'GET', `/v2.1/servers/${server.id}/os-volume_attachments`);
      assert.ok(attachment);
      await admin.api.ask('compute', 'DELETE', `/v2.1/servers/${server.id}`);
      const after_ = async (): Promise<string> => {
        const answer = await admin.api.send('volume', 'GET', `/v3/volumes/${attachment.volumeId}`);
        return answer.status === 404 ? 'gone' : (answer.body as unknown as { volume: Volume }).volume.status;
      };
      await eventually(async () => (await after_()) === (deleted ? 'gone' : 'available'), { withinMs: settleMs, everyMs: 200, what: `the volume to be ${deleted ? 'gone' : 'kept'}` });
    }
  });

  it('leave nothing that the audit minds', async () => {
    await eventually(async () => (await cloud.cobalt('doctor', '--audit')).includes('no differences'), { withinMs: 30_000, everyMs: 1_000, what: 'the audit to find nothing' });
  });
});
