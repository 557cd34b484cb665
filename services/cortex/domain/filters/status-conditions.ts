// Hosts that are ready, and neither disabled nor on their way out. A host that has not said that it
// is ready is not.
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
