// The policies of server groups: filters, weighers, and the reservation by which they hold when
// several schedulers decide at once. For schedule-server.ts and select-hosts.ts.
import type { ServerGroupPolicy } from '#contracts/nova/server-groups.ts';
import { countByHost, findServerGroup, locatedMembers } from '../store/server-groups.ts';
import type { NovaDb, Server } from '../store/servers.ts';
import type { Filter, PlacementRequest, Weigher } from './select-hosts.ts';

/** A server's group as one decision sees it. */
export interface GroupView {
  id: string;
  /** With which the decision is written: `reserveHost`. */
  generation: number;
  policy: ServerGroupPolicy;
  maxPerHost: number;
  /** How many other members each host has, or is about to have. */
  membersOn: ReadonlyMap<string, number>;
  /** Those that are counted there. */
  members: readonly string[];
  /** Of an affinity group: a member that may end on one of several hosts. */
  undecidedMember?: string;
}

/**
 * null: the server is in no group. The generation is read first, so that changes after it are
 * noticed. `failedHost`: the host that the server is evacuated from. Members there are evacuated
 * too, and do not keep the others from leaving it.
 */
export async function groupView(
  db: NovaDb,
  server: Pick<Server, 'id' | 'server_group_id'>,
  failedHost: string | null = null,
): Promise<GroupView | null> {
  if (server.server_group_id === null) return null;
  const group = await findServerGroup(db, server.server_group_id, null);
  if (!group) return null; // deleted meanwhile
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

// More than all other weighers together: a soft policy is broken only where no other host is left.
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
