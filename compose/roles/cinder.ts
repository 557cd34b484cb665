// Creates Cinder's roles: api, scheduler, volume and backup.
import { join } from 'node:path';
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import type { CinderDeps } from '#services/cinder/deps.ts';
import { cinderDefaults } from '#services/cinder/deps.ts';
import { migrations } from '#services/cinder/store/migrations/index.ts';
import { seedVolumeTypes } from '#services/cinder/store/seed.ts';
import type { CinderTables } from '#services/cinder/store/tables.ts';
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

const scheduler = async (process: CloudProcess) =>
  await process.once('cinder-scheduler', async () => {
    const { createCinderScheduler } = await import('#services/cinder/scheduler/role.ts');
    return createCinderScheduler(depsOf(process));
  });
const volume = async (process: CloudProcess) =>
  await process.once('cinder-volume', async () => {
    const { createCinderVolume } = await import('#services/cinder/volume/role.ts');
    return createCinderVolume({
      ...depsOf(process),
      backends: process.storage.backends,
      // One folder for each process, because a process empties its own at start.
      spoolDir: join(process.home.volumeSpool, process.processName),
      wakeSagas: wakeSagas(process),
    });
  });
const backup = async (process: CloudProcess) =>
  await process.once('cinder-backup', async () => {
    const { createCinderBackup } = await import('#services/cinder/backup/role.ts');
    return createCinderBackup({
      ...depsOf(process),
      backends: process.storage.backends,
      backups: process.storage.backups,
      spoolDir: join(process.home.backupSpool, process.processName),
      wakeSagas: wakeSagas(process),
    });
  });

export const cinder = {
  migrations,
  roles: {
    async 'cinder-api'(process) {
      const { createCinderApi } = await import('#services/cinder/api/role.ts');
      return createCinderApi({
        ...depsOf(process),
        backupStoreName: process.storage.backups.name,
      });
    },
    'cinder-scheduler': scheduler,
    'cinder-volume': volume,
    'cinder-backup': backup,
  },
} satisfies ServiceEntry;

/** Creates a fresh cloud's volume types. Idempotent. */
export const seedCinder = async (process: CloudProcess): Promise<void> =>
  await seedVolumeTypes(depsOf(process), process.storage.backends.keys());

/**
 * Writes the first heartbeats of Cinder's services, before the first run of the tasks that do so.
 */
export async function reportCinder(process: CloudProcess): Promise<void> {
  await (await scheduler(process)).reportAlive();
  await (await backup(process)).reportAlive();
  await (await volume(process)).reportBackends();
}

/** Cinder's records for the audit, and how the backends and the backup store differ from them. */
export async function cinderAudit(process: CloudProcess): Promise<CinderAudit> {
  const { readRecords } = await import('#services/cinder/store/audit.ts');
  return {
    ...(await readRecords(depsOf(process))),
    backends: await (await volume(process)).audit(),
    backups: await (await backup(process)).audit(),
  };
}
