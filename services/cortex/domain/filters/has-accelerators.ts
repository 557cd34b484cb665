// A flavor with `accel:device_profile` needs a host with accelerators. How many of a device are
// free is counted by filter_has_enough_capacity, where the flavor asks for its resource class.
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
