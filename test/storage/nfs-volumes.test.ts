// Runs the port's contract suite on the NFS volume driver, with a real server.
import { after } from 'node:test';
import { createNfsVolumes } from '#adapters/nfs/nfs-volumes.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { silentLog } from '#platform/log.ts';
import { volumeBackendContract } from '#ports/volume-backend.testing.ts';
import type { TestFiler } from './filer.testing.ts';
import { filerMissing, startFiler } from './filer.testing.ts';

let filer: TestFiler | undefined;
after(async () => await filer?.close());

volumeBackendContract('nfs', {
  carriesBytes: true,
  skip: filerMissing(),
  open: async () => {
    filer = await startFiler();
    return createNfsVolumes({ share: filer, images: createQemuDiskImages({ log: silentLog }) });
  },
});
