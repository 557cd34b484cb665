// Keeps hosts with the traits that flavor or image require, and without those they forbid.
import { defineFilter } from '../pipeline/step.ts';

export const requestedTraits = defineFilter({
  name: 'filter_has_requested_traits',
  onFailure: 'refuse',
  run(run) {
    const { fleet, request } = run;
    for (const trait of request.requiredTraits)
      run.keep(fleet.traits.of(trait), 'traitMissing', trait);
    for (const trait of request.forbiddenTraits)
      run.drop(fleet.traits.of(trait), 'traitForbidden', trait);
  },
});
