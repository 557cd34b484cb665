// The exact domain XML, as golden files. UPDATE=1 rewrites them; review a changed golden before you
// commit it.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { isFault } from '#contracts/common/fault.ts';
import { disklessGuest } from '#contracts/nova/diskless-guest.testing.ts';
import type { GuestNic, GuestSpec, GuestVolume } from '#contracts/nova/guest.ts';
import { domainXml, type DomainSetting } from './domain-xml.ts';
import { planGuest, type CachedImages } from './guest-plan.ts';
import { HostFolder } from './host-folder.ts';
import type { MountedShare } from './volume-xml.ts';
import { disksIn, volumesIn } from './volume-xml.ts';
import { escape } from './xml-text.ts';

const goldens = new URL('domain-xml.golden/', import.meta.url);
const folder = new HostFolder('/var/lib/cobaltcore/h1', '/run/h1');

const image = (id: string, diskFormat: string) => ({ id, diskFormat, sizeBytes: 1, checksum: '' });
const cached: CachedImages = new Map([
  [
    'img-disk',
    { path: '/var/lib/cobaltcore/h1/images/img-disk.qcow2', virtualSizeBytes: 48 * 1024 ** 2 },
  ],
  ['img-kernel', { path: '/var/lib/cobaltcore/h1/images/img-kernel.raw', virtualSizeBytes: 1 }],
  ['img-ramdisk', { path: '/var/lib/cobaltcore/h1/images/img-ramdisk.raw', virtualSizeBytes: 1 }],
]);
const base: GuestSpec = disklessGuest({
  uuid: '4b4fbb4c-8e7d-4b52-9a67-0a0c4e7b0f11',
  name: 'instance-0000002a',
  displayName: 'web-1',
  projectId: 'project-1',
  userId: 'user-1',
  rootDisk: { image: image('img-disk', 'qcow2'), sizeGib: 1, bus: 'virtio' },
});
const tcg: DomainSetting = {
  acceleration: 'tcg',
  emulator: '/usr/bin/qemu-system-x86_64',
  arch: 'x86_64',
  machineType: 'pc',
  cpuModel: 'Nehalem',
  diskCache: 'none',
  consoleLogPath: folder.guest(base.uuid).consoleLog,
  vncSocketPath: folder.guest(base.uuid).vncSocket,
  userspaceSwitch: false,
};

const nic = (n: number, model: GuestNic['model']): GuestNic => ({
  portId: `0f2c7a1e-4d52-4f0b-9a67-0a0c4e7b0f0${n}`,
  mac: `fa:16:3e:00:00:0${n}`,
  mtu: 1442,
  bridge: 'br-int',
  model,
});

const volume = (n: number, device: string): GuestVolume => ({
  volumeId: `7c1f7a1e-4d52-4f0b-9a67-0a0c4e7b0f0${n}`,
  device,
  bus: 'virtio',
  bootIndex: null,
  connection: {
    protocol: 'nfs',
    server: '172.25.0.254',
    share: '/vol',
    file: `volume-${n}`,
    format: 'qcow2',
  },
});

const cases: Record<
  string,
  {
    spec: GuestSpec;
    setting?: DomainSetting;
    configDrive?: 'disk' | 'cdrom';
    mounts?: MountedShare[];
    further?: string[];
  }
> = {
  'disk-boot': { spec: base },
  'kernel-boot': {
    spec: {
      ...base,
      kernel: {
        kernel: image('img-kernel', 'aki'),
        ramdisk: image('img-ramdisk', 'ari'),
        commandLine: 'quiet root=/dev/vda',
      },
    },
  },
  'every-disk': {
    spec: {
      ...base,
      vcpus: 4,
      memoryMib: 2048,
      ephemeralGib: 2,
      swapMib: 512,
      configDrive: { a: 'Yg==' },
    },
  },
  'kvm-q35-scsi-cdrom': {
    spec: {
      ...base,
      machineType: 'q35',
      rootDisk: { image: image('img-disk', 'qcow2'), sizeGib: 0, bus: 'scsi' },
      configDrive: { a: 'Yg==' },
    },
    setting: { ...tcg, acceleration: 'kvm', cpuModel: null, diskCache: 'writeback' },
    configDrive: 'cdrom',
  },
  nics: { spec: { ...base, nics: [nic(1, 'virtio'), nic(2, 'e1000')] } },
  'nics-userspace-switch': {
    spec: { ...base, nics: [nic(1, 'virtio'), nic(2, 'e1000')] },
    setting: { ...tcg, userspaceSwitch: true },
  },
  volumes: { spec: { ...base, ephemeralGib: 1, volumes: [volume(3, 'vdc'), volume(2, 'vdd')] } },
  'boots-from-volume': {
    spec: {
      ...base,
      rootDisk: null,
      ephemeralGib: 1,
      configDrive: { a: 'Yg==' },
      volumes: [volume(3, 'vdb'), { ...volume(2, 'vda'), bootIndex: 0 }],
    },
  },
  'volumes-mounted': {
    spec: { ...base, volumes: [{ ...volume(2, 'sda'), bus: 'scsi' }] },
    mounts: [{ server: '172.25.0.254', share: '/vol', path: '/mnt/volumes/172.25.0.254/vol' }],
  },
  rescue: { spec: base, further: ['/var/lib/cobaltcore/h1/guests/own/disk'] },
  'hostile-names': {
    spec: {
      ...base,
      displayName: `</cobalt:name><evil a='1' b="2">&\u0000\ud800`,
      projectId: `'><x/>`,
      kernel: { kernel: image('img-kernel', 'aki'), ramdisk: null, commandLine: `a='<&>'` },
    },
  },
};

describe('domain XML', () => {
  for (const [
    name,
    { spec, setting = tcg, configDrive = 'disk', mounts = [], further = [] },
  ] of Object.entries(cases)) {
    it(`of ${name} is the golden one`, async () => {
      const plan = planGuest(
        spec,
        folder.guest(spec.uuid),
        cached,
        { configDrive, mounts },
        further,
      );
      assert.ok(!isFault(plan));
      const xml = domainXml(spec, plan, setting);
      const file = new URL(`${name}.xml`, goldens);
      if (process.env['UPDATE'] === '1') {
        await mkdir(goldens, { recursive: true });
        await writeFile(file, xml);
      }
      assert.equal(xml, await readFile(file, 'utf8'));
      assert.equal(XMLValidator.validate(xml), true);
    });
  }

  it('escapes so that a parser gives the text back', () => {
    const text = `<a href='x'>&amp;"</a> größe \u{1F600}`;
    const parsed = new XMLParser({ trimValues: false }).parse(`<t>${escape(text)}</t>`) as {
      t: string;
    };
    assert.equal(parsed.t, text);
  });

  it('tells its disks again, volumes by their ids', async () => {
    const xml = await readFile(new URL('volumes.xml', goldens), 'utf8');
    assert.deepEqual(
      disksIn(xml).map(({ target, path }) => [target, path]),
      [
        ['vda', '/var/lib/cobaltcore/h1/guests/4b4fbb4c-8e7d-4b52-9a67-0a0c4e7b0f11/disk'],
        ['vdb', '/var/lib/cobaltcore/h1/guests/4b4fbb4c-8e7d-4b52-9a67-0a0c4e7b0f11/ephemeral'],
        ['vdc', '/vol/volume-3'],
        ['vdd', '/vol/volume-2'],
      ],
    );
    assert.deepEqual(volumesIn(xml), [volume(3, '').volumeId, volume(2, '').volumeId]);
  });

  it('is refused for a volume that the host does not reach, or that is not on its share', () => {
    for (const connection of [
      { protocol: 'sim' as const, volume: 'v' },
      {
        protocol: 'nfs' as const,
        server: 's',
        share: '/vol',
        file: '../etc/shadow',
        format: 'raw' as const,
      },
    ]) {
      const plan = planGuest(
        { ...base, volumes: [{ ...volume(1, 'vdb'), connection }] },
        folder.guest(base.uuid),
        cached,
        { configDrive: 'disk', mounts: [] },
      );
      assert.ok(isFault(plan) && plan.kind === 'badRequest');
    }
  });

  it('is refused for a root disk smaller than its image', () => {
    const large: CachedImages = new Map([
      ['img-disk', { path: '/x', virtualSizeBytes: 3 * 1024 ** 3 }],
    ]);
    const plan = planGuest(base, folder.guest(base.uuid), large, {
      configDrive: 'disk',
      mounts: [],
    });
    assert.ok(isFault(plan));
    assert.deepEqual(
      [plan.kind, plan.message],
      ['badRequest', 'the root disk of 1 GiB is smaller than image img-disk of 3072 MiB'],
    );
  });
});
