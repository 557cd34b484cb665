// Runs the contract suite on the file driver, and on the store in memory that Cinder's tests use.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { backupStoreContract, memoryBackups } from '#ports/backup-store.testing.ts';
import { createFileBackupStore } from './file-backup-store.ts';

backupStoreContract('backups as files', async () => {
  const folder = await mkdtemp('/tmp/cobalt-backups-');
  return {
    store: createFileBackupStore({ folder: join(folder, 'store') }),
    folder,
    async damage(id) {
      const file = await open(join(folder, 'store', `${id}.backup`), 'r+');
      await file.write(Buffer.from([0]), 0, 1, 1_500_000);
      await file.close();
    },
    close: async () => await rm(folder, { recursive: true }),
  };
});

backupStoreContract('backups in memory', async () => {
  const folder = await mkdtemp('/tmp/cobalt-backups-');
  const backups: Parameters<typeof memoryBackups>[0] = new Map();
  return {
    store: memoryBackups(backups),
    folder,
    damage: async (id) => void backups.get(id)?.bytes.fill(0, 0, 1),
    close: async () => await rm(folder, { recursive: true }),
  };
});
