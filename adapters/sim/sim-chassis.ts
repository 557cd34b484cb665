// The power state of a simulated host, which its BMC changes and its drivers obey.
import { fault } from '#contracts/common/fault.ts';
import type { Fault } from '#contracts/common/fault.ts';
import { isActive } from './sim-guest.ts';
import type { SimChassis, SimHost } from './sim-world.ts';

/** The host's chassis; created as powered on. */
export const chassisOf = (host: SimHost): SimChassis =>
  (host.chassis ??= {
    isOrderedOff: false,
    isDead: false,
    boots: 1,
    bootOverride: { enabled: 'Disabled', target: 'None' },
    log: [],
    receivers: [],
  });

export const isOff = ({ chassis }: SimHost): boolean =>
  chassis !== undefined && (chassis.isOrderedOff || chassis.isDead);

/** The fault of every call while the host is off; undefined while it is on. */
export const powerFault = (hostname: string, host: SimHost): Fault | undefined =>
  isOff(host) ? fault('unavailable', `host ${hostname} is off`) : undefined;

/** Ends all guests without events, as a power failure does. */
export function endGuests(host: SimHost): void {
  for (const guest of host.guests.values()) if (isActive(guest)) guest.state = 'crashed';
}
