// Where BMCs of different vendors differ, in one table; a row by the system's Manufacturer. Pure.
// Sources: what sushy, gofish and IronCore's metal-operator do for them, and the vendors' Redfish
// references.
import type { PowerAction } from '#ports/bmc.ts';

export interface Quirks {
  vendor: string;
  manufacturer: RegExp;
  /**
   * When BootSourceOverrideMode goes with an override: `changed`: only where the BMC shows another
   * mode than UEFI; `shown`: whenever it shows one, since it refuses an override without.
   */
  sendsBootMode: 'changed' | 'shown';
  /** A weak ETag never matches its strong comparison: it is sent without its `W/`. */
  stripsWeakEtag: boolean;
  /** What a subscription has besides destination, context and protocol. */
  subscription: Readonly<Record<string, string | readonly string[]>>;
  /** The log that has the host's events, by its id: the first that exists. */
  logs: readonly string[];
}

const retryPolicy = { DeliveryRetryPolicy: 'RetryForever' };
const usual: Omit<Quirks, 'vendor' | 'manufacturer'> = {
  sendsBootMode: 'changed',
  stripsWeakEtag: false,
  subscription: { ...retryPolicy, EventFormatType: 'Event' },
  logs: ['SEL', 'Log', 'EventLog', 'Event'],
};

const table: readonly Quirks[] = [
  {
    ...usual,
    vendor: 'Dell',
    manufacturer: /\bdell\b/i,
    // 400 without: gofish, "Dell: EventTypes is required"
    subscription: { ...retryPolicy, EventFormatType: 'Event', EventTypes: ['Alert'] },
    logs: ['Sel', 'Lclog'],
  },
  {
    ...usual,
    vendor: 'HPE',
    manufacturer: /\b(hpe|hewlett)\b/i,
    // iLO knows no DeliveryRetryPolicy
    subscription: { EventFormatType: 'Event' },
    logs: ['IML', 'IEL', 'Event'],
  },
  {
    ...usual,
    vendor: 'Lenovo',
    manufacturer: /\blenovo\b/i,
    stripsWeakEtag: true,
    logs: ['StandardLog', 'ActiveLog', 'SEL'],
  },
  {
    ...usual,
    vendor: 'Supermicro',
    manufacturer: /\bsuper ?micro\b/i,
    sendsBootMode: 'shown',
    logs: ['Log1', 'SEL'],
  },
];

export const quirksOf = (manufacturer: string): Quirks =>
  table.find((row) => row.manufacturer.test(manufacturer)) ?? {
    ...usual,
    vendor: 'other',
    manufacturer: /^/,
  };

/** Of equal effect, the first that the BMC offers; it offers all where it does not say. */
const resetTypes: Readonly<Record<PowerAction, readonly string[]>> = {
  On: ['On', 'ForceOn'],
  ForceOff: ['ForceOff'],
  GracefulShutdown: ['GracefulShutdown'],
  ForceRestart: ['ForceRestart', 'PowerCycle'],
};

/** undefined: the BMC cannot do that. */
export const resetTypeFor = (
  action: PowerAction,
  offered: readonly string[] | undefined,
): string | undefined =>
  offered === undefined
    ? resetTypes[action][0]
    : resetTypes[action].find((type) => offered.includes(type));
