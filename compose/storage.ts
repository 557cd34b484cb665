// The storage below Cinder: the cloud's own filer where there are hosts, a simulated backend beside or instead.
import { join } from 'node:path';
import { createFileBackupStore } from '#adapters/file-backup-store/file-backup-store.ts';
import { createNfsVolumes } from '#adapters/nfs/nfs-volumes.ts';
import { createSimVolumes, volumeFolder } from '#adapters/sim/sim-volumes.ts';
import type { FilerFacts } from '#hosts/local/local-filer.ts';
import type { Home } from './home.ts';
import type { StorageBelow } from './services.ts';

export function nfsStorage(home: Home, { server, share }: FilerFacts): StorageBelow {
  return { backends: new Map([['nfs', createNfsVolumes({ share: { server, path: share } })]]), backups: createFileBackupStore({ folder: home.backups }) };
}

export function simulatedStorage(home: Home): StorageBelow {
  return { backends: new Map([['sim', createSimVolumes({ world: volumeFolder(join(home.simulated, 'volumes')) })]]), backups: createFileBackupStore({ folder: home.backups }) };
}
