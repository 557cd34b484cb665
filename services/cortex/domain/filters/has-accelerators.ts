// A flavor with `accel:device_profile` needs a host with accelerators. Free devices are counted by
// filter_has_enough_capacity, if the flavor requests their resource class.
import { defineFilter } from '../pipeline/step.ts';

export const hasAccelerators = defineFilter({
  name: 'filter_has_accelerators',
  onFailure: 'refuse',
  run(run) {
    const { deviceProfile } = run.request;
    if (deviceProfile)
      run.keep(run.fleet.traits.of('COMPUTE_ACCELERATORS'), 'noAccelerators', deviceProfile);
  },
});
