// Allocation pools of a subnet: their defaults, checks and size. Pure. Rules:
// https://docs.openstack.org/api-ref/network/v2/#create-subnet (allocation_pools, gateway_ip)
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Cidr } from './ip.ts';
import {
  canonicalIp,
  cidrHas,
  formatCidr,
  ipToNumber,
  ipVersion,
  isHostAddress,
  numberToIp,
} from './ip.ts';

export interface Pool {
  start: string;
  end: string;
}

interface Range {
  start: bigint;
  end: bigint;
}

/** All host addresses except the gateway's. */
export function defaultPools(cidr: Cidr, gatewayIp: string | null): Pool[] {
  const edges =
    cidr.version === 4
      ? cidr.length >= 31
        ? ([0n, 0n] as const)
        : ([1n, 1n] as const)
      : cidr.length >= 127
        ? ([0n, 0n] as const)
        : ([1n, 0n] as const);
  const all: Range = { start: cidr.first + edges[0], end: cidr.last - edges[1] };
  const gateway = gatewayIp === null ? undefined : ipToNumber(gatewayIp);
  const ranges =
    gateway === undefined || gateway < all.start || gateway > all.end
      ? [all]
      : [
          { start: all.start, end: gateway - 1n },
          { start: gateway + 1n, end: all.end },
        ];
  return ranges
    .filter(({ start, end }) => start <= end)
    .map(({ start, end }) => ({
      start: numberToIp(start, cidr.version),
      end: numberToIp(end, cidr.version),
    }));
}

/** The pools in ascending order and canonical spelling, or the fault for which they are refused. */
export function checkPools(
  pools: readonly Pool[],
  cidr: Cidr,
  gatewayIp: string | null,
): Outcome<Pool[]> {
  const ranges: Range[] = [];
  for (const pool of pools) {
    const [start, end] = [canonicalIp(pool.start), canonicalIp(pool.end)];
    const invalid = (): ReturnType<typeof fault> =>
      fault('badRequest', `The allocation pool ${pool.start}-${pool.end} is not valid.`, {
        type: 'InvalidAllocationPool',
      });
    if (ipVersion(start) !== cidr.version || ipVersion(end) !== cidr.version) return invalid();
    const range = { start: ipToNumber(start), end: ipToNumber(end) };
    if (range.end < range.start) return invalid();
    if (!isHostAddress(cidr, range.start) || !isHostAddress(cidr, range.end)) {
      return fault(
        'badRequest',
        `The allocation pool ${start}-${end} spans beyond the subnet cidr ${formatCidr(cidr)}.`,
        { type: 'OutOfBoundsAllocationPool' },
      );
    }
    ranges.push(range);
  }
  const sorted = ranges.sort((a, b) => (a.start < b.start ? -1 : 1));
  const show = ({ start, end }: Range): string =>
    `${numberToIp(start, cidr.version)}-${numberToIp(end, cidr.version)}`;
  for (const [index, range] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next && next.start <= range.end)
      return fault(
        'conflict',
        `Found overlapping allocation pools: ${show(range)}, ${show(next)} for subnet ${formatCidr(cidr)}.`,
        { type: 'OverlappingAllocationPools' },
      );
  }
  const gateway = gatewayIp === null ? undefined : ipToNumber(gatewayIp);
  const hit =
    gateway === undefined
      ? undefined
      : sorted.find(({ start, end }) => start <= gateway && gateway <= end);
  if (hit)
    return fault(
      'conflict',
      `Gateway ip ${gatewayIp} conflicts with allocation pool ${show(hit)}.`,
      { type: 'GatewayConflictWithAllocationPools' },
    );
  return sorted.map(({ start, end }) => ({
    start: numberToIp(start, cidr.version),
    end: numberToIp(end, cidr.version),
  }));
}

export function poolsHave(pools: readonly Pool[], ip: string): boolean {
  const address = ipToNumber(ip);
  return pools.some(({ start, end }) => ipToNumber(start) <= address && address <= ipToNumber(end));
}

/** How many addresses the pools hold. */
export function poolSize(pools: readonly Pool[]): bigint {
  return pools.reduce((sum, { start, end }) => sum + ipToNumber(end) - ipToNumber(start) + 1n, 0n);
}

/** The gateway a subnet gets when none is named: its first host address. */
export function defaultGateway(cidr: Cidr): string | null {
  const hasEdge = cidr.version === 4 ? cidr.length < 31 : cidr.length < 127;
  const address = hasEdge ? cidr.first + 1n : cidr.first;
  return cidrHas(cidr, address) ? numberToIp(address, cidr.version) : null;
}
