// Builds the guest spec, from which a host's agent builds the server. Pure.
import type { ImageFacts } from '#contracts/nova/facts.ts';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import type { Server } from '../store/servers.ts';
import type { ServerVolume } from '../store/volumes.ts';
import { configDriveFiles } from './config-drive.ts';
import { rootBus, type OwnDisks } from './device-names.ts';
import { guestVolume } from './guest-volume.ts';
import type { NicWithInfo } from './network-info.ts';
import { guestNic } from './network-info.ts';
import { flavorOf, imageOf, instanceName } from './server-row.ts';

const disk = (image: {
  id: string;
  diskFormat: string;
  sizeBytes: number;
  checksum: string;
}): GuestImage => ({
  id: image.id,
  diskFormat: image.diskFormat,
  sizeBytes: image.sizeBytes,
  checksum: image.checksum,
});

/**
 * The disks that the host creates for the server; the fields are in the order in which hypervisor
 * drivers name them.
 */
export function ownDisks(
  server: Pick<Server, 'image' | 'image_id' | 'flavor' | 'config_drive'>,
): OwnDisks {
  const flavor = flavorOf(server);
  return {
    rootBus: server.image_id === null ? null : rootBus(imageOf(server)),
    hasEphemeral: flavor.ephemeralGib > 0,
    hasSwap: flavor.swapMib > 0,
    hasConfigDrive: server.config_drive === 1,
  };
}

export interface GuestFacts {
  zone: string;
  /** Interfaces that have a port. */
  nics: readonly NicWithInfo[];
  /** Volumes that are connected to the server's host. */
  volumes: readonly ServerVolume[];
  /** Image to boot from in place of the server's own (rescue); null: the server's own. */
  image?: ImageFacts | null;
  /**
   * Image that holds the server's root disk (unshelve); everything else comes from the server's own
   * image.
   */
  shelvedDisk?: GuestImage | null;
}

export function guestSpec(
  server: Server,
  { zone, nics, volumes, image: instead = null, shelvedDisk = null }: GuestFacts,
): GuestSpec {
  const flavor = flavorOf(server);
  const image = instead ?? imageOf(server);
  // A server without an image boots from a volume; then `image` describes the volume's source
  // image.
  const hasRootDisk = instead !== null || server.image_id !== null;
  return {
    uuid: server.id,
    name: instanceName(server),
    displayName: server.name,
    projectId: server.project_id,
    userId: server.user_id,
    vcpus: server.vcpus,
    memoryMib: server.memory_mib,
    rootDisk:
      hasRootDisk && image
        ? {
            image: shelvedDisk ?? disk(image),
            sizeGib: flavor.diskGib,
            bus: rootBus(image),
            ...(shelvedDisk && { isCopy: true }),
          }
        : null,
    ephemeralGib: flavor.ephemeralGib,
    swapMib: flavor.swapMib,
    kernel: image?.kernel
      ? {
          kernel: disk(image.kernel),
          ramdisk: image.ramdisk && disk(image.ramdisk),
          // For images that read neither config drive nor metadata service: the host name as a
          // kernel argument.
          commandLine: [image.properties['os_command_line'], `cobalt.hostname=${server.hostname}`]
            .filter(Boolean)
            .join(' '),
        }
      : null,
    configDrive:
      server.config_drive === 1 ? configDriveFiles(server, { zone, nics, volumes }) : null,
    machineType: image?.properties['hw_machine_type'] ?? null,
    cpuModel: null,
    nics: nics.map(({ info }) => guestNic(info, image?.properties['hw_vif_model'])),
    volumes: volumes.flatMap((row) => guestVolume(row) ?? []),
  };
}
