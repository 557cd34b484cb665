// Shuts down the guests of a local host by ACPI, with a time limit, before its power is cut. For
// `cobalt down`, `cobalt host stop` and a shutdown by the host's BMC. No agent may watch the host
// meanwhile: it would report to Nova that the guests shut themselves down, and they would not be
// started again with their host.
import { join } from 'node:path';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { LocalHost } from '#hosts/local/local-hosts.ts';
import { silentLog } from '#platform/log.ts';

/**
 * Shuts down the host's guests; resolves when all are off; those still running after `timeoutMs`
 * are powered off. Returns how many guests were running.
 */
export async function shutDownGuests(
  { libvirtSocket, dataDir }: LocalHost,
  timeoutMs: number,
): Promise<number> {
  const hypervisor = createLibvirtHypervisor(
    {
      socketPath: libvirtSocket,
      stateDir: dataDir,
      acceleration: 'tcg',
      runDir: join(dataDir, 'vnc'),
    },
    { log: silentLog, images: createQemuDiskImages({ log: silentLog }) },
  );
  try {
    const guests = await hypervisor.list();
    if (isFault(guests)) return 0; // libvirt does not answer: nothing to shut down
    const running = guests.filter(({ state }) => state === 'running');
    await Promise.all(running.map(async ({ uuid }) => await hypervisor.stop(uuid, timeoutMs)));
    return running.length;
  } finally {
    await hypervisor.close();
  }
}
