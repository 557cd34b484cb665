// PCI addresses of a simulated guest's devices. Derived from the devices' names, so that a device
// keeps its address when another is removed.
import type { SimGuest } from './sim-world.ts';

const hex = (value: number): string => value.toString(16).padStart(2, '0');

export function simPciAddresses({
  nics = [],
  volumes = [],
  rootless,
}: SimGuest): Record<string, string> {
  const disks = [...(rootless ? [] : ['vda']), ...volumes.map(({ device }) => device)].filter(
    (device) => device.startsWith('vd'),
  );
  return Object.fromEntries([
    ...nics.map((portId): [string, string] => [
      portId,
      `0000:${portId.slice(0, 2)}:${hex(Number.parseInt(portId.slice(2, 4), 16) % 32)}.0`,
    ]),
    ...disks.map((device): [string, string] => [
      device,
      `0000:00:${hex(device.charCodeAt(2) - 'a'.charCodeAt(0) + 4)}.0`,
    ]),
  ]);
}
