// A server as its host is told to build it. Pure.
import type { ImageFacts } from '#contracts/nova/facts.ts';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import { flavorOf, imageOf, instanceName } from '../store/servers.ts';
import type { Server } from '../store/servers.ts';
import { configDriveFiles } from './config-drive.ts';
import type { NicWithInfo } from './network-info.ts';
import { guestNic } from './network-info.ts';

const disk = (image: { id: string; diskFormat: string; sizeBytes: number; checksum: string }): GuestImage => ({ id: image.id, diskFormat: image.diskFormat, sizeBytes: image.sizeBytes, checksum: image.checksum });

const buses = ['virtio', 'scsi', 'sata', 'ide'] as const;
type Bus = (typeof buses)[number];

export interface GuestFacts {
  zone: string;
  /** Interfaces that have their port. */
  nics: readonly NicWithInfo[];
  /** Replaces the server's own (rescue). */
  image?: ImageFacts | null;
}

export function guestSpec(server: Server, { zone, nics, image = imageOf(server) }: GuestFacts): GuestSpec {
  const flavor = flavorOf(server);
  const bus = image?.properties['hw_disk_bus'];
  return {
    uuid: server.id,
    name: instanceName(server),
    displayName: server.name,
    projectId: server.project_id,
    userId: server.user_id,
    vcpus: server.vcpus,
    memoryMib: server.memory_mib,
    rootDisk: image && { image: disk(image), sizeGib: flavor.diskGib, bus: (buses as readonly string[]).includes(bus ?? '') ? (bus as Bus) : 'virtio' },
    ephemeralGib: flavor.ephemeralGib,
    swapMib: flavor.swapMib,
    kernel: image?.kernel ? {
      kernel: disk(image.kernel),
      ramdisk: image.ramdisk && disk(image.ramdisk),
      // The guest's name for images that read neither config drive nor metadata.
      commandLine: [image.properties['os_command_line'], `cobalt.hostname=${server.hostname}`].filter(Boolean).join(' '),
    } : null,
    configDrive: server.config_drive === 1 ? configDriveFiles(server, zone, nics) : null,
    machineType: image?.properties['hw_machine_type'] ?? null,
    cpuModel: null,
    nics: nics.map(({ info }) => guestNic(info, image?.properties['hw_vif_model'])),
  };
}
