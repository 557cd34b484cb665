// Disk offers between simulated hosts of one store, for moves of guests that are off. Called by
// sim-hypervisor.ts.
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { DiskOffer, GuestSpec } from '#contracts/nova/guest.ts';
import { definedAnew } from './sim-guest.ts';
import type { SimGuest, SimStore } from './sim-world.ts';

/** Marks the guest's disks as offered. */
export function newOffer(hostname: string, guest: SimGuest, untilMs: number): DiskOffer {
  const key = `${guest.uuid}/${untilMs}`;
  guest.offer = { key, untilMs };
  return { address: hostname, key, flat: false, disks: [{ name: 'root', port: 0 }] };
}

/**
 * The guest whose disks are offered. unavailable: the offer has ended, or the host no longer has
 * the guest.
 */
export function offeredGuest(
  store: SimStore,
  { address, key }: DiskOffer,
  uuid: string,
  nowMs: number,
): Outcome<SimGuest> {
  const guest = store.load(address).guests.get(uuid);
  return guest?.offer && guest.offer.key === key && nowMs <= guest.offer.untilMs
    ? guest
    : fault('unavailable', `the disks of guest ${uuid} are not offered by ${address}`);
}

/** The guest as the destination defines it. badRequest: the disk would have to shrink. */
export function fetchedGuest(offered: SimGuest, spec: GuestSpec): Outcome<SimGuest> {
  const guest = { ...definedAnew(offered, spec), boots: 0, bootedAtMs: 0 };
  return guest.diskGib > 0 && guest.diskGib < offered.diskGib
    ? fault('badRequest', 'Unable to resize disk down.', { server: spec.uuid })
    : guest;
}
