// Volumes in a guest of a real host, over a real NFS server by QEMU's own client: what the contract suite promises with plain files.
import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { buildTestGuest } from '#adapters/libvirt/guest.testing.ts';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createNfsVolumes } from '#adapters/nfs/nfs-volumes.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { GuestImage, GuestSpec, GuestVolume } from '#contracts/nova/guest.ts';
import { createLocalFiler } from '#hosts/local/local-filer.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import { runTool } from '#hosts/local/run-tool.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import { ok } from '#ports/hypervisor.testing.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import { filerMissing } from './filer.testing.ts';

const bootMs = 60_000;
const missing = filerMissing();
const files = missing === false ? await buildTestGuest() : { skip: missing };

describe('volumes on a filer', { skip: 'skip' in files ? files.skip : false, timeout: 240_000 }, () => {
  const stateDir = mkdtempSync('/tmp/cc-gv-');
  const deps = { stateDir, log: silentLog, clock: systemClock };
  const [network, filer, hosts] = [createLocalNetwork(deps), createLocalFiler(deps), createLocalHosts({ ...deps, kvm: false })];
  let hypervisor: Hypervisor;
  let backend: VolumeBackend;
  let server: string;
  let kernel: NonNullable<GuestSpec['kernel']>;

  before(async () => {
    assert.ok(!('skip' in files));
    const wires = ok(await network.start({ publicCidr: null }));
    ({ server } = ok(await filer.start(wires)));
    const host = ok(await hosts.powerOn('h1', { index: 1, network: wires }));
    hypervisor = createLibvirtHypervisor({ socketPath: host.libvirtSocket, stateDir: host.dataDir, acceleration: 'tcg', userspaceSwitch: true }, { log: silentLog });
    backend = createNfsVolumes({ share: { server, path: '/vol' } });
    const image = async (id: string, diskFormat: string, file: string): Promise<GuestImage> => {
      const made = { id, diskFormat, sizeBytes: statSync(file).size, checksum: '' };
      ok(await hypervisor.ensureImage(made, async () => createReadStream(file)));
      return made;
    };
    kernel = { kernel: await image('kernel', 'aki', files.kernelPath), ramdisk: await image('ramdisk', 'ari', files.ramdiskPath), commandLine: 'quiet' };
  });
  after(async () => {
    backend?.close();
    await hypervisor?.close();
    for (const removed of [await hosts.removeAll(), await filer.remove(), await network.remove()]) assert.ok(!isFault(removed));
    rmSync(stateDir, { recursive: true });
  });

  const spec = (volumes: GuestVolume[]): GuestSpec => ({
    uuid: randomUUID(), name: `guest-${randomUUID().slice(0, 8)}`, displayName: 'g', projectId: 'p', userId: 'u', vcpus: 1, memoryMib: 128, rootDisk: null, ephemeralGib: 0, swapMib: 0,
    kernel, configDrive: null, machineType: null, cpuModel: null, nics: [], volumes,
  });
  async function volume(device: string): Promise<GuestVolume> {
    const volumeId = randomUUID();
    ok(await backend.createVolume(volumeId, 1, { kind: 'blank' }));
    return { volumeId, connection: ok(await backend.connection(volumeId)), device, bus: 'virtio', bootIndex: null };
  }
  const console = async (guest: GuestSpec): Promise<string> => ok(await hypervisor.consoleLog(guest.uuid, 64 * 1024));
  const booted = async (guest: GuestSpec, times: number): Promise<unknown> => await eventually(async () => (await console(guest)).split('login:').length > times, { withinMs: bootMs, what: `boot ${times}` });
  const fileOf = (connection: VolumeConnection): string => (connection.protocol === 'nfs' ? `nfs://${server}${connection.share}/${connection.file}` : '');
  const sizeOf = async (connection: VolumeConnection): Promise<number> => (JSON.parse(await runTool('qemu-img', ['info', '-U', '--output=json', fileOf(connection)])) as { 'virtual-size': number })['virtual-size'] / 1024 ** 3;

  test('are in a guest from its start and come and go while it runs; it sees their serials', async () => {
    const [first, second] = [await volume('vda'), await volume('vdb')];
    const guest = spec([first]);
    ok(await hypervisor.create(guest));
    await booted(guest, 1);
    assert.match(await console(guest), new RegExp(`vda=${first.volumeId.slice(0, 20)}:2097152`));
    const startedMs = performance.now();
    ok(await hypervisor.attachVolume(guest.uuid, second));
    assert.ok(performance.now() - startedMs < 5_000);
    ok(await hypervisor.resizeVolume(guest.uuid, second.volumeId, 2));
    assert.equal(await sizeOf(second.connection), 2);
    ok(await hypervisor.reboot(guest.uuid, 'hard', 0));
    await booted(guest, 2);
    assert.match(await console(guest), new RegExp(`vdb=${second.volumeId.slice(0, 20)}:4194304`));
    for (const { volumeId } of [first, second]) ok(await hypervisor.detachVolume(guest.uuid, volumeId));
    assert.deepEqual(ok(await hypervisor.volumes(guest.uuid)), []);
    ok(await hypervisor.destroy(guest.uuid));
  });

  test('are snapshotted under a running guest, which starts from the new image ever after', async () => {
    const taken = await volume('vda');
    const guest = spec([taken]);
    ok(await hypervisor.create(guest));
    await booted(guest, 1);
    for (const id of [randomUUID(), randomUUID()]) {
      const key = { id, volumeId: taken.volumeId };
      const { newFile } = ok(await backend.prepareOnlineSnapshot(key));
      assert.ok(taken.connection.protocol === 'nfs');
      for (const _ of [1, 2]) ok(await hypervisor.snapshotVolume(guest.uuid, taken.volumeId, { ...taken.connection, file: newFile ?? '' }));
      ok(await backend.finishOnlineSnapshot(key));
    }
    const now = ok(await backend.connection(taken.volumeId));
    ok(await hypervisor.resizeVolume(guest.uuid, taken.volumeId, 2));
    assert.deepEqual([await sizeOf(now), await sizeOf(taken.connection)], [2, 1], 'what was frozen stays as it was');
    ok(await hypervisor.stop(guest.uuid, 0));
    ok(await hypervisor.resizeVolume(guest.uuid, taken.volumeId, 3));
    ok(await hypervisor.start(guest.uuid));
    await booted(guest, 2);
    assert.match(String((await console(guest)).split('login:')[1]), /vda=\S+:6291456/);
    ok(await hypervisor.destroy(guest.uuid));
    ok(await backend.settle(taken.volumeId));
  });
});
