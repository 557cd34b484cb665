// The storage of Cinder and Glance: the cloud's own filer where there are local hosts, a NetApp
// filer in addition if one is configured, a simulated backend where there are no local hosts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileBackupStore } from '#adapters/file-backup-store/file-backup-store.ts';
import { createFileImageStore } from '#adapters/file-image-store/file-image-store.ts';
import { createNfsVolumes } from '#adapters/nfs/nfs-volumes.ts';
import { createOntapRest } from '#adapters/ontap/ontap-rest.ts';
import { createOntapVolumes } from '#adapters/ontap/ontap-volumes.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { createSimVolumes, volumeFolder } from '#adapters/sim/sim-volumes.ts';
import type { FilerFacts } from '#hosts/local/local-filer.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { Secret } from '#platform/log.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { CloudConfig } from './config.ts';
import type { Home } from './home.ts';
import type { StorageBelow } from './process.ts';

interface StorageDeps {
  home: Home;
  config: CloudConfig;
  clock: Clock;
  ids: Ids;
  log: Log;
}

export function nfsStorage(deps: StorageDeps, { server, share }: FilerFacts): StorageBelow {
  const diskImages = createQemuDiskImages({
    log: deps.log.child({ component: 'images' }),
    socketFolder: deps.home.conversions,
  });
  const ontap = netAppFiler(deps, diskImages);
  return {
    backends: new Map<string, VolumeBackend>([
      ['nfs', createNfsVolumes({ share: { server, path: share }, images: diskImages })],
      ...(ontap ? [['ontap', ontap] as const] : []),
    ]),
    backups: createFileBackupStore({ folder: deps.home.backups }),
    images: createFileImageStore({ folder: deps.home.imageStore }),
  };
}

export function simulatedStorage(home: Home): StorageBelow {
  return {
    backends: new Map([
      ['sim', createSimVolumes({ world: volumeFolder(join(home.simulated, 'volumes')) })],
    ]),
    backups: createFileBackupStore({ folder: home.backups }),
    images: createFileImageStore({ folder: home.imageStore }),
  };
}

/** The configured NetApp filer; undefined if there is none. */
function netAppFiler(
  { config: { ontap }, clock, ids, log }: StorageDeps,
  images: DiskImages,
): VolumeBackend | undefined {
  if (ontap.origin === '') return undefined;
  const ca = ontap.caFile === '' ? {} : { ca: readFileSync(ontap.caFile, 'utf8') };
  const rest = createOntapRest({
    address: {
      origin: ontap.origin,
      user: ontap.user,
      password: new Secret(ontap.password),
      ...ca,
    },
    clock,
    ids,
    log: log.child({ component: 'ontap' }),
  });
  return createOntapVolumes({
    rest,
    images,
    svm: ontap.svm,
    flexVol: ontap.volume,
    nfsServer: ontap.nfsServer,
  });
}
