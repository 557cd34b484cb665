// Interfaces are mended when they were wrong twice, and a guest that nobody spoke of is left alone.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { GuestNic } from '#contracts/nova/guest.ts';
import { silentLog } from '#platform/log.ts';
import type { Hypervisor } from '#ports/hypervisor.ts';
import { novaAgentDefaults } from './deps.ts';
import { createNicMender, decideNics } from './mend-nics.ts';

const nic = (portId: string): GuestNic => ({ portId, mac: 'fa:16:3e:00:00:01', mtu: 1442, bridge: 'br-int', model: 'virtio' });
const guest = (ports: string[] | null): ExpectedGuest => ({ uuid: 'g', want: 'run', busy: false, nics: ports && ports.map(nic) });

function host(has: string[]) {
  const hypervisor: Pick<Hypervisor, 'nics' | 'attachNic' | 'detachNic'> = {
    nics: async (uuid) => (uuid === 'g' ? [...has] : fault('notFound', 'no such guest')),
    attachNic: async (_uuid, { portId }) => void has.push(portId),
    detachNic: async (_uuid, portId) => void has.splice(has.indexOf(portId), 1),
  };
  return { has, mend: createNicMender({ hypervisor: hypervisor as Hypervisor, config: { ...novaAgentDefaults, host: 'h1', version: '1' }, log: silentLog }) }; // these methods alone are called
}

describe('mending interfaces', () => {
  it('takes away what is too much and adds what is missing', () => {
    assert.deepEqual(decideNics([nic('a'), nic('b')], ['b', 'c']), [{ action: 'detach', portId: 'c' }, { action: 'attach', nic: nic('a') }]);
    assert.deepEqual(decideNics([nic('a')], ['a']), []);
  });

  it('waits until a difference is seen twice in a row', async () => {
    const { has, mend } = host(['stray']);
    await mend([guest(['a'])]);
    assert.deepEqual(has, ['stray']);
    await mend([guest(['a', 'stray'])]); // it was a change under way
    assert.deepEqual(has, ['stray', 'a']);
    await mend([guest(['a'])]);
    await mend([guest(['a'])]);
    assert.deepEqual(has, ['a']);
  });

  it('leaves alone whom nobody compares, and guests that are not there', async () => {
    const { has, mend } = host(['stray']);
    for (const _ of [1, 2, 3]) await mend([guest(null), { ...guest(['a']), uuid: 'elsewhere' }]);
    assert.deepEqual(has, ['stray']);
  });
});
