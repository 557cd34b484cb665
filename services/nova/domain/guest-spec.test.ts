// The guest spec from which a host builds a server, and the config drive in it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageFacts } from '#contracts/nova/facts.ts';
import { serverRow } from '../api/nova-api.testing.ts';
import type { ServerRow } from '../store/tables.ts';
import { configDriveFiles } from './config-drive.ts';
import { guestSpec } from './guest-spec.ts';

const image: ImageFacts = {
  id: 'img',
  name: 'img',
  diskFormat: 'qcow2',
  sizeBytes: 7,
  checksum: 'abc',
  minDiskGib: 0,
  minMemoryMib: 0,
  kernel: null,
  ramdisk: null,
  properties: {},
};
const server = (change: Partial<ServerRow> = {}): ServerRow => ({
  ...serverRow('id-1', 0),
  number: 42,
  image_id: 'img',
  image: JSON.stringify(image),
  ...change,
});
const withProperties = (properties: Record<string, string>, more: Partial<ImageFacts> = {}) =>
  server({ image: JSON.stringify({ ...image, ...more, properties }) });

describe('a guest spec', () => {
  it('is the server, its flavor and its image', () => {
    assert.deepEqual(guestSpec(server(), { zone: 'nova', nics: [], volumes: [] }), {
      uuid: 'id-1',
      name: 'instance-0000002a',
      displayName: 'web',
      projectId: 'project-a',
      userId: 'member',
      vcpus: 2,
      memoryMib: 1024,
      rootDisk: {
        image: { id: 'img', diskFormat: 'qcow2', sizeBytes: 7, checksum: 'abc' },
        sizeGib: 10,
        bus: 'virtio',
      },
      ephemeralGib: 0,
      swapMib: 0,
      nics: [],
      volumes: [],
      kernel: null,
      configDrive: null,
      machineType: null,
      cpuModel: null,
    });
  });
  it('takes bus and machine type from the image, and virtio for a bus it does not know', () => {
    assert.deepEqual(
      [
        guestSpec(withProperties({ hw_disk_bus: 'sata' }), { zone: 'nova', nics: [], volumes: [] })
          .rootDisk?.bus,
        guestSpec(withProperties({ hw_disk_bus: 'floppy' }), {
          zone: 'nova',
          nics: [],
          volumes: [],
        }).rootDisk?.bus,
      ],
      ['sata', 'virtio'],
    );
    assert.equal(
      guestSpec(withProperties({ hw_machine_type: 'q35' }), { zone: 'nova', nics: [], volumes: [] })
        .machineType,
      'q35',
    );
  });
  it('boots a kernel where the image has one, and tells it the host name', () => {
    const part = (id: string) => ({ id, sizeBytes: 1, checksum: 'c', diskFormat: 'aki' });
    const { kernel } = guestSpec(
      withProperties({ os_command_line: 'quiet' }, { kernel: part('k'), ramdisk: part('r') }),
      { zone: 'nova', nics: [], volumes: [] },
    );
    assert.deepEqual(
      [kernel?.kernel.id, kernel?.ramdisk?.id, kernel?.commandLine],
      ['k', 'r', 'quiet cobalt.hostname=web'],
    );
    assert.equal(
      guestSpec(withProperties({}, { kernel: part('k') }), { zone: 'nova', nics: [], volumes: [] })
        .kernel?.ramdisk,
      null,
    );
  });
  it('has another image for a rescue, and no root disk without one', () => {
    assert.equal(
      guestSpec(server(), {
        zone: 'nova',
        nics: [],
        volumes: [],
        image: { ...image, id: 'rescue' },
      }).rootDisk?.image?.id,
      'rescue',
    );
    assert.equal(
      guestSpec(server({ image: 'null', image_id: null }), { zone: 'nova', nics: [], volumes: [] })
        .rootDisk,
      null,
    );
  });
  it('boots the kernel of the image that its volume is a copy of, without a root disk', () => {
    const kernel = { id: 'k', sizeBytes: 1, checksum: 'c', diskFormat: 'aki' };
    const spec = guestSpec(
      { ...withProperties({ hw_machine_type: 'q35' }, { kernel }), image_id: null },
      { zone: 'nova', nics: [], volumes: [] },
    );
    assert.deepEqual([spec.rootDisk, spec.kernel?.kernel.id, spec.machineType], [null, 'k', 'q35']);
  });
  it('carries a config drive where the server has one', () =>
    assert.ok(
      guestSpec(server({ config_drive: 1 }), { zone: 'nova', nics: [], volumes: [] }).configDrive?.[
        'openstack/latest/meta_data.json'
      ],
    ));
});

describe('a config drive', () => {
  const full = server({
    key_name: 'k',
    key_data: 'ssh-ed25519 AAAA',
    metadata: '{"role":"db"}',
    admin_pass: 'secret',
    user_data: Buffer.from('#cloud-config').toString('base64'),
    personality: JSON.stringify([
      { path: '/etc/motd', contents: Buffer.from('hello').toString('base64') },
    ]),
  });
  const files = configDriveFiles(full, { zone: 'az1', nics: [], volumes: [] });
  it('tells the guest who it is', () => {
    const metadata = JSON.parse(
      Buffer.from(files['openstack/latest/meta_data.json'] ?? '', 'base64').toString(),
    ) as Record<string, unknown>;
    assert.deepEqual(
      [
        metadata['uuid'],
        metadata['hostname'],
        metadata['availability_zone'],
        metadata['meta'],
        metadata['public_keys'],
        metadata['admin_pass'],
      ],
      ['id-1', 'web', 'az1', { role: 'db' }, { k: 'ssh-ed25519 AAAA' }, 'secret'],
    );
    assert.deepEqual(metadata['files'], [{ path: '/etc/motd', content_path: '/content/0000' }]);
    assert.equal(
      files['openstack/latest/meta_data.json'],
      files['openstack/2018-08-27/meta_data.json'],
    );
  });
  it('carries user data and files as they were given', () => {
    const text = (name: string): string => Buffer.from(files[name] ?? '', 'base64').toString();
    assert.deepEqual(
      ['openstack/latest/user_data', 'ec2/latest/user-data', 'openstack/content/0000'].map(text),
      ['#cloud-config', '#cloud-config', 'hello'],
    );
  });
  it('names the devices that the tenant gave a tag, by address, MAC or serial', () => {
    const info = {
      mac: 'fa:16:3e:00:00:01',
      addresses: [],
      mtu: 1442,
      portId: 'p',
      networkId: 'n',
      label: 'net',
      bridge: 'br-int',
      securityGroups: [],
    };
    const nics = [
      { seq: 0, tag: 'front', info },
      { seq: 1, tag: null, info },
    ];
    const volumes = [
      { volume_id: 'v-1', device: 'vdb', bus: 'virtio', tag: 'data' },
      { volume_id: 'v-2', device: 'vdc', bus: 'virtio', tag: null },
      { volume_id: 'v-3', device: 'sda', bus: 'scsi', tag: 'log' },
    ] as const;
    const devices = (change: Partial<ServerRow>, addresses: Record<string, string>): unknown => {
      const configDrive = configDriveFiles(
        { ...full, ...change },
        { zone: 'az1', nics, volumes, addresses },
      );
      return (
        JSON.parse(
          Buffer.from(configDrive['openstack/latest/meta_data.json'] ?? '', 'base64').toString(),
        ) as Record<string, unknown>
      )['devices'];
    };
    const log = {
      type: 'disk',
      bus: 'scsi',
      address: 'none',
      serial: 'v-3',
      path: '/dev/sda',
      tags: ['log'],
    };
    assert.deepEqual(devices({}, {}), [
      { type: 'nic', bus: 'pci', address: 'none', mac: 'fa:16:3e:00:00:01', tags: ['front'] },
      {
        type: 'disk',
        bus: 'pci',
        address: 'none',
        serial: 'v-1',
        path: '/dev/vdb',
        tags: ['data'],
      },
      log,
    ]);
    assert.deepEqual(
      devices(
        { root_tag: 'system' },
        { p: '0000:00:03.0', vda: '0000:00:04.0', vdb: '0000:00:05.0' },
      ),
      [
        {
          type: 'nic',
          bus: 'pci',
          address: '0000:00:03.0',
          mac: 'fa:16:3e:00:00:01',
          tags: ['front'],
        },
        { type: 'disk', bus: 'pci', address: '0000:00:04.0', path: '/dev/vda', tags: ['system'] },
        {
          type: 'disk',
          bus: 'pci',
          address: '0000:00:05.0',
          serial: 'v-1',
          path: '/dev/vdb',
          tags: ['data'],
        },
        log,
      ],
    );
  });
  it('leaves out what there is not', () => {
    const plain = configDriveFiles(server({ admin_pass: null }), {
      zone: 'nova',
      nics: [],
      volumes: [],
    });
    assert.equal(
      Object.keys(plain).some((path) => /user.data|content/.test(path)),
      false,
    );
    assert.doesNotMatch(
      plain['openstack/latest/meta_data.json'] ?? '',
      /public_keys|admin_pass|files/,
    );
  });
});
