// Ends the guests of a real host before its power is cut: by ACPI, with a limit. For `cobalt down`
// and `cobalt host stop`. No agent may watch the host meanwhile, or it would tell Nova that the
// guests wanted to be off; so they run again when their host does.
import { join } from 'node:path';
import { createLibvirtHypervisor } from '#adapters/libvirt/libvirt-hypervisor.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { LocalHost } from '#hosts/local/local-hosts.ts';
import { silentLog } from '#platform/log.ts';

/**
 * Resolves when all guests are off; those that still run after `timeoutMs` have their plug pulled.
 * Gives how many there were.
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
    if (isFault(guests)) return 0; // libvirt does not answer: only the power is left to cut
    const running = guests.filter(({ state }) => state === 'running');
    await Promise.all(running.map(async ({ uuid }) => await hypervisor.stop(uuid, timeoutMs)));
    return running.length;
  } finally {
    await hypervisor.close();
  }
}
