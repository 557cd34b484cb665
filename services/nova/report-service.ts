// Periodic task that registers a role of Nova and sends its heartbeat, for `openstack compute
// service list`.
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from './deps.ts';
import { registerService } from './store/hosts.ts';

export const reportService = (
  { database: { db }, config, ids, clock }: NovaDeps,
  binary: 'nova-conductor' | 'nova-scheduler',
): Task => ({
  name: `nova.report-${binary.slice('nova-'.length)}`,
  everyMs: config.heartbeatMs,
  scope: 'every',
  atStart: true,
  run: async () =>
    await registerService(db, { binary, host: config.controlHost }, ids, clock.now()),
});
