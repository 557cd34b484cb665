// Picks addresses for ports. The key (subnet_id, ip_key) of `ip_allocations` keeps an address from
// being given out twice; a pick that lost against another is repeated (`write`). The next address
// is found by one indexed query from a cursor that is in this process's memory only: it makes
// collisions rare, and a released address is not reused at once.
import { canonicalIp, ipKey, ipToNumber, numberToIp } from '../domain/ip.ts';
import type { IpVersion } from '../domain/ip.ts';
import type { Pool } from '../domain/pools.ts';
import type { SubnetRow } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';
import { holdRows } from './write.ts';

const lookAhead = 64;
const maxCursors = 10_000;
const cursors = new WeakMap<object, Map<string, bigint>>();

/** Cursors of one database. Transactions share its dialect adapter, which therefore is the key. */
function cursorsOf(trx: NeutronDb): Map<string, bigint> {
  const owner = trx.getExecutor().adapter;
  const ownCursors = cursors.get(owner) ?? new Map<string, bigint>();
  cursors.set(owner, ownCursors);
  return ownCursors;
}

export const poolsOf = (subnet: Pick<SubnetRow, 'allocation_pools_json'>): Pool[] =>
  JSON.parse(subnet.allocation_pools_json) as Pool[]; // JSON that Neutron wrote

/**
 * A free address of the subnet's pools; undefined: none is left. `fromEnd`: the last free one, for
 * addresses that users do not see.
 */
export async function pickAddress(
  trx: NeutronTrx,
  subnet: SubnetRow,
  fromEnd = false,
): Promise<string | undefined> {
  const version = subnet.ip_version as IpVersion;
  const pools = poolsOf(subnet).map(({ start, end }) => ({
    start: ipToNumber(start),
    end: ipToNumber(end),
  }));
  if (fromEnd) {
    for (const { start, end } of pools.reverse()) {
      const freeAddress = await firstFree(trx, subnet.id, { start, end }, version, 'desc');
      if (freeAddress !== undefined) return numberToIp(freeAddress, version);
    }
    return undefined;
  }
  const ownCursors = cursorsOf(trx);
  const cursor = ownCursors.get(subnet.id) ?? 0n;
  // From the cursor to the end, then from the start to the cursor.
  const ranges = [
    ...pools.map(({ start, end }) => ({ start: start > cursor ? start : cursor, end })),
    ...pools.map(({ start, end }) => ({ start, end: end < cursor ? end : cursor - 1n })),
  ];
  for (const { start, end } of ranges) {
    if (start > end) continue;
    const freeAddress = await firstFree(trx, subnet.id, { start, end }, version, 'asc');
    if (freeAddress === undefined) continue;
    if (ownCursors.size >= maxCursors) ownCursors.clear();
    ownCursors.set(subnet.id, freeAddress + 1n);
    return numberToIp(freeAddress, version);
  }
  return undefined;
}

/** The first free address of a range, from its start or, with `desc`, from its end. */
async function firstFree(
  trx: NeutronTrx,
  subnetId: string,
  { start, end }: { start: bigint; end: bigint },
  version: IpVersion,
  order: 'asc' | 'desc',
): Promise<bigint | undefined> {
  const isUp = order === 'asc';
  const isOutside = (at: bigint): boolean => at < start || at > end;
  for (let at = isUp ? start : end; !isOutside(at);) {
    const allocations = await trx
      .selectFrom('ip_allocations')
      .select('ip_key')
      .where('subnet_id', '=', subnetId)
      .where('ip_key', isUp ? '>=' : '<=', ipKey(at, version))
      .orderBy('ip_key', order)
      .limit(lookAhead)
      .execute();
    for (const { ip_key } of allocations) {
      if (BigInt(`0x${ip_key}`) !== at) return at;
      at += isUp ? 1n : -1n;
      if (isOutside(at)) return undefined;
    }
    if (allocations.length < lookAhead) return at;
  }
  return undefined;
}

/** The id of the port that has the address; undefined: it is free. */
export async function addressHolder(
  db: NeutronDb,
  subnet: Pick<SubnetRow, 'id' | 'ip_version'>,
  ip: string,
): Promise<string | undefined> {
  return (
    await db
      .selectFrom('ip_allocations')
      .select('port_id')
      .where('subnet_id', '=', subnet.id)
      .where('ip_key', '=', ipKey(ipToNumber(ip), subnet.ip_version))
      .executeTakeFirst()
  )?.port_id;
}

export interface FixedIp {
  subnet_id: string;
  ip_address: string;
}

export async function claimAddresses(
  trx: NeutronTrx,
  port: { id: string; network_id: string },
  fixedIps: readonly FixedIp[],
): Promise<void> {
  if (fixedIps.length === 0) return;
  await holdRows(
    trx,
    'subnets',
    fixedIps.map(({ subnet_id }) => subnet_id),
  );
  await trx
    .insertInto('ip_allocations')
    .values(
      fixedIps.map(({ subnet_id, ip_address }) => {
        const ip = canonicalIp(ip_address);
        return {
          subnet_id,
          ip,
          ip_key: ipKey(ipToNumber(ip), ip.includes(':') ? 6 : 4),
          network_id: port.network_id,
          port_id: port.id,
        };
      }),
    )
    .execute();
}

export async function releaseAddresses(
  trx: NeutronTrx,
  portId: string,
  fixedIps: readonly FixedIp[],
): Promise<void> {
  for (const { subnet_id, ip_address } of fixedIps)
    await trx
      .deleteFrom('ip_allocations')
      .where('port_id', '=', portId)
      .where('subnet_id', '=', subnet_id)
      .where('ip', '=', ip_address)
      .execute();
}

/** Addresses of each port, in a stable order. */
export async function addressesOf(
  db: NeutronDb,
  portIds: readonly string[],
): Promise<Map<string, FixedIp[]>> {
  const addressesByPort = new Map<string, FixedIp[]>();
  if (portIds.length === 0) return addressesByPort;
  const rows = await db
    .selectFrom('ip_allocations')
    .select(['port_id', 'subnet_id', 'ip'])
    .where('port_id', 'in', portIds)
    .orderBy('port_id')
    .orderBy('ip_key')
    .execute();
  for (const { port_id, subnet_id, ip } of rows) {
    const addresses = addressesByPort.get(port_id);
    if (addresses) addresses.push({ subnet_id, ip_address: ip });
    else addressesByPort.set(port_id, [{ subnet_id, ip_address: ip }]);
  }
  return addressesByPort;
}
