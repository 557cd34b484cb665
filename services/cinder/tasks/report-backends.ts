// Keeps Cinder's own services alive in `openstack volume service list`: a backend counts as up
// while it tells its figures.
import { isUniqueViolation } from '#platform/db/errors.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { CinderParts } from '../parts.ts';

export async function reportBackends(parts: CinderParts): Promise<void> {
  const {
    database: { db },
    backends,
    clock,
    config,
  } = parts;
  const up = new Set(
    (await parts.pools()).filter(({ answers }) => answers).map(({ backend }) => backend),
  );
  const list = async (binary: string, host: string, heartbeatMs: number): Promise<void> => {
    await db
      .insertInto('services')
      .values({
        binary,
        host,
        zone: config.defaultZone,
        disabled: 0,
        disabled_reason: null,
        heartbeat_at_ms: heartbeatMs,
      })
      .execute()
      .catch((error: unknown) => {
        // it is there, or another process of ours was faster
        if (!isUniqueViolation(error)) throw error;
      });
  };
  const beat = async (binary: string, host: string): Promise<void> => {
    const now = clock.now();
    const known = await db
      .updateTable('services')
      .set({ heartbeat_at_ms: now, zone: config.defaultZone })
      .where('binary', '=', binary)
      .where('host', '=', host)
      .executeTakeFirst();
    if (known.numUpdatedRows === 0n) await list(binary, host, now);
  };
  for (const binary of ['cinder-scheduler', 'cinder-backup'])
    await beat(binary, config.controlHost);
  for (const backend of backends.keys()) {
    const host = `${config.controlHost}@${backend}`;
    if (up.has(backend)) await beat('cinder-volume', host);
    else await list('cinder-volume', host, 0); // one that never answered is down, not unheard of
  }
}

export const reportBackendsTask = (parts: CinderParts): Task => ({
  name: 'cinder.report-backends',
  everyMs: parts.config.heartbeatMs,
  scope: 'every',
  atStart: true,
  run: async () => await reportBackends(parts),
});
