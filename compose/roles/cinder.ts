// Cinder: api, scheduler, volume and backup.
import { join } from 'node:path';
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import { createCinderApi } from '#services/cinder/api/role.ts';
import { createCinderBackup } from '#services/cinder/backup/role.ts';
import type { CinderDeps } from '#services/cinder/deps.ts';
import { cinderDefaults } from '#services/cinder/deps.ts';
import { createCinderScheduler } from '#services/cinder/scheduler/role.ts';
import { readRecords } from '#services/cinder/store/audit.ts';
import { migrations } from '#services/cinder/store/migrations/index.ts';
import { seedVolumeTypes } from '#services/cinder/store/seed.ts';
import type { CinderTables } from '#services/cinder/store/tables.ts';
import { createCinderVolume } from '#services/cinder/volume/role.ts';
import type { CloudProcess } from '../process.ts';
import type { ServiceEntry } from './service-entry.ts';

const depsOf = (process: CloudProcess): CinderDeps =>
  process.once('cinder', () => ({
    database: process.database<CinderTables>('cinder'),
    sagas: process.sagas('cinder'),
    bus: process.bus,
    http: process.http,
    session: process.session('cinder'),
    clock: process.clock,
    ids: process.ids,
    log: process.logOf('cinder'),
    config: { ...cinderDefaults, ...process.config.cinder },
  }));

const wakeSagas = (process: CloudProcess) => () => process.wakeSagas('cinder');

const scheduler = (process: CloudProcess) =>
  process.once('cinder-scheduler', () => createCinderScheduler(depsOf(process)));
const volume = (process: CloudProcess) =>
  process.once('cinder-volume', () =>
    createCinderVolume({
      ...depsOf(process),
      backends: process.storage.backends,
      // Each process empties its own.
      spoolDir: join(process.home.volumeSpool, process.processName),
      wakeSagas: wakeSagas(process),
    }),
  );
const backup = (process: CloudProcess) =>
  process.once('cinder-backup', () =>
    createCinderBackup({
      ...depsOf(process),
      backends: process.storage.backends,
      backups: process.storage.backups,
      spoolDir: join(process.home.backupSpool, process.processName),
      wakeSagas: wakeSagas(process),
    }),
  );

export const cinder = {
  migrations,
  roles: {
    'cinder-api': (process) =>
      createCinderApi({ ...depsOf(process), backupStoreName: process.storage.backups.name }),
    'cinder-scheduler': scheduler,
    'cinder-volume': volume,
    'cinder-backup': backup,
  },
} satisfies ServiceEntry;

/**
 * Makes the volume types of a fresh cloud and shows its services. Once in a cloud's life; safe to
 * repeat.
 */
export async function seedCinder(process: CloudProcess): Promise<void> {
  await seedVolumeTypes(depsOf(process), process.storage.backends.keys());
  await scheduler(process).reportAlive();
  await backup(process).reportAlive();
  await volume(process).reportBackends();
}

/** What Cinder's database says, and how the backends and the backup store differ from it. */
export const cinderAudit = async (process: CloudProcess): Promise<CinderAudit> => ({
  ...(await readRecords(depsOf(process))),
  backends: await volume(process).audit(),
  backups: await backup(process).audit(),
});
