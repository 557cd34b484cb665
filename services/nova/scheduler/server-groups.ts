// The policies of server groups: filters, weighers, and the reservation that keeps them valid when
// several schedulers decide concurrently. Used by schedule-server.ts, select-hosts.ts and
// ask-cortex.ts.
import type { ServerGroupPolicy } from '#contracts/nova/server-groups.ts';
import { countByHost, findServerGroup, locatedMembers } from '../store/server-groups.ts';
import type { NovaDb, Server } from '../store/servers.ts';
import type { Filter, PlacementRequest, Weigher } from './select-hosts.ts';

/** The server's group as read for one decision. */
export interface GroupView {
  id: string;
  /** Generation of the group; `reserveHost` writes the decision only if it is unchanged. */
  generation: number;
  policy: ServerGroupPolicy;
  maxPerHost: number;
  /** The number of other members on each host, including members that are about to be there. */
  membersOn: ReadonlyMap<string, number>;
  /** Ids of the members that `membersOn` counts. */
  members: readonly string[];
  /** Of an affinity group: a member that may end on one of several hosts. */
  undecidedMember?: string;
}

/**
 * Reads the server's group for one decision; null: it is in none. The generation is read before the
 * members, so that a change between the two reads is detected. `failedHost`: the host that the
 * server is evacuated from. The members there are evacuated too, so they do not count there.
 */
export async function groupView(
  db: NovaDb,
  server: Pick<Server, 'id' | 'server_group_id'>,
  failedHost: string | null = null,
): Promise<GroupView | null> {
  if (server.server_group_id === null) return null;
  const group = await findServerGroup(db, server.server_group_id, null);
  if (!group) return null; // the group was deleted
  const located = await locatedMembers(db, group.id, server.id);
  const members = located.flatMap(({ id, hosts }) => {
    const staying = hosts.filter((host) => host !== failedHost);
    return staying.length === 0 ? [] : [{ id, hosts: staying }];
  });
  const undecided = members.find(({ hosts }) => hosts.length > 1);
  return {
    id: group.id,
    generation: group.generation,
    policy: group.policy,
    maxPerHost: group.max_server_per_host ?? 1,
    membersOn: countByHost(members),
    members: members.map(({ id }) => id),
    ...(group.policy === 'affinity' && undecided && { undecidedMember: undecided.id }),
  };
}

const membersOn = ({ group }: PlacementRequest, host: string): number =>
  group?.membersOn.get(host) ?? 0;

export const groupFilters: readonly Filter[] = [
  {
    name: 'affinity',
    passes: ({ host }, request) =>
      request.group?.policy !== 'affinity' ||
      request.group.membersOn.size === 0 ||
      membersOn(request, host) > 0,
  },
  {
    name: 'anti-affinity',
    passes: ({ host }, request) =>
      request.group?.policy !== 'anti-affinity' ||
      membersOn(request, host) < request.group.maxPerHost,
  },
];

// Larger than all other weighers together: a soft policy is violated only if every host would.
const multiplier = 10;

export const groupWeighers: readonly Weigher[] = [
  {
    name: 'soft affinity',
    multiplier,
    weight: ({ host }, request) =>
      request.group?.policy === 'soft-affinity' ? membersOn(request, host) : 0,
  },
  {
    name: 'soft anti-affinity',
    multiplier,
    weight: ({ host }, request) =>
      request.group?.policy === 'soft-anti-affinity' ? -membersOn(request, host) : 0,
  },
];
