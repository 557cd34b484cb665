// Parses and checks the scheduler hints of a server. Pure.
// https://docs.openstack.org/api-ref/compute/#create-server, os:scheduler_hints
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { parseHostQuery } from './host-query.ts';

/** Server ids in the hint `same_host` or `different_host`: a single string, or a list. */
export function serversIn(hint: Json | undefined): string[] {
  const list = Array.isArray(hint) ? hint : [hint];
  return list.filter((id) => typeof id === 'string');
}

/**
 * The network in which a host's address must be, from the hints `build_near_host_ip` and `cidr`.
 */
export interface NearNetwork {
  address: string;
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

/**
 * The prefix if `cidr` is not given: nova.scheduler.filters.affinity_filter,
 * SimpleCIDRAffinityFilter
 */
const defaultCidr = '/24';

/**
 * Reads the hints `build_near_host_ip` and `cidr`. undefined: the first is not set. badRequest:
 * invalid address or prefix.
 */
export function nearNetwork(hints: JsonObject): Outcome<NearNetwork | undefined> {
  const address = hints['build_near_host_ip'];
  if (typeof address !== 'string') return undefined;
  const cidrHint = hints['cidr'];
  const cidr = typeof cidrHint === 'string' ? cidrHint : defaultCidr;
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const prefix = prefixOf(cidr.slice(1));
  return prefix === undefined || prefix > (family === 'ipv4' ? 32 : 128)
    ? fault(
        'badRequest',
        `Invalid input for field/attribute cidr. Value: ${cidr}. It is no prefix of ${address}.`,
      )
    : { address, prefix, family };
}

/** Prefix length from a number of bits, or from an IPv4 netmask; undefined: it is neither. */
function prefixOf(text: string): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const bytes = text.split('.');
  if (bytes.length !== 4 || !bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256))
    return undefined;
  const bits = bytes.map((byte) => Number(byte).toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

/** Checks the hints. badRequest: a hint that the schema accepts but that is invalid. */
export function checkHints(hints: JsonObject): Outcome<undefined> {
  const near = nearNetwork(hints);
  if (isFault(near)) return near;
  const query = hints['query'] === undefined ? undefined : parseHostQuery(hints['query']);
  return isFault(query) ? query : undefined;
}
