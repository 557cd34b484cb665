// Subnet pools. https://docs.openstack.org/api-ref/network/v2/#subnet-pools-extension-subnetpools
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { parseCidr } from '../domain/ip.ts';
import { checkPrefixLengths, mergePrefixes } from '../domain/subnet-pool.ts';
import { changeRow, deleteRow, insertRow } from '../store/objects.ts';
import { chargeQuota } from '../store/quotas.ts';
import { standardRow } from '../store/standard.ts';
import { cutFrom, defaultPool, subnetPoolListing } from '../store/subnetpools.ts';
import type { SubnetPoolRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { boolean, cidr, integer, listOf, orNull, standardAttributes, text } from './attributes.ts';
import type { Resource } from './resource.ts';
import { plainChanges } from './resource.ts';
import { standardView } from './standard-view.ts';

interface SubnetPoolInput {
  project_id: string;
  name: string;
  description: string;
  prefixes: string[];
  default_prefixlen: number | null;
  min_prefixlen: number | null;
  max_prefixlen: number | null;
  default_quota: number | null;
  shared: boolean;
  is_default: boolean;
}

const length = { post: true, put: true, parse: orNull(integer(0, 128)), default: null } as const;
/** `min_prefixlen` if none is given: /8 for IPv4, /64 for IPv6, as upstream. */
const shortestPrefix = { 4: 8, 6: 64 } as const;

export const subnetPools: Resource<'subnetpools', SubnetPoolInput> = {
  singular: 'subnetpool',
  collection: 'subnetpools',
  attributes: {
    ...standardAttributes,
    name: { post: true, put: true, required: true, parse: text(255) },
    prefixes: { post: true, put: true, required: true, parse: listOf(cidr) },
    default_prefixlen: length,
    min_prefixlen: length,
    max_prefixlen: length,
    default_quota: { post: true, put: true, parse: orNull(integer(0)), default: null },
    shared: { post: true, guarded: true, parse: boolean, default: false },
    is_default: { post: true, put: true, guarded: true, parse: boolean, default: false },
    ip_version: {},
  },
  listing: subnetPoolListing,
  notFound: { type: 'SubnetPoolNotFound', noun: 'Subnet pool' },
  views: async (_db, rows) =>
    rows.map((row) => ({
      ...standardView(row),
      name: row.name,
      ip_version: row.ip_version,
      prefixes: JSON.parse(row.prefixes_json) as string[],
      default_prefixlen: row.default_prefixlen,
      min_prefixlen: row.min_prefixlen,
      max_prefixlen: row.max_prefixlen,
      default_quota: row.default_quota,
      shared: row.shared === 1,
      is_default: row.is_default === 1,
    })),
  create: async ({ parts: { config, ids }, nowMs }, trx, input) => {
    const merged = mergePrefixes(input.prefixes);
    if (isFault(merged)) return merged;
    const min = input.min_prefixlen ?? shortestPrefix[merged.version];
    const lengths = {
      min_prefixlen: min,
      max_prefixlen: input.max_prefixlen ?? (merged.version === 4 ? 32 : 128),
      default_prefixlen: input.default_prefixlen ?? min,
    };
    const refusal =
      checkPrefixLengths(lengths, merged.version) ??
      (await secondDefault(trx, input.is_default, merged.version)) ??
      (await chargeQuota(trx, config.quotas, 'subnetpool', input.project_id, 1));
    if (isFault(refusal)) return refusal;
    const row: SubnetPoolRow = {
      ...standardRow(ids.uuid(), nowMs, input),
      ...lengths,
      ip_version: merged.version,
      prefixes_json: JSON.stringify(merged.prefixes),
      default_quota: input.default_quota,
      shared: Number(input.shared),
      is_default: Number(input.is_default),
    };
    await insertRow(trx, 'subnetpools', row);
    return row.id;
  },
  change: async ({ nowMs }, trx, row, input) => {
    const present = JSON.parse(row.prefixes_json) as string[]; // JSON that Neutron wrote
    const merged = mergePrefixes(input.prefixes ?? present);
    if (isFault(merged)) return merged;
    // Prefixes may be added to a pool, never removed, since subnets may have been allocated from
    // them.
    const removedPrefix = present.find(
      (prefix) => !merged.prefixes.some((wider) => contains(wider, prefix)),
    );
    if (removedPrefix !== undefined || merged.version !== row.ip_version)
      return fault(
        'badRequest',
        'Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes.',
        { type: 'IllegalSubnetPoolPrefixUpdate' },
      );
    const lengths = {
      min_prefixlen: input.min_prefixlen ?? row.min_prefixlen,
      max_prefixlen: input.max_prefixlen ?? row.max_prefixlen,
      default_prefixlen: input.default_prefixlen ?? row.default_prefixlen,
    };
    const refusal =
      checkPrefixLengths(lengths, row.ip_version) ??
      (await secondDefault(trx, input.is_default === true && row.is_default === 0, row.ip_version));
    if (isFault(refusal)) return refusal;
    await changeRow(
      trx,
      'subnetpools',
      row.id,
      {
        ...lengths,
        prefixes_json: JSON.stringify(merged.prefixes),
        ...plainChanges({ ...input }, ['name', 'description', 'default_quota', 'is_default']),
      },
      nowMs,
    );
  },
  remove: async (_context, trx, row) => {
    if ((await cutFrom(trx, row.id)).length > 0)
      return fault(
        'badRequest',
        'Unable to delete subnet pool: Subnet pool has existing allocations.',
        { type: 'SubnetPoolDeleteError' },
      );
    await deleteRow(trx, 'subnetpools', row.id);
  },
};

async function secondDefault(
  trx: NeutronTrx,
  wanted: boolean,
  version: 4 | 6,
): Promise<Outcome<void>> {
  if (!wanted || !(await defaultPool(trx, version))) return undefined;
  return fault(
    'badRequest',
    'Invalid input for operation: A default subnetpool for this IP family has already been set. Only one default may exist per IP family.',
    { type: 'InvalidInput' },
  );
}

function contains(wider: string, prefix: string): boolean {
  const [a, b] = [parseCidr(wider), parseCidr(prefix)];
  return a !== undefined && b !== undefined && a.first <= b.first && b.last <= a.last;
}
