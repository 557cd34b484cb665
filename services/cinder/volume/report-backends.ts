// Keeps the backends alive in `openstack volume service list`: one counts as up while it tells its
// figures to a process of cinder-volume.
import type { BackendFigures } from '#contracts/cinder/volume-rpc.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { listService, recordHeartbeat } from '../store/services.ts';
import type { VolumeDeps } from './volume-deps.ts';

export async function reportBackends(
  { database: { db }, backends, clock, config }: VolumeDeps,
  figures: () => Promise<readonly BackendFigures[]>,
): Promise<void> {
  const up = new Set(
    (await figures()).filter(({ answers }) => answers).map(({ backend }) => backend),
  );
  for (const backend of backends.keys()) {
    const key = {
      binary: 'cinder-volume',
      host: `${config.controlHost}@${backend}`,
      zone: config.defaultZone,
    };
    if (up.has(backend)) await recordHeartbeat(db, key, clock.now());
    else await listService(db, key); // one that never answered is down, not unheard of
  }
}

/** In every process: each says what it reaches, and a backend is up while one reaches it. */
export const reportBackendsTask = (
  deps: VolumeDeps,
  figures: () => Promise<readonly BackendFigures[]>,
): Task => ({
  name: 'cinder.report-backends',
  everyMs: deps.config.heartbeatMs,
  scope: 'every',
  atStart: true,
  run: async () => await reportBackends(deps, figures),
});
