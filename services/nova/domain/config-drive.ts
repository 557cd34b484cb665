// The files that tell a guest who it is: OpenStack's and EC2's metadata formats, as a config drive carries them.
// https://docs.openstack.org/nova/latest/user/metadata.html
import { networkData as networkDataOf } from './network-data.ts';
import type { NicWithInfo } from './network-info.ts';
import type { Server } from '../store/servers.ts';
import type { ServerVolume } from '../store/volumes.ts';
import { instanceName, metadataOf } from '../store/servers.ts';

/** What a guest may be told of its disks: those that are volumes. */
export type ToldVolume = Pick<ServerVolume, 'volume_id' | 'device' | 'bus' | 'tag'>;

/** Path -> content in base64, for the volume labelled `config-2`. */
export function configDriveFiles(server: Server, zone: string, nics: readonly NicWithInfo[], volumes: readonly ToldVolume[]): Record<string, string> {
  const metaData = json(openstackMetadata(server, zone, nics, volumes));
  const networkData = json(networkDataOf(nics));
  const files: Record<string, string> = {};
  for (const version of ['latest', '2018-08-27']) {
    files[`openstack/${version}/meta_data.json`] = metaData;
    files[`openstack/${version}/network_data.json`] = networkData;
    files[`openstack/${version}/vendor_data.json`] = json({});
    files[`openstack/${version}/vendor_data2.json`] = json({});
    if (server.user_data !== null) files[`openstack/${version}/user_data`] = server.user_data;
  }
  files['ec2/latest/meta-data.json'] = json(ec2Metadata(server, zone, nics));
  if (server.user_data !== null) files['ec2/latest/user-data'] = server.user_data;
  for (const [index, file] of personalityOf(server).entries()) files[`openstack/content/${contentName(index)}`] = file.contents;
  return files;
}

export function openstackMetadata(server: Server, zone: string, nics: readonly NicWithInfo[], volumes: readonly ToldVolume[]): Record<string, unknown> {
  const keys = server.key_name !== null && server.key_data !== null ? { [server.key_name]: server.key_data } : undefined;
  const files = personalityOf(server).map((file, index) => ({ path: file.path, content_path: `/content/${contentName(index)}` }));
  return {
    uuid: server.id,
    name: server.name,
    hostname: server.hostname,
    launch_index: 0,
    availability_zone: zone,
    project_id: server.project_id,
    meta: metadataOf(server),
    public_keys: keys,
    keys: keys && Object.entries(keys).map(([name, data]) => ({ name, type: 'ssh', data })),
    files: files.length > 0 ? files : undefined,
    admin_pass: server.admin_pass ?? undefined,
    // Only what a tenant gave a name (2.42) is told. The hypervisor gives addresses on the bus: the guest finds a device by its MAC or serial.
    devices: [
      ...nics.flatMap(({ tag, info }) => (tag === null ? [] : [{ type: 'nic', bus: 'none', address: 'none', mac: info.mac, tags: [tag] }])),
      ...volumes.flatMap(({ volume_id: serial, device, bus, tag }) => (tag === null ? [] : [{ type: 'disk', bus: metadataBus[bus], address: 'none', serial, path: `/dev/${device}`, tags: [tag] }])),
    ],
  };
}

/** nova.objects.virt_device_metadata knows pci, usb, scsi, ide and none. */
const metadataBus = { virtio: 'pci', scsi: 'scsi', ide: 'ide', sata: 'none' } as const;

export function ec2Metadata(server: Server, zone: string, nics: readonly NicWithInfo[]): Record<string, unknown> {
  const addresses = nics.flatMap(({ info }) => info.addresses).filter(({ version }) => version === 4);
  return {
    'instance-id': `i-${server.number.toString(16).padStart(8, '0')}`,
    'ami-id': 'ami-00000000', 'ami-launch-index': 0, 'reservation-id': server.reservation_id,
    hostname: server.hostname, 'local-hostname': server.hostname, 'instance-type': server.flavor_id, 'instance-name': instanceName(server),
    placement: { 'availability-zone': zone },
    'local-ipv4': addresses[0]?.address, 'public-ipv4': addresses.flatMap(({ floating }) => floating)[0], 'security-groups': (JSON.parse(server.security_groups) as string[]).join('\n') || undefined,
    'public-keys': server.key_data === null ? undefined : { '0': { 'openssh-key': server.key_data } },
  };
}

const contentName = (index: number): string => index.toString().padStart(4, '0');
const json = (document: object): string => Buffer.from(JSON.stringify(document)).toString('base64');

export function personalityOf(server: Pick<Server, 'personality'>): { path: string; contents: string }[] {
  return JSON.parse(server.personality) as { path: string; contents: string }[];
}
