// What the scheduler hints of a server say. The API refuses those that make no sense. Pure.
// https://docs.openstack.org/api-ref/compute/#create-server, os:scheduler_hints
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { parseHostQuery } from './host-query.ts';

/** Servers that `same_host` or `different_host` names: one as text, several as a list. */
export function serversIn(hint: Json | undefined): string[] {
  const list = Array.isArray(hint) ? hint : [hint];
  return list.filter((id) => typeof id === 'string');
}

/** The network whose hosts `build_near_host_ip` and `cidr` ask for. */
export interface NearNetwork {
  address: string;
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

/** nova.scheduler.filters.affinity_filter, SimpleCIDRAffinityFilter */
const defaultCidr = '/24';

/** undefined: not asked for. badRequest: no such prefix. */
export function nearNetwork(hints: JsonObject): Outcome<NearNetwork | undefined> {
  const address = hints['build_near_host_ip'];
  if (typeof address !== 'string') return undefined;
  const sent = hints['cidr'];
  const cidr = typeof sent === 'string' ? sent : defaultCidr;
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const prefix = prefixOf(cidr.slice(1));
  return prefix === undefined || prefix > (family === 'ipv4' ? 32 : 128)
    ? fault(
        'badRequest',
        `Invalid input for field/attribute cidr. Value: ${cidr}. It is no prefix of ${address}.`,
      )
    : { address, prefix, family };
}

/** A number of bits, or a netmask of IPv4. */
function prefixOf(text: string): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const bytes = text.split('.');
  if (bytes.length !== 4 || !bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256))
    return undefined;
  const bits = bytes.map((byte) => Number(byte).toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

/** badRequest: what the schema cannot see. */
export function checkHints(hints: JsonObject): Outcome<undefined> {
  const near = nearNetwork(hints);
  if (isFault(near)) return near;
  const query = hints['query'] === undefined ? undefined : parseHostQuery(hints['query']);
  return isFault(query) ? query : undefined;
}
