// Heartbeats of the backends for `openstack volume service list`: a backend is up while some
// process of cinder-volume can read its figures.
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
    else await listService(db, key); // a backend that never answered is listed as down
  }
}

/** Runs in every process: a backend is up while at least one process can reach it. */
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
