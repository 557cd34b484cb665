// Hosts in aggregates with metadata `filter_tenant_id*` accept only the projects listed there:
// nova.scheduler.filters, AggregateMultiTenancyIsolation.
import { defineFilter } from '../pipeline/step.ts';
import { dropOthersOf } from './drop-others-of.ts';

export const aggregateMetadata = defineFilter({
  name: 'filter_aggregate_metadata',
  onFailure: 'refuse',
  run(run) {
    const { fleet, request } = run;
    dropOthersOf(
      run,
      fleet.isolated,
      fleet.tenants.of(request.projectId),
      'notATenantOfItsAggregate',
    );
  },
});
