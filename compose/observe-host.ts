// Asks one hypervisor for its guests, disks and folders, for the audit's `compare`. Called by
// observe-cloud.ts and by simulations.
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import type { HostAudit } from './audit.ts';
import { emulatorProcesses } from './audit.ts';

/**
 * Gathers the data of one host. `dataDir`: null where guests are no processes. `read`: reads the
 * answer about a guest's ports or volumes, and decides what a fault in its place counts as.
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

/** Takes a fault for no ports or volumes, e.g. of a guest that has just been removed. */
const orNone = (found: Outcome<string[]>): string[] => (isFault(found) ? [] : found);
