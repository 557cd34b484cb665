// Makes the four roles of Cinder and puts them together: one process carries all of them out.
// Called by services.ts.
import { join } from 'node:path';
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import type { Role } from '#openstack/role.ts';
import type { Migration } from '#platform/db/migrate.ts';
import { createCinderApi } from '#services/cinder/api/role.ts';
import { createCinderBackup } from '#services/cinder/backup/role.ts';
import type { CinderDeps } from '#services/cinder/deps.ts';
import { createCinderScheduler } from '#services/cinder/scheduler/role.ts';
import { readRecords } from '#services/cinder/store/audit.ts';
import { migrations } from '#services/cinder/store/migrations/index.ts';
import { seedVolumeTypes } from '#services/cinder/store/seed.ts';
import { createCinderVolume } from '#services/cinder/volume/role.ts';
import type { Home } from './home.ts';
import type { StorageBelow } from './services.ts';

export interface Cinder {
  roles: readonly Role[];
  migrations: readonly Migration[];
  /**
   * Makes the volume types of a fresh cloud and shows its services. Once in a cloud's life; safe to
   * repeat.
   */
  seed(): Promise<void>;
  /**
   * What Cinder's database says and how the backends and the backup store differ from it, for
   * `cobalt doctor --audit`.
   */
  audit(): Promise<CinderAudit>;
}

/** `wakeSagas` tells the runner of these sagas to look at the journal. */
export function createCinder(
  deps: CinderDeps,
  { backends, backups }: Pick<StorageBelow, 'backends' | 'backups'>,
  { home, processName }: { home: Pick<Home, 'volumeSpool' | 'backupSpool'>; processName: string },
  wakeSagas: () => void,
): Cinder {
  const api = createCinderApi({ ...deps, backupStoreName: backups.name });
  const scheduler = createCinderScheduler(deps);
  // Each process empties its own.
  const spoolDir = (folder: string): string => join(folder, processName);
  const volume = createCinderVolume({
    ...deps,
    backends,
    spoolDir: spoolDir(home.volumeSpool),
    wakeSagas,
  });
  const backup = createCinderBackup({
    ...deps,
    backends,
    backups,
    spoolDir: spoolDir(home.backupSpool),
    wakeSagas,
  });
  return {
    roles: [api, scheduler, volume, backup],
    migrations,
    async seed() {
      await seedVolumeTypes(deps, backends.keys());
      await scheduler.reportAlive();
      await backup.reportAlive();
      await volume.reportBackends();
    },
    audit: async () => ({
      ...(await readRecords(deps)),
      backends: await volume.audit(),
      backups: await backup.audit(),
    }),
  };
}
