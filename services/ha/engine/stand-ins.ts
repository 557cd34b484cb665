// Activates reserved hosts of a segment in place of a failed host, according to the segment's
// recovery method.
import { isFault } from '#contracts/common/fault.ts';
import type { Move } from '../domain/recovery.ts';
import { needsStandIn, targetsBy } from '../domain/stand-ins.ts';
import { targetsFor } from '../recovery-facts.ts';
import { listSegmentHosts, segmentOf, useReserved } from '../store/segments.ts';
import type { HostRow, IncidentRow, SegmentHostRow } from '../store/tables.ts';
import type { StepDeps } from './step.ts';

/**
 * The hosts that may take the failed host's servers in this pass; none in a pass that activates a
 * reserved host. `named`: Nova must be given one of `hosts` as target.
 */
export async function targetsOf(
  deps: StepDeps,
  row: HostRow,
  incident: IncidentRow,
  moves: readonly Move[],
): Promise<{ hosts: readonly string[]; named: boolean }> {
  const all = await targetsFor(deps, row.host);
  const of = await segmentOf(deps.database.db, row.host);
  if (!of) return { hosts: all, named: false };
  const { segment } = of;
  const inSegment = await listSegmentHosts(deps.database.db, segment.uuid);
  const triedHosts = moves
    .filter(({ status }) => status === 'pending' || status === 'ongoing')
    .map((move) => move.tried);
  const standIns = inSegment.filter((host) => host.used_by === incident.id);
  const method = segment.recovery_method;
  const candidates = { all, standIns: standIns.map(({ name }) => name), tried: triedHosts };
  // The activated host is a target from the next pass on, when Nova shows it as enabled.
  if (needsStandIn(method, candidates) && (await reserve(deps, row, incident, inSegment)))
    return { hosts: [], named: true };
  return targetsBy(method, candidates);
}

/**
 * Activates a reserved host; false: none is available. It is enabled in Nova before it is recorded:
 * if the process dies in between, the next one still finds it reserved, and enables it again.
 */
async function reserve(
  { database, nova, clock, log }: StepDeps,
  { host }: HostRow,
  incident: IncidentRow,
  inSegment: readonly SegmentHostRow[],
): Promise<boolean> {
  const services = await nova.computeServices();
  if (isFault(services)) return false;
  for (const each of inSegment) {
    if (each.reserved === 0 || each.on_maintenance === 1 || each.name === host) continue;
    const service = services.find((one) => one.host === each.name);
    if (service?.state !== 'up' || service.forced_down) continue;
    const enabled = await nova.enable(service.id);
    if (isFault(enabled)) continue;
    await useReserved(database.db, each, incident.id, clock.now());
    log.warn({ host, reserved: each.name }, 'a reserved host takes the place of one that failed');
    return true;
  }
  return false;
}
