// The files by which a guest learns its name, keys and network: OpenStack's and EC2's metadata
// formats, as on a config drive.
// https://docs.openstack.org/nova/latest/user/metadata.html
import type { DiskBus } from '#contracts/nova/guest.ts';
import type { Server } from '../store/servers.ts';
import type { ServerVolume } from '../store/volumes.ts';
import { rootBus, rootDevice } from './device-names.ts';
import { networkData as networkDataOf } from './network-data.ts';
import type { NicWithInfo } from './network-info.ts';
import { imageOf, instanceName, metadataOf } from './server-row.ts';

/** Facts besides the server's row that a guest's metadata shows. */
export interface MetadataFacts {
  zone: string;
  nics: readonly NicWithInfo[];
  volumes: readonly Pick<ServerVolume, 'volume_id' | 'device' | 'bus' | 'tag'>[];
  /**
   * PCI addresses by port id and by disk device name. Unknown before the guest runs, so absent from
   * config drives.
   */
  addresses?: Readonly<Record<string, string>>;
}

/** The files by path, their content in base64, for the volume with the label `config-2`. */
export function configDriveFiles(server: Server, facts: MetadataFacts): Record<string, string> {
  const metaData = json(openstackMetadata(server, facts));
  const networkData = json(networkDataOf(facts.nics));
  const files: Record<string, string> = {};
  for (const version of ['latest', '2018-08-27']) {
    files[`openstack/${version}/meta_data.json`] = metaData;
    files[`openstack/${version}/network_data.json`] = networkData;
    files[`openstack/${version}/vendor_data.json`] = json({});
    files[`openstack/${version}/vendor_data2.json`] = json({});
    if (server.user_data !== null) files[`openstack/${version}/user_data`] = server.user_data;
  }
  files['ec2/latest/meta-data.json'] = json(ec2Metadata(server, facts));
  if (server.user_data !== null) files['ec2/latest/user-data'] = server.user_data;
  for (const [index, file] of personalityOf(server).entries())
    files[`openstack/content/${contentName(index)}`] = file.contents;
  return files;
}

function openstackMetadata(server: Server, facts: MetadataFacts): Record<string, unknown> {
  const keys =
    server.key_name !== null && server.key_data !== null
      ? { [server.key_name]: server.key_data }
      : undefined;
  const files = personalityOf(server).map((file, index) => ({
    path: file.path,
    content_path: `/content/${contentName(index)}`,
  }));
  return {
    uuid: server.id,
    name: server.name,
    hostname: server.hostname,
    launch_index: 0,
    availability_zone: facts.zone,
    project_id: server.project_id,
    meta: metadataOf(server),
    public_keys: keys,
    keys: keys && Object.entries(keys).map(([name, data]) => ({ name, type: 'ssh', data })),
    files: files.length > 0 ? files : undefined,
    admin_pass: server.admin_pass ?? undefined,
    devices: taggedDevices(server, facts),
  };
}

/** The bus names that nova.objects.virt_device_metadata knows: pci, usb, scsi, ide and none. */
const metadataBus = { virtio: 'pci', scsi: 'scsi', ide: 'ide', sata: 'none' } as const;

/**
 * The devices to which the tenant gave a tag (2.42), as a guest's metadata lists them. As in Nova,
 * only PCI addresses are shown.
 */
function taggedDevices(server: Server, { nics, volumes, addresses = {} }: MetadataFacts): object[] {
  const disk = (
    device: string,
    bus: DiskBus,
    tag: string | null,
    more: { serial?: string } = {},
  ): object[] =>
    tag === null
      ? []
      : [
          {
            type: 'disk',
            bus: metadataBus[bus],
            address: addresses[device] ?? 'none',
            ...more,
            path: `/dev/${device}`,
            tags: [tag],
          },
        ];
  const image = imageOf(server);
  return [
    ...nics.flatMap(({ tag, info }) =>
      tag === null
        ? []
        : [
            {
              type: 'nic',
              bus: 'pci',
              address: addresses[info.portId] ?? 'none',
              mac: info.mac,
              tags: [tag],
            },
          ],
    ),
    ...disk(rootDevice(image, []), rootBus(image), server.root_tag),
    ...volumes.flatMap(({ volume_id: serial, device, bus: volumeBus, tag }) =>
      disk(device, volumeBus, tag, { serial }),
    ),
  ];
}

/** Whether any device of the server has a tag. */
export const hasTags = (server: Server, { nics, volumes }: MetadataFacts): boolean =>
  server.root_tag !== null || [...nics, ...volumes].some(({ tag }) => tag !== null);

export function ec2Metadata(
  server: Server,
  { zone, nics }: Pick<MetadataFacts, 'zone' | 'nics'>,
): Record<string, unknown> {
  const addresses = nics
    .flatMap(({ info }) => info.addresses)
    .filter(({ version }) => version === 4);
  return {
    'instance-id': `i-${server.number.toString(16).padStart(8, '0')}`,
    'ami-id': 'ami-00000000',
    'ami-launch-index': 0,
    'reservation-id': server.reservation_id,
    hostname: server.hostname,
    'local-hostname': server.hostname,
    'instance-type': server.flavor_id,
    'instance-name': instanceName(server),
    placement: { 'availability-zone': zone },
    'local-ipv4': addresses[0]?.address,
    'public-ipv4': addresses.flatMap(({ floating }) => floating)[0],
    'security-groups': (JSON.parse(server.security_groups) as string[]).join('\n') || undefined,
    'public-keys':
      server.key_data === null ? undefined : { '0': { 'openssh-key': server.key_data } },
  };
}

const contentName = (index: number): string => index.toString().padStart(4, '0');
const json = (document: object): string => Buffer.from(JSON.stringify(document)).toString('base64');

export function personalityOf(
  server: Pick<Server, 'personality'>,
): { path: string; contents: string }[] {
  return JSON.parse(server.personality) as { path: string; contents: string }[];
}
