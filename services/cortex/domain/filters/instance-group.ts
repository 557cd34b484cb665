// Counts the members of the request's group on each host: servers that hosts report, and in-flight
// choices; at least as many as the caller's list of hosts says (which names a host once for all its
// members, or once for each). In-flight members that the caller does not know of are added.
import type { Fleet } from '../fleet/fleet.ts';
import type { PlacementRequest } from '../request/placement-request.ts';

type Counts = Map<number, number>;

const addTo = (counts: Counts, host: number): void =>
  void counts.set(host, (counts.get(host) ?? 0) + 1);

export function membersByHost(fleet: Fleet, request: PlacementRequest): Counts {
  const counts: Counts = new Map();
  const { group, serverId } = request;
  if (!group) return counts;
  for (const member of group.members) {
    if (member === serverId) continue;
    const host = fleet.hostOfServer.get(member);
    if (host !== undefined) addTo(counts, host);
  }
  const beside: Counts = new Map();
  addInFlight(fleet, request, counts, beside);
  const own = fleet.hostOfServer.get(serverId);
  const requestCounts: Counts = new Map();
  for (const name of group.hosts) {
    const host = fleet.positionOf(name);
    // The list may include the host on which this server itself is now.
    if (host !== undefined && host !== own) addTo(requestCounts, host);
  }
  for (const [host, count] of requestCounts)
    counts.set(host, Math.max(count, counts.get(host) ?? 0));
  for (const [host, count] of beside) counts.set(host, count + (counts.get(host) ?? 0));
  return counts;
}

function addInFlight(
  fleet: Fleet,
  { group, serverId, ignoredReservationTypes }: PlacementRequest,
  counts: Counts,
  beside: Counts,
): void {
  if (!group || ignoredReservationTypes.includes('InFlightReservation')) return;
  for (const { servers, positions } of fleet.reservationsOfGroup(group.id)) {
    if (servers.includes(serverId)) continue;
    for (const host of positions) {
      if (servers.some((id) => fleet.hostOfServer.get(id) === host)) continue; // counted
      addTo(servers.some((id) => group.members.includes(id)) ? counts : beside, host);
    }
  }
}
