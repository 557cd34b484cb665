// The prefix of a new subnet: the requested one, or one from a subnet pool. Called by subnets.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Cidr } from '../domain/ip.ts';
import { parseCidr } from '../domain/ip.ts';
import { firstFree, isFreeIn } from '../domain/subnet-pool.ts';
import { findVisible } from '../store/objects.ts';
import { cutFrom, defaultPool, subnetPoolListing } from '../store/subnetpools.ts';
import type { SubnetPoolRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { lockRow } from '../store/write.ts';
import type { Context } from './resource.ts';
import { missing } from './resource.ts';
import { subnetPools } from './subnetpools.ts';
import type { SubnetInput } from './subnets.ts';

const bad = (message: string) =>
  fault('badRequest', `Bad subnets request: ${message}`, { type: 'BadRequest' });

export async function cutSubnet(
  context: Context,
  trx: NeutronTrx,
  input: SubnetInput,
): Promise<Outcome<{ cidr: Cidr; subnetPoolId: string | null }>> {
  const named = input.cidr === null ? undefined : parseCidr(input.cidr);
  const pool = await poolFor(context, trx, input);
  if (isFault(pool)) return pool;
  if (named) {
    if (input.prefixlen !== null) return bad('cidr and prefixlen must not be supplied together.');
    if (named.length === 0)
      return fault(
        'badRequest',
        `Invalid input for operation: 0 is not allowed as CIDR prefix length.`,
        { type: 'InvalidInput' },
      );
    if (input.ip_version !== null && named.version !== input.ip_version)
      return fault(
        'badRequest',
        `Invalid input for operation: The requested ip_version '${input.ip_version}' does not match the cidr '${input.cidr}'.`,
        { type: 'InvalidInput' },
      );
    if (input.ip_version === null && !pool)
      return fault(
        'badRequest',
        "Failed to parse request. Required attribute 'ip_version' not specified",
      );
  }
  if (!pool)
    return named
      ? { cidr: named, subnetPoolId: null }
      : bad('a subnetpool must be specified in the absence of a cidr.');
  if (input.ip_version !== null && input.ip_version !== pool.ip_version)
    return bad(
      `ip_version ${input.ip_version} does not match subnet pool ${pool.id}, which is of ${pool.ip_version}.`,
    );
  return await cutOf(trx, pool, named, input);
}

async function poolFor(
  { scope }: Context,
  trx: NeutronTrx,
  { subnetpool_id: id, use_default_subnetpool: useDefault, ip_version: version }: SubnetInput,
): Promise<Outcome<SubnetPoolRow | undefined>> {
  if (useDefault) {
    if (id !== null)
      return bad('subnetpool_id and use_default_subnetpool cannot both be specified.');
    return (
      (await defaultPool(trx, version ?? 4)) ??
      bad(`No default subnetpool found for IPv${version ?? 4}`)
    );
  }
  if (id === null) return undefined;
  await lockRow(trx, 'subnetpools', id); // serialises allocations from this pool
  return (await findVisible(trx, subnetPoolListing, id, scope)) ?? missing(subnetPools, id);
}

async function cutOf(
  trx: NeutronTrx,
  pool: SubnetPoolRow,
  named: Cidr | undefined,
  input: SubnetInput,
): Promise<Outcome<{ cidr: Cidr; subnetPoolId: string }>> {
  const length = named?.length ?? input.prefixlen ?? pool.default_prefixlen;
  if (length > pool.max_prefixlen)
    return fault(
      'badRequest',
      `Unable to allocate subnet with prefix length ${length}, maximum allowed prefix is ${pool.max_prefixlen}.`,
      { type: 'MaxPrefixSubnetAllocationError' },
    );
  if (length < pool.min_prefixlen)
    return fault(
      'badRequest',
      `Unable to allocate subnet with prefix length ${length}, minimum allowed prefix is ${pool.min_prefixlen}.`,
      { type: 'MinPrefixSubnetAllocationError' },
    );
  const cut = await cutFrom(trx, pool.id);
  const prefixes = JSON.parse(pool.prefixes_json) as string[]; // JSON that Neutron wrote
  const over = overPoolQuota(
    pool,
    cut.filter(({ project_id }) => project_id === input.project_id).map(({ cidr }) => cidr),
    length,
  );
  if (over) return over;
  const allocatedCidrs = cut.map(({ cidr }) => cidr);
  if (named)
    return isFreeIn(prefixes, allocatedCidrs, named)
      ? { cidr: named, subnetPoolId: pool.id }
      : fault(
          'unavailable',
          'Failed to allocate subnet: Cannot allocate requested subnet from the available set of prefixes.',
          { type: 'SubnetAllocationError' },
        );
  const free = firstFree(prefixes, allocatedCidrs, length);
  const cidr = free === undefined ? undefined : parseCidr(free);
  return cidr
    ? { cidr, subnetPoolId: pool.id }
    : fault(
        'unavailable',
        'Failed to allocate subnet: Insufficient prefix space to allocate subnet size.',
        { type: 'SubnetAllocationError' },
      );
}

/**
 * The pool's `default_quota` limits a project's total of IPv4 addresses or of IPv6 /64 prefixes.
 */
function overPoolQuota(pool: SubnetPoolRow, own: readonly string[], length: number) {
  if (pool.default_quota === null) return undefined;
  const weight = (bits: number): number => 2 ** ((pool.ip_version === 4 ? 32 : 64) - bits);
  const used = own.reduce((sum, text) => sum + weight(parseCidr(text)?.length ?? 0), 0);
  return used + weight(length) > pool.default_quota
    ? fault('overQuota', 'Per-tenant subnet pool prefix quota exceeded.', {
        type: 'SubnetPoolQuotaExceeded',
      })
    : undefined;
}
