// Checks of a router's subnets and extra routes. Pure.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import {
  canonicalIp,
  cidrHas,
  cidrsOverlap,
  formatCidr,
  ipToNumber,
  ipVersion,
  parseCidr,
} from './ip.ts';
import type { Route } from './subnet.ts';
import { isNoRoute } from './subnet.ts';

const maxRoutes = 30;
export const badRouter = (message: string) =>
  fault('badRequest', `Bad router request: ${message}.`, { type: 'BadRequest' });

/**
 * Checks that the subnet overlaps none of the others: no two subnets of a router may overlap, those
 * of its external network included.
 */
export function checkNoOverlap(
  subnet: { id: string; cidr: string },
  others: readonly { id: string; cidr: string }[],
): Outcome<void> {
  const cidr = parseCidr(subnet.cidr);
  for (const other of others) {
    const theirs = parseCidr(other.cidr);
    if (other.id === subnet.id)
      return badRouter(`Router already has a port on subnet ${subnet.id}`);
    if (cidr && theirs && cidrsOverlap(cidr, theirs))
      return badRouter(
        `Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${other.cidr} of subnet ${other.id}`,
      );
  }
  return undefined;
}

/** Each next hop must be in one of the router's subnets, and no address of the router itself. */
export function checkRoutes(
  routes: readonly Route[],
  routerId: string,
  subnets: readonly { cidr: string }[],
  ownIps: readonly string[],
): Outcome<Route[]> {
  const refuse = (reason: string) =>
    fault('badRequest', `Invalid format for routes: ${JSON.stringify(routes)}, ${reason}`, {
      type: 'InvalidRoutes',
    });
  if (routes.length > maxRoutes)
    return fault(
      'badRequest',
      `Unable to complete operation for ${routerId}. The number of routes exceeds the maximum ${maxRoutes}.`,
      { type: 'RoutesExhausted' },
    );
  const read = routes.map(({ destination, nexthop }) => {
    const cidr = parseCidr(destination);
    return { destination: cidr ? formatCidr(cidr) : destination, nexthop: canonicalIp(nexthop) };
  });
  for (const { destination, nexthop } of read) {
    if (parseCidr(destination)?.version !== ipVersion(nexthop))
      return refuse("the nexthop is not of the destination's ip_version");
    if (isNoRoute({ destination, nexthop })) return refuse("the addresses are no host's");
    const neighbour = subnets.some((subnet) => {
      const cidr = parseCidr(subnet.cidr);
      return (
        cidr !== undefined &&
        cidr.version === ipVersion(nexthop) &&
        cidrHas(cidr, ipToNumber(nexthop))
      );
    });
    if (!neighbour) return refuse('the nexthop is not connected with router');
    if (ownIps.includes(nexthop)) return refuse('the nexthop is used by router');
  }
  return read;
}

export const sameRoute =
  (a: Route) =>
  (b: Route): boolean =>
    a.destination === b.destination && a.nexthop === b.nexthop;
