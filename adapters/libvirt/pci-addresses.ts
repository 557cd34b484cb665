// The PCI addresses of a running guest's devices, read from its domain. Format:
// libvirt.org/formatdomain.html#device-addresses.
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { Driver } from './driver.ts';
import { portsIn } from './nic-xml.ts';
import { asOutcome } from './outcome.ts';
import { disksIn } from './volume-xml.ts';

/**
 * See `pciAddresses` in ports/hypervisor.ts. Does not take the guest's lock: a guest may ask for
 * its metadata while a disk is being attached.
 */
export function pciAddresses(
  driver: Driver,
  uuid: string,
): Promise<Outcome<Record<string, string>>> {
  return asOutcome(async () => {
    const domain = await driver.domains.find(uuid);
    if (!domain) return fault('notFound', `no guest ${uuid} on this host`);
    return (await driver.domains.isActive(domain))
      ? pciAddressesIn(await driver.domains.liveXml(domain))
      : {};
  });
}

/** PCI addresses by port id or disk device. Pure. libvirt writes numbers as `0x03`. */
export function pciAddressesIn(xml: string): Record<string, string> {
  const addresses: Record<string, string> = {};
  for (const [device] of xml.matchAll(/<(?:disk|interface) [^]*?<\/(?:disk|interface)>/g)) {
    const name = portsIn(device)[0] ?? disksIn(device)[0]?.target;
    const address = /<address type='pci'[^>]*>/.exec(device)?.[0];
    if (name === undefined || address === undefined) continue;
    const digits = (part: string, count: number): string =>
      (new RegExp(`\\b${part}='0x([0-9a-f]+)'`).exec(address)?.[1] ?? '0').padStart(count, '0');
    addresses[name] =
      `${digits('domain', 4)}:${digits('bus', 2)}:${digits('slot', 2)}.${digits('function', 1)}`;
  }
  return addresses;
}
