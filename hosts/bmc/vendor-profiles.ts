// How BMCs of different vendors differ, for the emulator. The client's side of it:
// adapters/redfish/quirks.ts. Source: the workarounds in sushy, gofish and IronCore's
// metal-operator.

export type VendorName = 'Generic' | 'Dell' | 'HPE' | 'Lenovo' | 'Supermicro' | 'SupermicroX10';

export interface VendorProfile {
  manufacturer: string;
  systemId: string;
  managerId: string;
  chassisId: string;
  /** Status of the answer to `ForceOff` of a chassis that is off, and to `On` of one that is on. */
  needlessOrder: 204 | 400 | 409;
  /**
   * Whether a boot override may, must or must not contain the boot mode; `unknown`: it is not shown
   * either.
   */
  bootMode: 'optional' | 'required' | 'unknown';
  /** Properties that a new subscription must not contain. */
  refusedInSubscription: readonly string[];
  /** Properties that a new subscription must contain. */
  neededInSubscription: readonly string[];
  /**
   * Which ETags the BMC shows. `strong`: shows weak ETags but compares If-Match strongly (RFC 9110,
   * 13.1.1), so that an ETag it has shown never matches; requires an If-Match.
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
