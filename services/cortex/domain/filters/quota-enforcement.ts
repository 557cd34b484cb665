// Checks the project's quota in a zone for flavors of one hardware version: a commitment with
// enough unused memory suffices; else the project's headroom outside of commitments must suffice.
// Only notes what it would refuse (shadow mode), unless `enforce` is set.
import type { QuotaFacts } from '../fleet/host-facts.ts';
import { defineFilter } from '../pipeline/step.ts';
import type { Intent, PlacementRequest } from '../request/placement-request.ts';

/** Intents that use nothing beyond what the project has already. */
const free: ReadonlySet<Intent> = new Set([
  'evacuate',
  'live_migrate',
  'reserve_for_failover',
  'reuse_failover_reservation',
  'reserve_for_committed_resource',
  'capacity_probe',
]);

export const quotaEnforcement = defineFilter({
  name: 'filter_quota_enforcement',
  onFailure: 'skip',
  parameters: { enforce: 'bool' },
  run(run, { enforce = false }) {
    const { fleet, request } = run;
    if (!request.hwVersion || free.has(request.intent)) return;
    for (const zone of request.zone ? [request.zone] : fleet.zones.names()) {
      const quota = fleet.quotaOf(request.projectId, zone, request.hwVersion);
      const lacking = quota && lackingOf(quota, request);
      if (!lacking) continue;
      if (enforce) run.drop(fleet.zones.of(zone), 'quota', lacking);
      else run.notes.push(`quota of ${request.projectId} in ${zone}: no ${lacking} left`);
    }
  },
});

/** The first resource that is insufficient; undefined: none. */
function lackingOf(quota: QuotaFacts, request: PlacementRequest): string | undefined {
  const ramGib = Math.ceil(((request.resources.get('MEMORY_MB') ?? 0) * request.instances) / 1024);
  if (quota.committedFreeGib.some((gib) => gib >= ramGib)) return undefined;
  const { headroom } = quota;
  const wanted = {
    ramGib,
    cores: (request.resources.get('VCPU') ?? 0) * request.instances,
    instances: request.instances,
  };
  if (wanted.ramGib > (headroom.ramGib ?? Infinity)) return 'ram';
  if (wanted.cores > (headroom.cores ?? Infinity)) return 'cores';
  return wanted.instances > (headroom.instances ?? Infinity) ? 'instances' : undefined;
}
