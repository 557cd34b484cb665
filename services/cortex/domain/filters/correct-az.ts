// Keeps hosts of the requested availability zone.
import { defineFilter } from '../pipeline/step.ts';

export const correctAz = defineFilter({
  name: 'filter_correct_az',
  onFailure: 'refuse',
  run(run) {
    const { zone } = run.request;
    if (zone) run.keep(run.fleet.zones.of(zone), 'otherZone', zone);
  },
});
