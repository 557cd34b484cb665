// Volumes in a guest of a real host, over a real NFS server by QEMU's own client: what the contract
// suite tests with plain files.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { buildTestGuest } from '#adapters/libvirt/guest.testing.ts';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { GuestSpec, GuestVolume } from '#contracts/nova/guest.ts';
import { runTool } from '#hosts/local/run-tool.ts';
import { ok } from '#ports/hypervisor-fixture.testing.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import { filerMissing } from './filer.testing.ts';
import { startStorageHost } from './storage-host.testing.ts';
import type { StorageHost } from './storage-host.testing.ts';

const missing = filerMissing();
const files = missing === false ? await buildTestGuest() : { skip: missing };

describe(
  'volumes on a filer',
  { skip: 'skip' in files ? files.skip : false, timeout: 240_000 },
  () => {
    let host: StorageHost;
    let hypervisor: Hypervisor;
    let backend: VolumeBackend;
    before(async () => {
      assert.ok(!('skip' in files));
      host = await startStorageHost(files);
      backend = host.backend;
      hypervisor = host.open();
    });
    after(async () => {
      await hypervisor?.close();
      await host?.close();
    });

    const volume = async (device: string): Promise<GuestVolume> => await host.volume(device);
    const booted = async (guest: GuestSpec, times: number): Promise<string> =>
      await host.booted(hypervisor, guest, times);
    const fileOf = (connection: VolumeConnection): string =>
      connection.protocol === 'nfs'
        ? `nfs://${host.server}${connection.share}/${connection.file}`
        : '';
    const sizeOf = async (connection: VolumeConnection): Promise<number> =>
      (
        JSON.parse(
          await runTool('qemu-img', ['info', '-U', '--output=json', fileOf(connection)]),
        ) as { 'virtual-size': number }
      )['virtual-size'] /
      1024 ** 3;

    test('are in a guest from its start and come and go while it runs; it sees their serials', async () => {
      const [first, second] = [await volume('vda'), await volume('vdb')];
      const guest = host.spec([first]);
      ok(await hypervisor.create(guest));
      await booted(guest, 1);
      assert.match(
        ok(await hypervisor.consoleLog(guest.uuid, 64 * 1024)),
        new RegExp(`vda=${first.volumeId.slice(0, 20)}:2097152`),
      );
      const startedMs = performance.now();
      ok(await hypervisor.attachVolume(guest.uuid, second));
      assert.ok(performance.now() - startedMs < 5_000);
      ok(await hypervisor.resizeVolume(guest.uuid, second.volumeId, 2));
      assert.equal(await sizeOf(second.connection), 2);
      ok(await hypervisor.reboot(guest.uuid, 'hard', 0));
      await booted(guest, 2);
      assert.match(
        ok(await hypervisor.consoleLog(guest.uuid, 64 * 1024)),
        new RegExp(`vdb=${second.volumeId.slice(0, 20)}:4194304`),
      );
      for (const { volumeId } of [first, second])
        ok(await hypervisor.detachVolume(guest.uuid, volumeId));
      assert.deepEqual(ok(await hypervisor.volumes(guest.uuid)), []);
      ok(await hypervisor.destroy(guest.uuid));
    });

    test('are snapshotted under a running guest, which starts from the new image ever after', async () => {
      const rootVolume = await volume('vda');
      const guest = host.spec([rootVolume]);
      ok(await hypervisor.create(guest));
      await booted(guest, 1);
      for (const id of [randomUUID(), randomUUID()]) {
        const key = { id, volumeId: rootVolume.volumeId };
        const { newFile } = ok(await backend.prepareOnlineSnapshot(key));
        assert.ok(rootVolume.connection.protocol === 'nfs');
        for (const _ of [1, 2])
          ok(
            await hypervisor.snapshotVolume(guest.uuid, rootVolume.volumeId, {
              ...rootVolume.connection,
              file: newFile ?? '',
            }),
          );
        ok(await backend.finishOnlineSnapshot(key));
      }
      const now = ok(await backend.connection(rootVolume.volumeId));
      ok(await hypervisor.resizeVolume(guest.uuid, rootVolume.volumeId, 2));
      assert.deepEqual(
        [await sizeOf(now), await sizeOf(rootVolume.connection)],
        [2, 1],
        'what was frozen stays as it was',
      );
      ok(await hypervisor.stop(guest.uuid, 0));
      ok(await hypervisor.resizeVolume(guest.uuid, rootVolume.volumeId, 3));
      ok(await hypervisor.start(guest.uuid));
      await booted(guest, 2);
      assert.match(
        String(ok(await hypervisor.consoleLog(guest.uuid, 64 * 1024)).split('login:')[1]),
        /vda=\S+:6291456/,
      );
      ok(await hypervisor.destroy(guest.uuid));
      ok(await backend.settle(rootVolume.volumeId));
    });
  },
);
