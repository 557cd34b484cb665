// Forces down the compute service of a fenced host, so that Nova allows evacuations from the host
// and schedules nothing there. When an operator has released the host: switches its power on, and
// enables the service once the host is back.
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { ComputeService } from '#openstack/clients/nova-recovery.ts';
import type { StoredHeartbeat } from '../store/heartbeats.ts';
import { setReason } from '../store/hosts.ts';
import { listMoves } from '../store/moves.ts';
import type { HostRow } from '../store/tables.ts';
import { readPower, switchPower } from './host-power.ts';
import { showFenced, showReturned } from './hypervisor-resources.ts';
import type { Again, StepDeps } from './step.ts';
import { incidentOf, raise } from './step.ts';

/** Marks services that were disabled by this file, so that no others are enabled again. */
const disabledReason = 'HA: the host has failed and is fenced';

/** Throws on a fault: the pass for this host fails and is repeated. */
function must<T>(outcome: Outcome<T>): T {
  if (isFault(outcome)) throw new Error(outcome.message);
  return outcome;
}

const serviceOf = async ({ nova }: StepDeps, host: string): Promise<ComputeService> => {
  const service = must(await nova.computeServices()).find((each) => each.host === host);
  if (!service) throw new Error(`Nova has no compute service on ${host}`);
  return service;
};

export async function forceDown(deps: StepDeps, row: HostRow): Promise<Again> {
  const service = await serviceOf(deps, row.host);
  if (service.status === 'enabled') must(await deps.nova.disable(service.id, disabledReason));
  if (!service.forced_down) must(await deps.nova.forceDown(service.id));
  await showFenced(deps, row.host, disabledReason);
  return await raise(deps, row, 'forcedDown', 'Nova takes it for down', { service: service.id });
}

/**
 * A recovered host stays out of service until an operator releases it. It returns to service when
 * it has booted anew and reports none of the guests that were started elsewhere.
 */
export async function bringBack(
  deps: StepDeps,
  row: HostRow,
  heartbeat: StoredHeartbeat | undefined,
): Promise<Again> {
  const { database, observer, config, clock, nova } = deps;
  const incident = await incidentOf(deps, row);
  const wait = async (why: string): Promise<Again> => {
    await setReason(database.db, row, why);
    return undefined;
  };
  if (incident.released === 0)
    return await wait(`recovered; cobalt ha acknowledge ${row.host} lets it come back`);
  const { agentSilentMs } = observer.evidence(row.host, { isNew: false, power: null });
  const isBack =
    heartbeat !== undefined &&
    agentSilentMs <= config.agentTimeoutMs &&
    heartbeat.boot_id !== incident.boot_id;
  if (!isBack) {
    if ((await readPower(deps, row.host)) === 'Off') must(await switchPower(deps, row.host, 'On'));
    return await wait('released; it is awaited');
  }
  const moved = new Set(
    (await listMoves(database.db, incident.id))
      .filter(({ status }) => status === 'succeeded')
      .map(({ server_id }) => server_id),
  );
  if (heartbeat.guests === null || heartbeat.guests.some(({ uuid }) => moved.has(uuid)))
    return await wait('it is back, and has guests still that were started elsewhere');
  const service = await serviceOf(deps, row.host);
  if (service.forced_down) must(await nova.unforceDown(service.id));
  if (service.disabled_reason === disabledReason) must(await nova.enable(service.id));
  await showReturned(deps, row.host);
  return await raise(
    deps,
    row,
    'returned',
    '',
    { bootId: heartbeat.boot_id },
    { incident: { ended_at_ms: clock.now() } },
  );
}
