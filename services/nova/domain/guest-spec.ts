// A server as its host is told to build it. Pure.
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

/** What the host makes for it, in the order of hypervisor drivers. */
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
  /** Interfaces that have their port. */
  nics: readonly NicWithInfo[];
  /** Those its host can reach. */
  volumes: readonly ServerVolume[];
  /** Replaces the server's own (rescue). */
  image?: ImageFacts | null;
  /** Holds its own root disk (unshelve); all else is its own image's. */
  shelvedDisk?: GuestImage | null;
}

export function guestSpec(
  server: Server,
  { zone, nics, volumes, image: instead = null, shelvedDisk = null }: GuestFacts,
): GuestSpec {
  const flavor = flavorOf(server);
  const image = instead ?? imageOf(server);
  // A server without an image boots from a volume; then `image` is what that is a copy of.
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
          // The guest's name for images that read neither config drive nor metadata.
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
