// Client for Nova's API, for rebalancing: all servers with their sizes, server groups, and recent
// migrations. https://docs.openstack.org/api-ref/compute/
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { ClientDeps } from './call.ts';
import { documentOf } from './call.ts';
import { computeAsker } from './nova-fleet.ts';

/** An entry of GET /servers/detail at 2.90. */
export interface SizedServer {
  id: string;
  name: string;
  status: string;
  tenant_id: string;
  'OS-EXT-STS:task_state': string | null;
  'OS-EXT-SRV-ATTR:host': string | null;
  flavor: {
    ram: number;
    vcpus: number;
    disk: number;
    ephemeral: number;
    swap: number;
    extra_specs?: Record<string, string>;
  };
  /** Its image; '' for a server that boots from a volume. */
  image?: { id: string } | '';
}

export interface FleetGroup {
  id: string;
  policy: string;
  rules: { max_server_per_host?: number };
  members: string[];
}

/** Calls to Nova for rebalancing. Faults of every call: those of `NovaFleet`. */
export interface NovaBalance {
  /** Servers of all projects. */
  servers(): Promise<Outcome<SizedServer[]>>;
  /** Server groups of all projects. */
  serverGroups(): Promise<Outcome<FleetGroup[]>>;
  /** Ids of servers with a migration, of any outcome, that changed since then. */
  migratedSince(sinceMs: number): Promise<Outcome<string[]>>;
}

const timeoutMs = 60_000;
const pageSize = 1_000;
/** Bounds paging, in case a server returns the same page forever. */
const mostPages = 200;

export function novaBalanceClient(deps: ClientDeps): NovaBalance {
  const ask = computeAsker(deps, timeoutMs);
  const pages = async <T>(name: string, path: (read: readonly T[]) => string) => {
    const all: T[] = [];
    for (let page = 0; page < mostPages; page += 1) {
      const read = await documentOf<T[]>(name, ask('GET', path(all)));
      if (isFault(read)) return read;
      all.push(...read);
      if (read.length < pageSize) break;
    }
    return all;
  };
  return {
    servers: async () =>
      await pages<SizedServer>('servers', (read) => {
        const last = read.at(-1);
        const after = last ? `&marker=${last.id}` : '';
        return `servers/detail?all_tenants=true&limit=${pageSize}${after}`;
      }),
    serverGroups: async () =>
      await pages<FleetGroup>(
        'server_groups',
        (read) => `os-server-groups?all_projects=true&limit=${pageSize}&offset=${read.length}`,
      ),
    async migratedSince(sinceMs) {
      const since = encodeURIComponent(new Date(sinceMs).toISOString());
      const migrations = await pages<{ uuid: string; instance_uuid: string }>(
        'migrations',
        (read) => {
          const last = read.at(-1);
          const after = last ? `&marker=${last.uuid}` : '';
          return `os-migrations?changes-since=${since}&limit=${pageSize}${after}`;
        },
      );
      if (isFault(migrations)) return migrations;
      return [...new Set(migrations.map(({ instance_uuid: server }) => server))];
    },
  };
}
