// Part of the audit: finds servers whose hosts violate the policy of their server group, and
// shelved offloaded servers that still have a host. Pure; audit.ts gathers the data.
import type { NovaAudit } from '#contracts/nova/audit.ts';
import type { Difference } from './audit-difference.ts';

/**
 * The violated policies, and offloaded servers with a host. Group members with a task do not count:
 * they may be moving between two hosts.
 */
export function compareGroups({ servers, groups }: NovaAudit): Difference[] {
  const offloaded = servers
    .filter(({ vmState, host }) => vmState === 'shelved_offloaded' && host !== null)
    .map(({ id, host }) => ({
      what: 'offloaded server on a host',
      detail: `server ${id} is shelved_offloaded, and on ${host}`,
    }));
  return [
    ...offloaded,
    ...groups.flatMap(({ id, policy, maxPerHost }): Difference[] => {
      const membersOn = new Map<string, number>();
      for (const { groupId, host, taskState } of servers)
        if (groupId === id && host !== null && taskState === null)
          membersOn.set(host, (membersOn.get(host) ?? 0) + 1);
      if (policy === 'affinity')
        return membersOn.size <= 1
          ? []
          : [
              {
                what: 'affinity broken',
                detail: `members of server group ${id} are on ${[...membersOn.keys()].join(', ')}`,
              },
            ];
      if (policy !== 'anti-affinity') return [];
      return [...membersOn]
        .filter(([, members]) => members > maxPerHost)
        .map(([host, members]) => ({
          what: 'anti-affinity broken',
          detail: `${host} has ${members} members of server group ${id}, which allows ${maxPerHost}`,
        }));
    }),
  ];
}
