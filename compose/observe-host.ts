// Asks one hypervisor for its guests, disks and folders, for the audit's `compare`. Called by
// observe-cloud.ts and by simulations.
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { HostAudit } from './audit.ts';
import { emulatorProcesses } from './audit.ts';

/**
 * `dataDir`: null where guests are no processes. `read`: what to assume for the ports or volumes of
 * a guest when its hypervisor cannot be asked.
 */
export async function observeHost(
  host: string,
  hypervisor: Hypervisor,
  dataDir: string | null,
  read: (found: Outcome<string[]>) => string[] = orNone,
): Promise<Outcome<HostAudit>> {
  const guests = await hypervisor.list();
  if (isFault(guests)) return guests;
  const disks = await hypervisor.inventory();
  if (isFault(disks)) return disks;
  return {
    host,
    guests: await Promise.all(
      guests.map(async ({ uuid, state }) => ({
        uuid,
        state,
        ports: read(await hypervisor.nics(uuid)),
        volumes: read(await hypervisor.volumes(uuid)),
      })),
    ),
    guestFolders: disks.guestFolders,
    brokenOverlays: disks.brokenOverlays,
    processes: dataDir === null ? null : await emulatorProcesses(dataDir),
  };
}

/** [] if the guest has just been removed; it is not listed any more either. */
const orNone = (found: Outcome<string[]>): string[] => (isFault(found) ? [] : found);
