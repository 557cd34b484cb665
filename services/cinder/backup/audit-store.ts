// Compares the backup store's contents with Cinder's backups, for `cobalt doctor --audit`.
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import { isFault } from '#contracts/common/fault.ts';
import { allBackups } from '../store/audit.ts';
import { dataIdOf } from '../store/backups.ts';
import type { BackupDeps } from './backup-deps.ts';

export async function auditStore({
  database: { db },
  backups: store,
}: BackupDeps): Promise<CinderAudit['backups']> {
  const backups = await allBackups(db);
  const stored = await store.list();
  if (isFault(stored)) return stored.message;
  const present = new Set(stored);
  const wanted = new Set(backups.map(dataIdOf));
  return {
    missing: backups
      .filter(
        (row) =>
          (row.status === 'available' || row.status === 'restoring') && !present.has(dataIdOf(row)),
      )
      .map(({ id }) => id),
    unknown: stored.filter((id) => !wanted.has(id)),
  };
}
