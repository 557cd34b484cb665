// Hosts in aggregates whose metadata has `filter_tenant_id*` are for the projects of these lists
// alone: nova.scheduler.filters, AggregateMultiTenancyIsolation.
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
