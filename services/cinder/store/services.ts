// SQL of services: Cinder's services, whether an operator disabled them, and their last heartbeats.
import { isUniqueViolation } from '#platform/db/errors.ts';
import type { CinderDb } from './rows.ts';
import type { ServiceRow } from './tables.ts';

export type ServiceKey = Pick<ServiceRow, 'binary' | 'host' | 'zone'>;

export async function listServices(db: CinderDb): Promise<ServiceRow[]> {
  return await db.selectFrom('services').selectAll().orderBy('binary').orderBy('host').execute();
}

/** Hosts (`<control host>@<backend>`) whose cinder-volume an operator disabled. */
export async function disabledVolumeHosts(db: CinderDb): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('services')
    .select('host')
    .where('binary', '=', 'cinder-volume')
    .where('disabled', '=', 1)
    .execute();
  return new Set(rows.map(({ host }) => host));
}

/** Returns false if there is no such service. */
export async function changeService(
  db: CinderDb,
  { binary, host }: Omit<ServiceKey, 'zone'>,
  change: { disabled: 0 | 1; disabled_reason: string | null },
): Promise<boolean> {
  const update = await db
    .updateTable('services')
    .set(change)
    .where('binary', '=', binary)
    .where('host', '=', host)
    .executeTakeFirst();
  return update.numUpdatedRows > 0n;
}

/** Adds a service that is not in the list yet; one that is stays unchanged. */
export async function listService(db: CinderDb, key: ServiceKey, heartbeatAtMs = 0): Promise<void> {
  try {
    await db
      .insertInto('services')
      .values({ ...key, disabled: 0, disabled_reason: null, heartbeat_at_ms: heartbeatAtMs })
      .execute();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error; // listed, perhaps by another process just now
  }
}

/** Records a heartbeat. Several processes of one host may do so. */
export async function recordHeartbeat(db: CinderDb, key: ServiceKey, nowMs: number): Promise<void> {
  const updated = await db
    .updateTable('services')
    .set({ heartbeat_at_ms: nowMs, zone: key.zone })
    .where('binary', '=', key.binary)
    .where('host', '=', key.host)
    .executeTakeFirst();
  if (updated.numUpdatedRows === 0n) await listService(db, key, nowMs);
}
