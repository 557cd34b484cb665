// Runs the port's contract suite on the ONTAP volume driver: a filer's REST interface over the
// folder of a real NFS server, with real images.
import { after } from 'node:test';
import { createOntapRest } from '#adapters/ontap/ontap-rest.ts';
import { createOntapVolumes } from '#adapters/ontap/ontap-volumes.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { volumeBackendContract } from '#ports/volume-backend.testing.ts';
import type { TestFiler } from './filer.testing.ts';
import { filerMissing, startFiler } from './filer.testing.ts';
import type { TestOntap } from './ontap-server.testing.ts';
import { startOntap } from './ontap-server.testing.ts';

for (const way of ['at once', 'as jobs'] as const) {
  let filer: TestFiler | undefined;
  let ontap: TestOntap | undefined;
  after(async () => {
    await ontap?.close();
    await filer?.close();
  });

  volumeBackendContract(`ontap (changes done ${way})`, {
    carriesBytes: true,
    skip: filerMissing(),
    open: async () => {
      filer = await startFiler();
      ontap = await startOntap(filer, { jobMs: 10, ignoresReturnTimeout: way === 'as jobs' });
      const { address, svm, flexVol } = ontap;
      return createOntapVolumes({
        rest: createOntapRest({ address, clock: systemClock, ids: systemIds, log: silentLog }),
        images: createQemuDiskImages({ log: silentLog }),
        svm,
        flexVol,
        nfsServer: filer.server,
      });
    },
  });
}
