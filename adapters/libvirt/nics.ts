// Attaches, detaches and lists network interfaces of existing guests, as ports/hypervisor.ts
// describes.
import type { Outcome } from '#contracts/common/fault.ts';
import type { GuestNic } from '#contracts/nova/guest.ts';
import type { Driver } from './driver.ts';
import { nicXml, portsIn } from './nic-xml.ts';
import { onDomain, plug, unplug, type DeviceKind } from './plugging.ts';

const nicKind: DeviceKind = { name: 'interface of port', idsIn: portsIn };

export function attachNic(driver: Driver, uuid: string, nic: GuestNic): Promise<Outcome<void>> {
  return onDomain(
    driver,
    uuid,
    async (domain) => await plug(driver, domain, nicKind, nic.portId, nicXml(nic, driver.settings)),
  );
}

export function detachNic(driver: Driver, uuid: string, portId: string): Promise<Outcome<void>> {
  return onDomain(driver, uuid, async (domain) => await unplug(driver, domain, nicKind, portId));
}

export function nicsOf(driver: Driver, uuid: string): Promise<Outcome<string[]>> {
  return onDomain(driver, uuid, async (domain) => portsIn(await driver.domains.definition(domain)));
}
