// Shows the control plane itself in `openstack compute service list`: conductor and scheduler run
// with this process.
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../deps.ts';
import { registerService } from '../store/hosts.ts';

const binaries = ['nova-conductor', 'nova-scheduler'] as const;

export const reportServices = (deps: NovaDeps): Task => ({
  name: 'nova.report-services',
  everyMs: deps.config.heartbeatMs,
  scope: 'every',
  atStart: true,
  run: async () => {
    for (const binary of binaries)
      await registerService(
        deps.database.db,
        binary,
        deps.config.controlHost,
        deps.ids,
        deps.clock.now(),
      );
  },
});
