// Scheduler filters for the hints of the tenant: same or different host as other servers, near an
// address, or a query. Used by select-hosts.ts and ask-cortex.ts; schedule-server.ts gathers the
// facts.
import { BlockList } from 'node:net';
import { isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { HostVariables } from '../domain/host-query.ts';
import { meetsQuery, parseHostQuery } from '../domain/host-query.ts';
import { nearNetwork, serversIn } from '../domain/scheduler-hints.ts';
import { factsOf, hostUsages, listNodes } from '../store/hosts.ts';
import type { NovaDb } from '../store/servers.ts';
import { hostsOfOwnServers } from '../store/servers.ts';
import type { Filter, HostView } from './select-hosts.ts';

/** Facts that the filters below need besides the hints. */
export interface HintFacts {
  /** Hosts of the servers that hints name; servers of other projects are left out. */
  hostOfServer: ReadonlyMap<string, string | null>;
  /** Read only if a hint refers to addresses or variables of hosts. */
  hosts: ReadonlyMap<string, { address: string; variables: HostVariables }>;
}

export async function hintFacts(
  db: NovaDb,
  hints: JsonObject,
  projectId: string,
): Promise<HintFacts> {
  const named = [...serversIn(hints['same_host']), ...serversIn(hints['different_host'])];
  const needsHosts = hints['query'] !== undefined || hints['build_near_host_ip'] !== undefined;
  return {
    hostOfServer:
      named.length === 0 ? new Map() : await hostsOfOwnServers(db, projectId, [...new Set(named)]),
    hosts: needsHosts ? await hostFacts(db) : new Map(),
  };
}

async function hostFacts(db: NovaDb): Promise<HintFacts['hosts']> {
  const usages = await hostUsages(db);
  return new Map(
    (await listNodes(db)).map((node) => {
      const facts = factsOf(node);
      const usage = usages.get(node.host);
      return [
        node.host,
        {
          address: facts.hostIp,
          // The variables of a query: nova.scheduler.host_manager, HostState
          variables: {
            host: node.host,
            nodename: node.host,
            hypervisor_hostname: node.host,
            host_ip: facts.hostIp,
            hypervisor_type: facts.hypervisorType,
            hypervisor_version: facts.hypervisorVersion,
            total_usable_ram_mb: facts.memoryMib,
            free_ram_mb: facts.memoryMib - (usage?.memoryMib ?? 0),
            total_usable_disk_gb: facts.diskGib,
            disk_mb_used: (usage?.diskGib ?? 0) * 1024,
            free_disk_mb: (facts.diskGib - (usage?.diskGib ?? 0)) * 1024,
            vcpus_total: facts.vcpus,
            vcpus_used: usage?.vcpus ?? 0,
            num_instances: usage?.servers ?? 0,
            num_io_ops: usage?.busy ?? 0,
          },
        },
      ];
    }),
  );
}

export const hintFilters: readonly Filter[] = [
  {
    name: 'same host',
    passes: (host, { hints, hintFacts: { hostOfServer } }) => {
      const named = serversIn(hints['same_host']);
      return named.length === 0 || named.some((id) => hostOfServer.get(id) === host.host);
    },
  },
  {
    name: 'different host',
    passes: (host, { hints, hintFacts: { hostOfServer } }) =>
      !serversIn(hints['different_host']).some((id) => hostOfServer.get(id) === host.host),
  },
  {
    name: 'near an address',
    passes: (host, { hints, hintFacts: facts }) => {
      const near = nearNetwork(hints);
      if (near === undefined) return true;
      // The API refuses invalid hints, but a server created by an earlier release may have one.
      if (isFault(near)) return false;
      const address = facts.hosts.get(host.host)?.address;
      const network = new BlockList();
      network.addSubnet(near.address, near.prefix, near.family);
      return address !== undefined && network.check(address, near.family);
    },
  },
  {
    name: 'query',
    passes: (host: HostView, { hints, hintFacts: facts }) => {
      if (hints['query'] === undefined) return true;
      const query = parseHostQuery(hints['query']);
      // An earlier release may have stored an invalid query: it matches no host.
      if (isFault(query)) return false;
      return meetsQuery(query, facts.hosts.get(host.host)?.variables ?? {});
    },
  },
];
