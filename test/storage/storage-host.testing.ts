// For tests of volumes in guests: a real host with libvirt and a real filer beside it, in a
// temporary cloud that is removed afterwards.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { testKernel, type TestGuest } from '#adapters/libvirt/guest.testing.ts';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import type { LibvirtHypervisorOptions } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createNfsVolumes } from '#adapters/nfs/nfs-volumes.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { isFault } from '#contracts/common/fault.ts';
import { disklessGuest } from '#contracts/nova/diskless-guest.testing.ts';
import type { GuestSpec, GuestVolume } from '#contracts/nova/guest.ts';
import { filerPaths } from '#hosts/local/host-paths.ts';
import { createLocalFiler } from '#hosts/local/local-filer.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import { signalFiler } from '#hosts/local/signal-filer.testing.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { ok } from '#ports/hypervisor-fixture.testing.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';

const bootMs = 60_000;

export interface StorageHost {
  server: string;
  /** The exported folder as seen from this machine. */
  folder: string;
  /** The host's data folder. */
  dataDir: string;
  backend: VolumeBackend;
  /**
   * Opens another driver over the same host, as a restart of its agent does. The test closes it.
   */
  open(options?: Partial<LibvirtHypervisorOptions>): Hypervisor;
  /** The definition of a guest that boots from a kernel in the host's image cache. */
  spec(volumes: GuestVolume[]): GuestSpec;
  volume(device: string): Promise<GuestVolume>;
  booted(hypervisor: Hypervisor, guest: GuestSpec, times: number): Promise<string>;
  /** Stops the filer from answering, until the returned function is called. */
  hangFiler(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export async function startStorageHost(files: TestGuest): Promise<StorageHost> {
  const stateDir = ownedFolder('/tmp/cc-gv-');
  const deps = { stateDir, log: silentLog, clock: systemClock };
  const [network, filer, hosts] = [
    createLocalNetwork(deps),
    createLocalFiler(deps),
    createLocalHosts({ ...deps, kvm: false }),
  ];
  const wires = ok(await network.start({ publicCidr: null }));
  const { server, share } = ok(await filer.start(wires));
  const host = ok(await hosts.powerOn('h1', { index: 1, network: wires }));
  const open = (options: Partial<LibvirtHypervisorOptions> = {}): Hypervisor =>
    createLibvirtHypervisor(
      {
        socketPath: host.libvirtSocket,
        stateDir: host.dataDir,
        acceleration: 'tcg',
        userspaceSwitch: true,
        ...options,
      },
      { log: silentLog, images: createQemuDiskImages({ log: silentLog }) },
    );
  const backend = createNfsVolumes({
    share: { server, path: share },
    images: createQemuDiskImages({ log: silentLog }),
  });
  const first = open();
  const kernel = await testKernel(files, [first]);
  await first.close();
  return {
    server,
    folder: filerPaths(stateDir).exportDir,
    dataDir: host.dataDir,
    backend,
    open,
    spec: (volumes) =>
      disklessGuest({
        uuid: randomUUID(),
        name: `guest-${randomUUID().slice(0, 8)}`,
        displayName: 'g',
        kernel,
        volumes,
      }),
    async volume(device) {
      const volumeId = randomUUID();
      ok(await backend.createVolume(volumeId, 1, { kind: 'blank' }));
      return {
        volumeId,
        connection: ok(await backend.connection(volumeId)),
        device,
        bus: 'virtio',
        bootIndex: null,
      };
    },
    booted: async (hypervisor, { uuid }, times) =>
      await eventually(
        async () => {
          const consoleText = ok(await hypervisor.consoleLog(uuid, 64 * 1024));
          return consoleText.split('login:').length > times ? consoleText : undefined;
        },
        { withinMs: bootMs, what: `boot ${times}` },
      ),
    async hangFiler() {
      await signalFiler(filerPaths(stateDir).dir, 'STOP');
      return async () => await signalFiler(filerPaths(stateDir).dir, 'CONT');
    },
    async close() {
      backend.close();
      for (const removal of [await hosts.removeAll(), await filer.remove(), await network.remove()])
        assert.ok(!isFault(removal));
      removeOwnedFolder(stateDir);
    },
  };
}
