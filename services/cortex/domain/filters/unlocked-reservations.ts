// Reserved capacity that this request may use: a project's commitments for its own servers, and a
// server's failover reservation for its evacuation.
import type { Fleet, HeldReservation } from '../fleet/fleet.ts';
import type { ReservationFacts, ReservationType } from '../fleet/host-facts.ts';
import type { PlacementRequest } from '../request/placement-request.ts';

export interface UnlockRules {
  /** Commitments stay locked even for their own project. */
  lockReserved: boolean;
  /** Reservations of these types count as if they did not exist. */
  ignoredTypes: readonly ReservationType[];
}

/**
 * The amounts of the reservations that the request may use, by resource class and host; undefined:
 * there are none, which is the usual case.
 */
export function unlockedByHost(
  fleet: Fleet,
  request: PlacementRequest,
  rules: UnlockRules,
): Map<string, Map<number, number>> | undefined {
  if (fleet.reservations.size === 0) return undefined;
  const unlocked = new Map<string, Map<number, number>>();
  for (const reservation of concerned(fleet, request, rules)) {
    if (!isUnlocked(reservation, request, rules)) continue;
    for (const [resourceClass, amount] of reservation.amounts) {
      let byHost = unlocked.get(resourceClass);
      if (!byHost) unlocked.set(resourceClass, (byHost = new Map<number, number>()));
      for (const host of reservation.positions) byHost.set(host, (byHost.get(host) ?? 0) + amount);
    }
  }
  return unlocked.size > 0 ? unlocked : undefined;
}

/** The reservations that might be usable, found by an index where there is one. */
function* concerned(
  fleet: Fleet,
  request: PlacementRequest,
  { lockReserved, ignoredTypes }: UnlockRules,
): Generator<HeldReservation> {
  if (ignoredTypes.length > 0 || request.intent === 'reuse_failover_reservation') {
    yield* fleet.reservations.values();
    return;
  }
  if (!lockReserved && request.hwVersion) yield* fleet.reservationsOfProject(request.projectId);
  if (request.intent === 'evacuate')
    for (const reservation of fleet.reservationsOfServer(request.serverId))
      if (reservation.type === 'FailoverReservation') yield reservation;
}

function isUnlocked(
  reservation: ReservationFacts,
  request: PlacementRequest,
  { lockReserved, ignoredTypes }: UnlockRules,
): boolean {
  const { type } = reservation;
  if (ignoredTypes.includes(type)) return true;
  if (!reservation.ready) return false;
  if (type === 'CommittedResourceReservation')
    return (
      !lockReserved &&
      request.intent !== 'reserve_for_committed_resource' &&
      reservation.projectId === request.projectId &&
      reservation.resourceGroup !== undefined &&
      reservation.resourceGroup === request.hwVersion
    );
  if (type === 'FailoverReservation')
    return (
      request.intent === 'reuse_failover_reservation' ||
      (request.intent === 'evacuate' && reservation.servers.includes(request.serverId))
    );
  return false;
}
