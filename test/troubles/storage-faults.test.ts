// Storage failures as a tenant sees them: a full share, an unreachable share, files that changed
// behind the server's back. Clear faults, correct states, a user message, and nothing half created.
// The share is a small file system of its own, so that it can really be full.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';
import type { Guest, Tenant } from '../e2e/network.testing.ts';
import { tenant } from '../e2e/network.testing.ts';

interface Volume {
  id: string;
  name: string;
  status: string;
  size: number;
}
interface Message {
  event_id: string;
  user_message: string;
  resource_uuid: string;
}

const run = promisify(execFile);
const settleMs = 30_000;
/** The size of the share, which Cinder may overcommit 20 times: 10 volumes of 1 GiB. */
const shareMib = 512;
const mib = 1024 * 1024;

describe('storage in trouble', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  let demo: Tenant;
  let admin: Tenant;
  /** Mount point of a small file system that contains the share as one of its folders. */
  let disk = '';
  /** That folder, which holds the files of the volumes. */
  let folder = '';
  let image = '';
  let [blank, filled, backup] = ['', '', ''];
  let guest: Guest | undefined;
  let server = '';

  const cinder = async <T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<T> => await demo.api.ask<T>('volume', method, `/v3${path}`, body as never);
  /** Status of a volume, snapshot or backup; 'gone' if it does not exist. */
  const statusOf = async (kind: 'volume' | 'snapshot' | 'backup', id: string): Promise<string> => {
    const { status, body } = await demo.api.send('volume', 'GET', `/v3/${kind}s/${id}`);
    return status === 404
      ? 'gone'
      : ((body as Record<string, { status: string }>)[kind]?.status ?? '');
  };
  const reaches = async (
    kind: 'volume' | 'snapshot' | 'backup',
    id: string,
    status: string,
  ): Promise<void> =>
    await eventually(
      async () => {
        const now = await statusOf(kind, id);
        assert.ok(
          now === status ||
            !(now.startsWith('error') || (now === 'available' && status.startsWith('error'))),
          `${kind} ${id} is ${now}, not ${status}`,
        );
        return now === status;
      },
      { withinMs: settleMs, everyMs: 50, what: `${kind} ${id} to be ${status}` },
    ).then(() => undefined);
  const create = async (facts: object, ends = 'available'): Promise<string> => {
    const { volume } = await cinder<{ volume: Volume }>('POST', '/volumes', {
      volume: { size: 1, ...facts },
    });
    await reaches('volume', volume.id, ends);
    return volume.id;
  };
  const snapshot = async (volumeId: string, ends: string): Promise<string> => {
    const creation = await cinder<{ snapshot: { id: string } }>('POST', '/snapshots', {
      snapshot: { volume_id: volumeId },
    });
    await reaches('snapshot', creation.snapshot.id, ends);
    return creation.snapshot.id;
  };
  const remove = async (kind: 'volume' | 'snapshot', id: string): Promise<void> => {
    await cinder('DELETE', `/${kind}s/${id}`);
    await reaches(kind, id, 'gone');
  };
  const act = async (id: string, action: object): Promise<void> =>
    await cinder('POST', `/volumes/${id}/action`, action);
  /** The latest user message about an object. */
  const latestMessage = async (id: string): Promise<Message> =>
    await eventually(
      async () =>
        (await cinder<{ messages: Message[] }>('GET', `/messages?resource_uuid=${id}`)).messages[0],
      { withinMs: 5_000, everyMs: 50, what: `a message about ${id}` },
    );
  const tells = async (id: string, event: string, words: RegExp): Promise<void> => {
    const { event_id, user_message } = await latestMessage(id);
    assert.equal(event_id, event, user_message);
    assert.match(user_message, words);
    assert.doesNotMatch(
      user_message,
      /\d+\.\d+\.\d+\.\d+|qemu-img|NFS3/,
      'nothing of what is beneath',
    );
  };
  const usage = async (): Promise<Record<string, number>> => {
    const { absolute } = (
      await cinder<{ limits: { absolute: Record<string, number> } }>('GET', '/limits')
    ).limits;
    return Object.fromEntries(Object.entries(absolute).filter(([name]) => name.endsWith('Used')));
  };
  const files = (): string[] => readdirSync(folder).toSorted();
  /** Fills the share except for this many bytes. */
  const leave = async (bytes: number): Promise<void> => {
    makeRoom();
    const { bavail, bsize } = statfsSync(folder);
    await run('fallocate', ['-l', String(bavail * bsize - bytes), join(disk, 'filler')]);
  };
  const makeRoom = (): void => rmSync(join(disk, 'filler'), { force: true });
  const signal = async (name: 'STOP' | 'CONT' | 'KILL'): Promise<void> => {
    const [, init = ''] = readFileSync(join(cloud.dir, 'filer/init.pid'), 'utf8').split(' ');
    await run('nsenter', [
      '-t',
      init,
      '-m',
      '-p',
      '/bin/kill',
      `-${name}`,
      readFileSync(join(cloud.dir, 'filer/run/ganesha.pid'), 'utf8').trim(),
    ]);
  };
  const audited = async (): Promise<void> =>
    await eventually(
      async () => {
        assert.match(
          await cloud
            .cobalt('doctor', '--audit')
            .catch((error: { stdout: string }) => error.stdout),
          /no differences/,
        );
        return true;
      },
      { withinMs: settleMs, everyMs: 500, what: 'the audit to find nothing' },
    ).then(() => undefined);
  const serverStatus = async (): Promise<string> =>
    (
      await demo.api.ask<{ server: { status: string } }>(
        'compute',
        'GET',
        `/v2.1/servers/${server}`,
      )
    ).server.status;
  const attach = async (id: string): Promise<void> =>
    await demo.api.ask('compute', 'POST', `/v2.1/servers/${server}/os-volume_attachments`, {
      volumeAttachment: { volumeId: id },
    });
  const attached = async (): Promise<string[]> =>
    (
      await demo.api.ask<{ volumeAttachments: { volumeId: string }[] }>(
        'compute',
        'GET',
        `/v2.1/servers/${server}/os-volume_attachments`,
      )
    ).volumeAttachments.map(({ volumeId }) => volumeId);
  const backendState = async (): Promise<(string | undefined)[]> => {
    const { services } = await admin.api.ask<{ services: { binary: string; state: string }[] }>(
      'volume',
      'GET',
      '/v3/os-services?binary=cinder-volume',
    );
    const { pools } = await admin.api.ask<{ pools: { capabilities: { backend_state: string } }[] }>(
      'volume',
      'GET',
      '/v3/scheduler-stats/get_pools?detail=true',
    );
    return [services[0]?.state, pools[0]?.capabilities.backend_state];
  };

  before(async () => {
    cloud = await testCloud();
    [disk, folder] = [join(cloud.dir, 'disk'), join(cloud.dir, 'disk/share')];
    mkdirSync(disk);
    await run('mount', ['-t', 'tmpfs', '-o', `size=${shareMib}m`, 'tmpfs', disk]);
    for (const directory of [folder, join(cloud.dir, 'filer/export')])
      mkdirSync(directory, { recursive: true });
    await run('mount', ['--bind', folder, join(cloud.dir, 'filer/export')]);
    await cloud.up();
    [demo, admin] = [await tenant(cloud, 'demo'), await tenant(cloud, 'admin')];
    image =
      (
        await demo.api.ask<{ images: { id: string }[] }>(
          'image',
          'GET',
          '/v2/images?name=tiny-disk',
        )
      ).images[0]?.id ?? '';
    const network = await demo.network('faults', ['10.51.0.0/24'], { router: await demo.router() });
    await demo.rule(await demo.groupNamed('faults'), {
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
    });
    [guest, blank, filled] = await Promise.all([
      demo.guest('sufferer', network.id, { securityGroups: ['faults'] }),
      create({ name: 'blank' }),
      create({ name: 'filled', imageRef: image }),
    ]);
    server = guest.id;
    backup = (
      await cinder<{ backup: { id: string } }>('POST', '/backups', {
        backup: { volume_id: filled },
      })
    ).backup.id;
    await reaches('backup', backup, 'available');
  });
  afterEach(makeRoom);
  after(async () => {
    await signal('CONT').catch(() => undefined);
    await cloud?.cobalt('down').catch(() => undefined);
    for (const mounted of [join(cloud.dir, 'filer/export'), disk])
      await run('umount', ['-l', mounted]).catch(() => undefined);
    await cloud?.close();
  });

  it('a volume that no backend can hold is in error, and its owner is told', async () => {
    const before_ = await usage();
    const id = await create({ size: 100 }, 'error');
    await tells(
      id,
      'VOLUME_VOLUME_001_003',
      /No storage could be allocated for this volume request/,
    );
    await remove('volume', id);
    assert.deepEqual(await usage(), before_);
  });

  it('on a full share what takes room fails, says so and leaves nothing; what takes none goes on', async () => {
    const [filesBefore, usedBefore] = [files(), await usage()];
    const failed: string[] = [];
    const fails = async (facts: object, event: string): Promise<void> => {
      const id = await create(facts, 'error');
      await tells(id, event, /There is not enough room on the storage/);
      failed.push(id);
    };
    await leave(mib);
    await fails({ imageRef: image }, 'VOLUME_VOLUME_005_006');
    await fails({ source_volid: filled }, 'VOLUME_VOLUME_008_006');
    const { restore } = await cinder<{ restore: { volume_id: string } }>(
      'POST',
      `/backups/${backup}/restore`,
      { restore: {} },
    );
    await reaches('volume', restore.volume_id, 'error');
    await tells(backup, 'VOLUME_VOLUME_BACKUP_015_006', /There is not enough room on the storage/);
    failed.push(restore.volume_id);
    assert.equal(await statusOf('backup', backup), 'available');
    // Leaves space for the volume's image, but not for its note.
    await leave(196_624 + 4096 - (196_624 % 4096));
    await fails({}, 'VOLUME_VOLUME_008_006');
    assert.deepEqual(files(), filesBefore, 'no file is left while the volumes are in error');

    await leave(0);
    await act(blank, { 'os-extend': { new_size: 2 } });
    await reaches('volume', blank, 'available');
    await tells(blank, 'VOLUME_VOLUME_007_006', /extend volume/);
    assert.equal((await cinder<{ volume: Volume }>('GET', `/volumes/${blank}`)).volume.size, 1);
    const failedSnapshot = await snapshot(blank, 'error');
    await tells(
      failedSnapshot,
      'VOLUME_VOLUME_SNAPSHOT_009_006',
      /There is not enough room on the storage/,
    );
    await remove('snapshot', failedSnapshot);
    const backupId = (
      await cinder<{ backup: { id: string } }>('POST', '/backups', {
        backup: { volume_id: filled },
      })
    ).backup.id;
    await reaches('backup', backupId, 'available');
    await cinder('DELETE', `/backups/${backupId}`);
    await act(filled, {
      'os-volume_upload_image': { image_name: 'from a full share', disk_format: 'qcow2' },
    });
    await reaches('volume', filled, 'available');
    await reaches('backup', backupId, 'gone');

    for (const id of failed) await remove('volume', id);
    assert.deepEqual([files(), await usage()], [filesBefore, usedBefore]);
    makeRoom();
    await audited();
  });

  it('a guest that finds the share full is paused, and goes on where it was once there is room', async () => {
    assert.ok(guest);
    await attach(blank);
    await reaches('volume', blank, 'in-use');
    const device = await eventually(
      async () =>
        (
          await guest?.sh(
            `for d in /sys/block/vd*; do [ "$(cat $d/serial 2>/dev/null)" = ${blank.slice(0, 20)} ] && echo /dev/\${d##*/}; done; true`,
          )
        )?.trim(),
      { withinMs: settleMs, everyMs: 200, what: 'the disk in the guest' },
    );
    await leave(4 * mib);
    await guest
      .sh(
        `dd if=/dev/urandom of=/tmp/what bs=1M count=12 2>/dev/null; (trap '' HUP; dd if=/tmp/what of=${device} bs=1M oflag=direct </dev/null >/dev/null 2>&1 &)`,
      )
      .catch(() => undefined); // the server was paused before it could close the connection
    await eventually(async () => (await serverStatus()) === 'PAUSED', {
      withinMs: settleMs,
      everyMs: 100,
      what: 'the guest to be paused',
    });
    makeRoom();
    await demo.api.ask('compute', 'POST', `/v2.1/servers/${server}/action`, { unpause: null });
    await eventually(async () => (await serverStatus()) === 'ACTIVE', {
      withinMs: settleMs,
      everyMs: 100,
      what: 'the guest to run',
    });
    const [written, expected] = await eventually(
      async () => {
        const sums = (
          await guest
            ?.sh(
              `pidof dd >/dev/null || { dd if=${device} bs=1M count=12 iflag=direct 2>/dev/null | sha256sum; sha256sum </tmp/what; }`,
            )
            .catch(() => '')
        )?.match(/[0-9a-f]{64}/g);
        return sums?.length === 2 ? sums : undefined;
      },
      { withinMs: settleMs, everyMs: 300, what: 'the guest to have written' },
    );
    assert.equal(written, expected);
    assert.equal(await serverStatus(), 'ACTIVE');
    await demo.api.ask(
      'compute',
      'DELETE',
      `/v2.1/servers/${server}/os-volume_attachments/${blank}`,
    );
    await reaches('volume', blank, 'available');
  });

  it('files that were replaced under the server are found again', async () => {
    // New inodes under the old names: the server's cached handles become stale.
    const anew = (): void => {
      for (const name of files().filter((file) => file.includes(filled))) {
        copyFileSync(join(folder, name), join(disk, name));
        renameSync(join(disk, name), join(folder, name));
      }
    };
    anew();
    await act(filled, { 'os-extend': { new_size: 2 } });
    await eventually(
      async () => (await cinder<{ volume: Volume }>('GET', `/volumes/${filled}`)).volume.size === 2,
      { withinMs: settleMs, everyMs: 50, what: 'the extension' },
    );
    await reaches('volume', filled, 'available');
    anew();
    await signal('KILL');
    const copy = await create({ size: 2, source_volid: filled });
    const snapshotId = await snapshot(copy, 'available');
    await remove('snapshot', snapshotId);
    await remove('volume', copy);
    await audited();
  });

  it('while the share is away everything ends in bounded time, and works again when it is back', async () => {
    const usedBefore = await usage();
    assert.deepEqual(await backendState(), ['up', 'up']);
    await signal('STOP');
    const { volume: placed } = await cinder<{ volume: Volume }>('POST', '/volumes', {
      volume: { size: 1 },
    });
    await attach(blank);
    const [volumeId, failedSnapshot] = await Promise.all([
      create({ imageRef: image }, 'error'),
      snapshot(filled, 'error'),
      reaches('volume', placed.id, 'error'),
      eventually(async () => (await attached()).length === 0, {
        withinMs: settleMs,
        everyMs: 100,
        what: 'the attachment to be given up',
      }),
    ]);
    await reaches('volume', blank, 'available');
    for (const id of [volumeId, placed.id])
      assert.match(
        (await latestMessage(id)).user_message,
        /does not answer|No storage could be allocated/,
      );
    await tells(
      blank,
      'VOLUME_VOLUME_002_002',
      /attach volume:The storage does not answer at present/,
    );
    assert.deepEqual(await backendState(), ['down', 'down']);
    await tells(failedSnapshot, 'VOLUME_VOLUME_SNAPSHOT_009_002', /does not answer/);
    assert.equal(await serverStatus(), 'ACTIVE');

    await signal('CONT');
    await eventually(async () => (await backendState()).every((state) => state === 'up'), {
      withinMs: settleMs,
      everyMs: 500,
      what: 'the backend to be up',
    });
    await remove('snapshot', failedSnapshot);
    for (const id of [volumeId, placed.id]) await remove('volume', id);
    assert.deepEqual(
      { ...(await usage()), totalGigabytesUsed: 0 },
      { ...usedBefore, totalGigabytesUsed: 0 },
    );
    await attach(blank);
    await reaches('volume', blank, 'in-use');
    await create({ source_volid: blank }); // a volume in use is copied by a temporary snapshot
    await eventually(
      async () =>
        (await cinder<{ snapshots: object[] }>('GET', '/snapshots')).snapshots.length === 0,
      { withinMs: settleMs, everyMs: 100, what: 'that snapshot to be gone' },
    );
    await audited();
  });
});
