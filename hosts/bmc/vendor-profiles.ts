// How BMCs of different vendors behave where they differ, for the emulator. What a client does
// about it: adapters/redfish/quirks.ts. Source: the quirks that sushy, gofish and IronCore's
// metal-operator work around.

export type VendorName = 'Generic' | 'Dell' | 'HPE' | 'Lenovo' | 'Supermicro' | 'SupermicroX10';

export interface VendorProfile {
  manufacturer: string;
  systemId: string;
  managerId: string;
  chassisId: string;
  /** The answer to `ForceOff` of a chassis that is off, and `On` of one that is on. */
  needlessOrder: 204 | 400 | 409;
  /** Whether the override's boot mode is shown, and must be, may be or must not be told with it. */
  bootMode: 'optional' | 'required' | 'unknown';
  /** Properties of a subscription that it refuses, and those without which it refuses one. */
  refusedInSubscription: readonly string[];
  neededInSubscription: readonly string[];
  /**
   * `strong`: it shows weak ETags, compares If-Match strongly (RFC 9110, 13.1.1), so that what it
   * has shown never matches, and wants an If-Match.
   */
  etags: 'none' | 'weak' | 'strong';
}

const generic: VendorProfile = {
  manufacturer: 'CobaltCore',
  systemId: '1',
  managerId: '1',
  chassisId: '1',
  needlessOrder: 204,
  bootMode: 'optional',
  refusedInSubscription: [],
  neededInSubscription: [],
  etags: 'none',
};

export const vendorProfiles: Readonly<Record<VendorName, VendorProfile>> = {
  Generic: generic,
  Dell: {
    ...generic,
    manufacturer: 'Dell Inc.',
    systemId: 'System.Embedded.1',
    managerId: 'iDRAC.Embedded.1',
    chassisId: 'System.Embedded.1',
    needlessOrder: 409,
    neededInSubscription: ['EventTypes'],
  },
  HPE: {
    ...generic,
    manufacturer: 'HPE',
    needlessOrder: 400,
    refusedInSubscription: ['DeliveryRetryPolicy'],
    etags: 'weak',
  },
  Lenovo: { ...generic, manufacturer: 'Lenovo', etags: 'strong' },
  Supermicro: { ...generic, manufacturer: 'Supermicro', bootMode: 'required' },
  SupermicroX10: { ...generic, manufacturer: 'Supermicro', bootMode: 'unknown' },
};
