// Hosts with a list of allowed projects accept only these projects.
import { defineFilter } from '../pipeline/step.ts';
import { dropOthersOf } from './drop-others-of.ts';

export const allowedProjects = defineFilter({
  name: 'filter_allowed_projects',
  onFailure: 'refuse',
  run(run) {
    const { fleet, request } = run;
    dropOthersOf(
      run,
      fleet.restricted,
      fleet.allowedProjects.of(request.projectId),
      'projectNotAllowed',
    );
  },
});
