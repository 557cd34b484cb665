// Two guests never write to one volume, whatever Cinder believes: by locks on the filer where
// QEMU's NFS client takes none, and by QEMU's own locks where the share is mounted.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { buildTestGuest } from '#adapters/libvirt/guest.testing.ts';
import { createNlmImageLocks } from '#adapters/nfs/nlm-image-locks.ts';
import type { NfsConnection } from '#contracts/cinder/volume-connection.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { GuestVolume } from '#contracts/nova/guest.ts';
import { tryTool } from '#hosts/local/run-tool.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { ok } from '#ports/hypervisor-fixture.testing.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { ImageLock, ImageLocks } from '#ports/image-locks.ts';
import { filerMissing } from './filer.testing.ts';
import { startStorageHost } from './storage-host.testing.ts';
import type { StorageHost } from './storage-host.testing.ts';

const missing = filerMissing();
const files = missing === false ? await buildTestGuest() : { skip: missing };

describe(
  'a volume has one writer',
  { skip: 'skip' in files ? files.skip : false, timeout: 240_000 },
  () => {
    let host: StorageHost;
    const open: Hypervisor[] = [];
    before(async () => {
      assert.ok(!('skip' in files));
      host = await startStorageHost(files);
    });
    afterEach(async () => {
      for (const hypervisor of open.splice(0)) await hypervisor.close();
    });
    after(async () => await host?.close());

    const locks = (): ImageLocks =>
      createNlmImageLocks(
        { host: 'h1', folder: join(host.dataDir, 'image-locks'), patienceMs: 0 },
        { log: silentLog, clock: systemClock },
      );
    const agent = (): Hypervisor => {
      const hypervisor = host.open({ imageLocks: locks(), imageLockCheckMs: 300 });
      open.push(hypervisor);
      return hypervisor;
    };
    const nfs = ({ connection }: GuestVolume): NfsConnection => {
      assert.ok(connection.protocol === 'nfs');
      return connection;
    };
    /**
     * Whether the image is not locked, tested by a QEMU of this machine on the exported file
     * itself.
     */
    const isFree = async (volume: GuestVolume): Promise<boolean> => {
      const { code, stderr } = await tryTool('qemu-io', [
        '-f',
        'qcow2',
        '-c',
        'write 0 512',
        join(host.folder, nfs(volume).file),
      ]);
      assert.ok(code === 0 || /Failed to (lock byte|get .*lock)/.test(stderr), stderr);
      return code === 0;
    };
    const refuses = (outcome: Outcome<unknown>, why: RegExp): void => {
      assert.ok(isFault(outcome), 'it was not refused');
      assert.match(`${outcome.kind}: ${outcome.message}`, why);
    };

    test('while a guest has it: refused to another guest, also from its start, and to any QEMU; free after the detachment', async () => {
      const hypervisor = agent();
      const [volume, other] = [await host.volume('vda'), await host.volume('vda')];
      const [one, two, three] = [host.spec([]), host.spec([other]), host.spec([volume])];
      for (const guest of [one, two]) ok(await hypervisor.create(guest));
      await host.booted(hypervisor, one, 1);
      ok(await hypervisor.attachVolume(one.uuid, volume));
      const byOne = new RegExp(
        `conflict: volume ${volume.volumeId} is locked on the filer by guest ${one.uuid} on host h1`,
      );
      refuses(await hypervisor.attachVolume(two.uuid, { ...volume, device: 'vdb' }), byOne);
      refuses(await hypervisor.create(three), byOne);
      assert.equal(ok(await hypervisor.state(three.uuid)), 'absent');
      assert.deepEqual(await Promise.all([isFree(volume), isFree(other)]), [false, false]);

      ok(await hypervisor.detachVolume(one.uuid, volume.volumeId));
      assert.equal(await isFree(volume), true);
      ok(await hypervisor.attachVolume(two.uuid, { ...volume, device: 'vdb' }));
      refuses(await hypervisor.attachVolume(one.uuid, volume), /conflict/);
      for (const guest of [one, two]) ok(await hypervisor.destroy(guest.uuid));
      assert.deepEqual(await Promise.all([isFree(volume), isFree(other)]), [true, true]);
    });

    test('a snapshot under a guest moves the lock to the image that takes the writes', async () => {
      const hypervisor = agent();
      const before_ = await host.volume('vda');
      const guest = host.spec([before_]);
      ok(await hypervisor.create(guest));
      const key = { id: randomUUID(), volumeId: before_.volumeId };
      const { newFile } = ok(await host.backend.prepareOnlineSnapshot(key));
      const now = { ...before_, connection: { ...nfs(before_), file: newFile ?? '' } };
      ok(await hypervisor.snapshotVolume(guest.uuid, before_.volumeId, now.connection));
      assert.equal(await isFree(now), false);
      assert.equal(await isFree(before_), true);
      ok(await hypervisor.destroy(guest.uuid));
      assert.equal(await isFree(now), true);
    });

    test('an agent that died: what it held is held again, what it held for nothing is released', async () => {
      const first = agent();
      const [had, half] = [await host.volume('vda'), await host.volume('vdb')];
      const guest = host.spec([had]);
      ok(await first.create(guest));
      await first.close();
      const lockOf = (volume: GuestVolume): ImageLock => ({
        guest: guest.uuid,
        volumeId: volume.volumeId,
        server: host.server,
        path: `${nfs(volume).share}/${nfs(volume).file}`,
      });
      const earlier = locks();
      ok(await earlier.hold(lockOf(half))); // the agent died before it defined the volume
      // As if the filer had forgotten the lock, and the host had lost its note.
      ok(await earlier.release(lockOf(had)));
      await earlier.close();
      assert.deepEqual(await Promise.all([isFree(had), isFree(half)]), [true, false]);
      const second = agent();
      await eventually(async () => !(await isFree(had)) && (await isFree(half)), {
        withinMs: 10_000,
        what: 'the locks to be those of the definitions',
      });
      ok(await second.stop(guest.uuid, 0));
      assert.equal(await isFree(had), false, 'a guest that is off keeps its volumes');
      ok(await second.start(guest.uuid));
      ok(await second.destroy(guest.uuid));
      assert.equal(await isFree(had), true);
    });

    test('while the filer says nothing a guest goes all the same, and its lock when the filer is back', async () => {
      const hypervisor = agent();
      const volume = await host.volume('vda');
      const guest = host.spec([volume]);
      ok(await hypervisor.create(guest));
      const goOn = await host.hangFiler();
      try {
        ok(await hypervisor.destroy(guest.uuid));
        refuses(await hypervisor.create(host.spec([volume])), /timeout|unavailable/);
      } finally {
        await goOn();
      }
      await eventually(async () => await isFree(volume), {
        withinMs: 30_000,
        what: 'the lock to be released',
      });
      ok(await hypervisor.create(guest));
      ok(await hypervisor.destroy(guest.uuid));
    });

    test("where the share is mounted, by QEMU's own lock", async () => {
      const hypervisor = host.open({
        mounts: [{ server: host.server, share: '/vol', path: host.folder }],
      });
      open.push(hypervisor);
      const volume = await host.volume('vda');
      const [one, two] = [host.spec([volume]), host.spec([])];
      for (const guest of [one, two]) ok(await hypervisor.create(guest));
      refuses(await hypervisor.attachVolume(two.uuid, volume), /Failed to (lock byte|get .*lock)/);
      assert.equal(await isFree(volume), false);
      const { newFile } = ok(
        await host.backend.prepareOnlineSnapshot({ id: randomUUID(), volumeId: volume.volumeId }),
      );
      const now = { ...volume, connection: { ...nfs(volume), file: newFile ?? '' } };
      ok(await hypervisor.snapshotVolume(one.uuid, volume.volumeId, now.connection));
      assert.equal(await isFree(now), false);
      ok(await hypervisor.stop(one.uuid, 0));
      assert.equal(await isFree(now), true);
      ok(await hypervisor.attachVolume(two.uuid, now));
      assert.equal(await isFree(now), false);
      for (const guest of [one, two]) ok(await hypervisor.destroy(guest.uuid));
    });
  },
);
