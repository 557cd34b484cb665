// Nova's API as rebalancing reads it: all servers with their sizes, groups, and who has moved
// lately. https://docs.openstack.org/api-ref/compute/
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { ClientDeps } from './call.ts';
import { documentOf } from './call.ts';
import { computeAsker } from './nova-fleet.ts';

/** Of GET /servers/detail at 2.90. */
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
  /** '' for one that boots from a volume. */
  image?: { id: string } | '';
}

export interface FleetGroup {
  id: string;
  policy: string;
  rules: { max_server_per_host?: number };
  members: string[];
}

/** Faults of all: as those of `NovaFleet`. */
export interface NovaBalance {
  /** Of all projects. */
  servers(): Promise<Outcome<SizedServer[]>>;
  /** Of all projects. */
  serverGroups(): Promise<Outcome<FleetGroup[]>>;
  /** Ids of the servers with a migration, whatever became of it, that changed since then. */
  migratedSince(sinceMs: number): Promise<Outcome<string[]>>;
}

const timeoutMs = 60_000;
const pageSize = 1_000;
/** A bound against a server that answers the same page for ever. */
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
