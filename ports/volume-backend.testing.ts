// The contract of ports/volume-backend.ts as a test suite for every driver. `carriesBytes` is false
// for a driver that stores no data (sim).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Fault } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { writeReferringImage } from './referring-image.testing.ts';
import type { VolumeBackend } from './volume-backend.ts';

const mib = 1024 * 1024;

export function volumeBackendContract(
  name: string,
  {
    open,
    carriesBytes,
    skip = false,
  }: { open(): Promise<VolumeBackend>; carriesBytes: boolean; skip?: string | false },
): void {
  describe(`volume backend ${name}`, { skip, timeout: 180_000 }, () => {
    let backend: VolumeBackend;
    const folder = mkdtempSync(join(tmpdir(), 'cc-volumes-'));
    const sure = <T>(outcome: T): Exclude<T, Fault> => {
      assert.ok(!isFault(outcome), isFault(outcome) ? outcome.message : '');
      return outcome as Exclude<T, Fault>; // asserted above
    };
    const assertRefusal = (outcome: unknown, kind: string): void => {
      assert.ok(isFault(outcome), 'a fault');
      assert.equal(outcome.kind, kind, outcome.message);
    };
    const volume = async (sizeGib = 1): Promise<string> => {
      const id = randomUUID();
      sure(await backend.createVolume(id, sizeGib, { kind: 'blank' }));
      return id;
    };
    /** Fills the volume's first MiB with random bytes and returns them. */
    const fill = async (id: string, sizeGib = 1): Promise<Buffer> => {
      const [path, data] = [join(folder, randomUUID()), randomBytes(mib)];
      writeFileSync(path, data);
      sure(await backend.importFile(id, sizeGib, { path, diskFormat: 'raw' }));
      return data;
    };
    const content = async (source: Parameters<VolumeBackend['exportFile']>[0]): Promise<Buffer> => {
      const path = join(folder, randomUUID());
      sure(await backend.exportFile(source, { path, format: 'raw' }));
      const [start, file] = [Buffer.alloc(mib), openSync(path, 'r')];
      readSync(file, start);
      closeSync(file);
      rmSync(path);
      return start;
    };
    const holds = async (
      source: Parameters<VolumeBackend['exportFile']>[0],
      data: Buffer,
    ): Promise<void> => {
      if (carriesBytes) assert.ok((await content(source)).equals(data));
    };

    before(async () => {
      backend = await open();
    });
    after(() => {
      backend?.close();
      rmSync(folder, { recursive: true });
    });

    test('tells what it is and how much room it has', async () => {
      const facts = sure(await backend.facts());
      assert.ok(facts.totalGib > 0 && facts.freeGib > 0 && facts.freeGib <= facts.totalGib);
      assert.ok(facts.storageProtocol.length > 0 && facts.vendorName.length > 0);
    });

    test('makes a volume, twice, and removes it, twice', async () => {
      const id = await volume();
      sure(await backend.createVolume(id, 1, { kind: 'blank' }));
      sure(await backend.connection(id));
      assert.ok(sure(await backend.inventory()).volumes.some((found) => found.id === id));
      sure(await backend.deleteVolume(id));
      sure(await backend.deleteVolume(id));
      assertRefusal(await backend.connection(id), 'notFound');
      assert.ok(!sure(await backend.inventory()).volumes.some((found) => found.id === id));
    });

    test('grows a volume, never shrinks it', async () => {
      const id = await volume(2);
      const data = await fill(id, 2);
      sure(await backend.extendVolume(id, 3));
      sure(await backend.extendVolume(id, 3));
      assertRefusal(await backend.extendVolume(id, 2), 'conflict');
      await holds({ volumeId: id }, data);
      assertRefusal(await backend.extendVolume(randomUUID(), 3), 'notFound');
      sure(await backend.deleteVolume(id));
    });

    test('copies a volume and a snapshot, also into a larger one', async () => {
      const id = await volume();
      const first = await fill(id);
      const snapshot = { id: randomUUID(), volumeId: id };
      sure(await backend.createSnapshot(snapshot));
      sure(await backend.createSnapshot(snapshot));
      const second = await fill(id);
      const [clone, older] = [randomUUID(), randomUUID()];
      sure(await backend.createVolume(clone, 2, { kind: 'volume', id }));
      sure(await backend.createVolume(older, 1, { kind: 'snapshot', snapshot }));
      await holds({ volumeId: clone }, second);
      await holds({ volumeId: older }, first);
      await holds({ snapshot }, first);
      assertRefusal(
        await backend.createVolume(randomUUID(), 1, {
          kind: 'snapshot',
          snapshot: { ...snapshot, id: randomUUID() },
        }),
        'notFound',
      );
      assertRefusal(
        await backend.createVolume(randomUUID(), 1, { kind: 'volume', id: randomUUID() }),
        'notFound',
      );
      for (const each of [id, clone, older]) sure(await backend.deleteVolume(each));
    });

    test('keeps each snapshot as it was, in whatever order they go', async () => {
      for (const order of [
        [0, 1, 2],
        [2, 1, 0],
        [1, 0, 2],
        [1, 2, 0],
      ]) {
        const id = await volume();
        const snapshots = [];
        for (let number = 0; number < 3; number += 1) {
          const key = { id: randomUUID(), volumeId: id };
          const data = await fill(id);
          sure(await backend.createSnapshot(key));
          snapshots.push({ key, data });
        }
        const last = await fill(id);
        const removedNumbers = new Set<number>();
        for (const which of order) {
          const one = snapshots[which];
          assert.ok(one);
          const inUse = which === 1;
          sure(await backend.deleteSnapshot(one.key, { inUse }));
          sure(await backend.deleteSnapshot(one.key, { inUse }));
          removedNumbers.add(which);
          await holds({ volumeId: id }, last);
          for (const [number, { key, data }] of snapshots.entries())
            if (!removedNumbers.has(number)) await holds({ snapshot: key }, data);
        }
        sure(await backend.settle(id));
        sure(await backend.settle(id));
        await holds({ volumeId: id }, last);
        assert.deepEqual(
          sure(await backend.inventory()).volumes.find((found) => found.id === id)?.snapshots,
          [],
        );
        sure(await backend.deleteVolume(id));
      }
    });

    test('takes an online snapshot in two steps, and lets it be', async () => {
      const id = await volume();
      const [keptSnapshot, droppedSnapshot] = [
        { id: randomUUID(), volumeId: id },
        { id: randomUUID(), volumeId: id },
      ];
      const before = sure(await backend.connection(id));
      sure(await backend.prepareOnlineSnapshot(droppedSnapshot));
      sure(await backend.abandonOnlineSnapshot(droppedSnapshot));
      sure(await backend.abandonOnlineSnapshot(droppedSnapshot));
      assert.deepEqual(sure(await backend.connection(id)), before);
      sure(await backend.prepareOnlineSnapshot(keptSnapshot));
      sure(await backend.prepareOnlineSnapshot(keptSnapshot));
      sure(await backend.finishOnlineSnapshot(keptSnapshot));
      sure(await backend.finishOnlineSnapshot(keptSnapshot));
      assert.deepEqual(
        sure(await backend.inventory()).volumes.find((found) => found.id === id)?.snapshots,
        [keptSnapshot.id],
      );
      sure(await backend.deleteVolume(id));
      assert.deepEqual(
        sure(await backend.inventory()).strays.filter((name) => name.includes(id)),
        [],
      );
    });

    test('refuses an image that is too large or none at all', async () => {
      const id = await volume();
      const large = join(folder, 'large.raw');
      writeFileSync(large, '');
      truncateSync(large, 1024 * mib + 512);
      assertRefusal(
        await backend.importFile(id, 1, { path: large, diskFormat: 'raw' }),
        'tooLarge',
      );
      if (carriesBytes) {
        writeFileSync(join(folder, 'no-image'), 'this is no qcow2');
        assertRefusal(
          await backend.importFile(id, 1, { path: join(folder, 'no-image'), diskFormat: 'qcow2' }),
          'badRequest',
        );
      }
      assertRefusal(
        await backend.importFile(randomUUID(), 1, { path: large, diskFormat: 'raw' }),
        'notFound',
      );
      sure(await backend.deleteVolume(id));
    });

    test(
      'takes an image of each disk format as its disk, and an ISO or an AMI as the bytes they are',
      { skip: !carriesBytes },
      async () => {
        const [plain, data] = [join(folder, 'plain'), randomBytes(mib)];
        writeFileSync(plain, data);
        const qemuFormats = {
          raw: 'raw',
          iso: 'raw',
          ami: 'raw',
          aki: 'raw',
          ari: 'raw',
          qcow2: 'qcow2',
          vmdk: 'vmdk',
          vdi: 'vdi',
          vhd: 'vpc',
          vhdx: 'vhdx',
          ploop: 'parallels',
        };
        for (const [diskFormat, qemuFormat] of Object.entries(qemuFormats)) {
          const [id, path] = [await volume(), join(folder, `image-${diskFormat}`)];
          execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', qemuFormat, plain, path]);
          sure(await backend.importFile(id, 1, { path, diskFormat }));
          assert.ok((await content({ volumeId: id })).equals(data), diskFormat);
          sure(await backend.deleteVolume(id));
        }
      },
    );

    test(
      'says why an image may not be used, and names no path',
      { skip: !carriesBytes },
      async () => {
        const id = await volume();
        const before_ = await fill(id);
        const path = join(folder, 'refers-to-another');
        writeReferringImage(path, '/etc/passwd');
        const descriptor = join(folder, 'descriptor');
        writeFileSync(
          descriptor,
          '# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 2048 FLAT "/etc/passwd" 0\n',
        );
        for (const image of [
          { path, diskFormat: 'qcow2' },
          { path: descriptor, diskFormat: 'vmdk' },
          { path: descriptor, diskFormat: 'no such format' },
        ]) {
          const outcome = await backend.importFile(id, 1, image);
          assertRefusal(outcome, 'badRequest');
          assert.ok(
            isFault(outcome) &&
              /refers to another file|not supported/.test(outcome.message) &&
              !outcome.message.includes('/'),
            JSON.stringify(outcome),
          );
        }
        await holds({ volumeId: id }, before_);
        sure(await backend.deleteVolume(id));
      },
    );

    test('ends a copy when nobody waits for it any more', { skip: !carriesBytes }, async () => {
      const [id, path] = [await volume(), join(folder, 'endless')];
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, '1G']);
      assertRefusal(
        await backend.importFile(
          id,
          1,
          { path, diskFormat: 'qcow2' },
          { signal: AbortSignal.abort() },
        ),
        'timeout',
      );
      assertRefusal(
        await backend.exportFile(
          { volumeId: id },
          { path: join(folder, 'ended'), format: 'raw' },
          { signal: AbortSignal.abort() },
        ),
        'timeout',
      );
      sure(await backend.deleteVolume(id));
    });

    test('leaves nothing behind', async () => {
      const { strays } = sure(await backend.inventory());
      assert.deepEqual(strays, []);
    });
  });
}
