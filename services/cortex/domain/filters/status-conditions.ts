// Keeps hosts that are ready, not disabled and not being removed. A host that has not reported
// being ready is not ready.
import { defineFilter } from '../pipeline/step.ts';

export const statusConditions = defineFilter({
  name: 'filter_status_conditions',
  onFailure: 'refuse',
  run(run) {
    run.drop(run.fleet.terminating, 'terminating');
    run.drop(run.fleet.disabled, 'disabled');
    run.keep(run.fleet.ready, 'notReady');
  },
});
