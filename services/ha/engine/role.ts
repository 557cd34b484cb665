// The role `ha-engine`: watches the hosts, fences dead ones and has their servers evacuated. Any
// number of processes may run it on one database; only one acts at a time, by a lease. Created by
// compose.
import type { Role } from '#openstack/role.ts';
import { createMetrics } from '#platform/metrics/metrics.ts';
import type { HaEngineDeps } from '../deps.ts';
import { answerNotifications, forgetOld } from './answer-notifications.ts';
import { createHaMetrics } from './ha-metrics.ts';
import { createObserver } from './observer.ts';
import { forgetWatchdogs, observeHosts, recoverHosts, registerHosts } from './watch-hosts.ts';

export function createHaEngine(deps: HaEngineDeps): Role {
  const observer = createObserver(deps.clock, deps.config);
  const metrics = createHaMetrics(deps.metrics ?? createMetrics(), { ...deps, observer });
  const step = { ...deps, observer, metrics };
  return {
    name: 'ha-engine',
    http: [],
    rpc: [],
    tasks: deps.config.enabled
      ? [observeHosts, registerHosts, recoverHosts, answerNotifications, forgetOld].map((task) =>
          task(step),
        )
      : [forgetWatchdogs(step)],
    sagas: [],
  };
}
