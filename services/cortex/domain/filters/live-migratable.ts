// For a live migration, keeps hosts with the architecture of the source host and at least its CPU
// modes, CPU features and devices.
import { fault } from '#contracts/common/fault.ts';
import { defineFilter } from '../pipeline/step.ts';

export const liveMigratable = defineFilter({
  name: 'filter_live_migratable',
  onFailure: 'refuse',
  run(run) {
    const { fleet, request } = run;
    if (request.intent !== 'live_migrate') return;
    const source = fleet.positionOf(request.sourceHost);
    if (source === undefined)
      return fault('notFound', `The source host "${request.sourceHost}" is not known.`);
    for (const architecture of fleet.architectures.namesOf(source))
      run.keep(fleet.architectures.of(architecture), 'otherArchitecture', architecture);
    for (const feature of fleet.guestFeatures.namesOf(source))
      run.keep(fleet.guestFeatures.of(feature), 'lessThanTheSource', feature);
  },
});
