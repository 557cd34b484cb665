// The power of a simulated host: what its BMC switches and its driver obeys.
import { fault } from '#contracts/common/fault.ts';
import type { Fault } from '#contracts/common/fault.ts';
import { isActive } from './sim-guest.ts';
import type { SimChassis, SimHost } from './sim-world.ts';

/** That of the host, which is on unless something else was done to it. */
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

/** Why nothing on the host answers; undefined: it is on. */
export const powerFault = (hostname: string, host: SimHost): Fault | undefined =>
  isOff(host) ? fault('unavailable', `host ${hostname} is off`) : undefined;

/** As a power failure ends them: without an event. */
export function endGuests(host: SimHost): void {
  for (const guest of host.guests.values()) if (isActive(guest)) guest.state = 'crashed';
}
