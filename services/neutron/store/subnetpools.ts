// Subnet pools, and the subnets that were allocated from them.
import { sql } from 'kysely';
import type { Listing } from './list.ts';
import { standardColumns } from './standard.ts';
import type { SubnetPoolRow } from './tables.ts';
import type { NeutronDb } from './write.ts';

export const subnetPoolListing = {
  table: 'subnetpools',
  columns: {
    ...standardColumns,
    ip_version: { column: 'ip_version', kind: 'int' },
    default_prefixlen: { column: 'default_prefixlen', kind: 'int' },
    min_prefixlen: { column: 'min_prefixlen', kind: 'int' },
    max_prefixlen: { column: 'max_prefixlen', kind: 'int' },
    default_quota: { column: 'default_quota', kind: 'int' },
    shared: { column: 'shared', kind: 'bool' },
    is_default: { column: 'is_default', kind: 'bool' },
    prefixes: { column: 'prefixes_json', kind: 'json' },
  },
  alsoVisible: () => sql<boolean>`shared = 1`,
} as const satisfies Listing;

export async function defaultPool(
  db: NeutronDb,
  version: 4 | 6,
): Promise<SubnetPoolRow | undefined> {
  return await db
    .selectFrom('subnetpools')
    .selectAll()
    .where('is_default', '=', 1)
    .where('ip_version', '=', version)
    .executeTakeFirst();
}

export async function cutFrom(
  db: NeutronDb,
  poolId: string,
): Promise<{ cidr: string; project_id: string }[]> {
  return await db
    .selectFrom('subnets')
    .select(['cidr', 'project_id'])
    .where('subnetpool_id', '=', poolId)
    .execute();
}
