// The segment that carries a network (type, physical network, segmentation id) and its MTU. Pure.
// https://docs.openstack.org/api-ref/network/v2/#provider-extended-attributes
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

export interface SegmentRequest {
  network_type: string | null;
  physical_network: string | null;
  segmentation_id: number | null;
}

export interface SegmentPlan {
  network_type: 'geneve' | 'flat' | 'vlan';
  physical_network: string | null;
  /** The requested id; null: none requested, or the type has none. */
  segmentation_id: number | null;
  /** The range from which an id is picked if none was requested; null: this type has no ids. */
  range: { min: number; max: number } | null;
}

const ranges = { geneve: { min: 1, max: 2 ** 24 - 1 }, vlan: { min: 1, max: 4094 } } as const;
const invalid = (message: string) =>
  fault('badRequest', `Invalid input for operation: ${message}`, { type: 'InvalidInput' });

export function planSegment(
  request: SegmentRequest,
  physicalNetworks: readonly string[],
): Outcome<SegmentPlan> {
  const { network_type: type, physical_network: physical, segmentation_id: id } = request;
  switch (type) {
    case null:
      return physical === null && id === null
        ? {
            network_type: 'geneve',
            physical_network: null,
            segmentation_id: null,
            range: ranges.geneve,
          }
        : invalid('network_type required.');
    case 'geneve':
      if (physical !== null)
        return invalid('provider:physical_network specified for geneve network.');
      if (id !== null && (id < ranges.geneve.min || id > ranges.geneve.max))
        return invalid(
          `segmentation_id out of range (${ranges.geneve.min} through ${ranges.geneve.max}).`,
        );
      return {
        network_type: type,
        physical_network: null,
        segmentation_id: id,
        range: ranges.geneve,
      };
    case 'flat':
    case 'vlan':
      if (physical === null)
        return invalid(`physical_network required for ${type} provider network.`);
      if (!physicalNetworks.includes(physical))
        return invalid(`physical_network '${physical}' unknown for ${type} provider network.`);
      if (type === 'flat')
        return id === null
          ? { network_type: type, physical_network: physical, segmentation_id: null, range: null }
          : invalid('segmentation_id specified for flat network.');
      if (id !== null && (id < ranges.vlan.min || id > ranges.vlan.max))
        return invalid(
          `segmentation_id out of range (${ranges.vlan.min} through ${ranges.vlan.max}).`,
        );
      return {
        network_type: type,
        physical_network: physical,
        segmentation_id: id,
        range: ranges.vlan,
      };
    default:
      return invalid(`network_type value '${type}' not supported.`);
  }
}

export const minMtu = 68;
/** The least MTU of an IPv6 link: RFC 8200, 5. */
export const minIpv6Mtu = 1280;
