// Interfaces and volumes are corrected once they were wrong in two passes; a guest that is not
// listed is left alone.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { GuestNic, GuestVolume } from '#contracts/nova/guest.ts';
import { silentLog } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import { novaAgentDefaults } from './deps.ts';
import { createDeviceMender, decideDevices } from './mend-devices.ts';

const nic = (portId: string): GuestNic => ({
  portId,
  mac: 'fa:16:3e:00:00:01',
  mtu: 1442,
  bridge: 'br-int',
  model: 'virtio',
});
const volume = (volumeId: string): GuestVolume => ({
  volumeId,
  connection: { protocol: 'sim', volume: volumeId },
  device: 'vdb',
  bus: 'virtio',
  bootIndex: null,
});
const guest = (ports: string[] | null, volumes: string[] | null = null): ExpectedGuest => ({
  uuid: 'g',
  want: 'run',
  busy: false,
  nics: ports && ports.map(nic),
  volumes: volumes && volumes.map(volume),
});

function host(has: string[], disks: string[] = []) {
  const take = (list: string[], id: string) => void list.splice(list.indexOf(id), 1);
  const hypervisor: Pick<
    Hypervisor,
    'nics' | 'attachNic' | 'detachNic' | 'volumes' | 'attachVolume' | 'detachVolume'
  > = {
    nics: async (uuid) => (uuid === 'g' ? [...has] : fault('notFound', 'no such guest')),
    attachNic: async (_uuid, { portId }) => void has.push(portId),
    detachNic: async (_uuid, portId) => take(has, portId),
    volumes: async (uuid) => (uuid === 'g' ? [...disks] : fault('notFound', 'no such guest')),
    attachVolume: async (_uuid, { volumeId }) => void disks.push(volumeId),
    detachVolume: async (_uuid, volumeId) => take(disks, volumeId),
  };
  return {
    has,
    disks,
    mend: createDeviceMender({
      hypervisor: hypervisor as Hypervisor,
      config: { ...novaAgentDefaults, host: 'h1', version: '1' },
      log: silentLog,
    }),
  }; // the only methods called
}

describe('mending devices', () => {
  it('takes away what is too much and adds what is missing', () => {
    assert.deepEqual(decideDevices(['a', 'b'], ['b', 'c']), [
      { action: 'detach', id: 'c' },
      { action: 'attach', id: 'a' },
    ]);
    assert.deepEqual(decideDevices(['a'], ['a']), []);
  });

  it('waits until a difference is seen twice in a row', async () => {
    const { has, mend } = host(['stray']);
    await mend([guest(['a'])]);
    assert.deepEqual(has, ['stray']);
    await mend([guest(['a', 'stray'])]); // no difference now: a change had been in progress
    assert.deepEqual(has, ['stray', 'a']);
    await mend([guest(['a'])]);
    await mend([guest(['a'])]);
    assert.deepEqual(has, ['a']);
  });

  it('mends volumes as it mends interfaces', async () => {
    const { disks, mend } = host([], ['stray']);
    for (const _ of [1, 2]) await mend([guest(null, ['v'])]);
    assert.deepEqual(disks, ['v']);
  });

  it('leaves alone whom nobody compares, and guests that are not there', async () => {
    const { has, disks, mend } = host(['stray'], ['stray']);
    for (const _ of [1, 2, 3])
      await mend([guest(null), { ...guest(['a'], ['v']), uuid: 'elsewhere' }]);
    assert.deepEqual([has, disks], [['stray'], ['stray']]);
  });
});
