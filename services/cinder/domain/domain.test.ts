import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  connectionFrom,
  connectionInfoOf,
  flatConnectionInfo,
} from '#contracts/cinder/connection-info.ts';
import type { Pool } from '#contracts/cinder/scheduler-rpc.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { detailOf, eventId, textOf } from './messages.ts';
import { backendOf, pickPool, poolHost } from './pick-pool.ts';
import { checkQuota, quotaDefaults } from './quota.ts';
import { planSource } from './volume-source.ts';

const pool = (change: Partial<Pool>): Pool => ({
  host: 'c@a#a',
  backend: 'a',
  vendorName: 'v',
  driverVersion: '1',
  storageProtocol: 'nfs',
  totalGib: 100,
  freeGib: 50,
  provisionedGib: 0,
  enabled: true,
  answers: true,
  ...change,
});
const pick = (pools: Pool[], sizeGib = 1, extraSpecs = {}) => {
  const chosen = pickPool(pools, { sizeGib, extraSpecs });
  return isFault(chosen) ? chosen.kind : chosen.host;
};

test('the pool with the most space is picked, among those the type wants', () => {
  const pools = [
    pool({ provisionedGib: 500 }),
    pool({ host: 'c@b#b', backend: 'b', provisionedGib: 100 }),
  ];
  assert.equal(pick(pools), 'c@b#b');
  assert.equal(pick(pools, 1, { volume_backend_name: 'a' }), 'c@a#a');
  assert.equal(
    pick(pools, 1, { 'capabilities:storage_protocol': '<in> nfs', 'other:thing': 'x' }),
    'c@b#b',
  );
  assert.equal(pick(pools, 1, { colour: 'red' }), 'conflict');
});

test('a full, disabled, silent or overpromised pool takes nothing', () => {
  assert.equal(pick([pool({ freeGib: 0 })]), 'conflict');
  assert.equal(pick([pool({ answers: false })]), 'unavailable');
  assert.equal(pick([pool({ enabled: false })]), 'conflict');
  assert.equal(pick([pool({ provisionedGib: 1999 })], 1), 'c@a#a');
  assert.equal(pick([pool({ provisionedGib: 1999 })], 2), 'conflict');
});

test('a host names its backend', () => assert.equal(backendOf(poolHost('control', 'nfs')), 'nfs'));

test('quotas: what fits exactly fits, one more does not, -1 never ends', () => {
  const limits = { ...quotaDefaults, volumes: 2, gigabytes: 10 };
  const used = {
    volumes: 1,
    snapshots: 0,
    gigabytes: 9,
    backups: 0,
    backup_gigabytes: 0,
    groups: 0,
  };
  assert.equal(checkQuota(limits, used, { volumes: 1, gigabytes: 1 }, 1), undefined);
  const over = checkQuota(limits, used, { volumes: 1, gigabytes: 2 }, 2);
  assert.ok(isFault(over) && over.kind === 'overQuota' && over.message.includes('gigabytes'));
  assert.equal(checkQuota({ ...limits, gigabytes: -1 }, used, { gigabytes: 1e6 }), undefined);
  assert.ok(isFault(checkQuota({ ...limits, per_volume_gigabytes: 5 }, used, {}, 6)));
});

const volume = {
  id: 'v',
  sizeGib: 2,
  status: 'available',
  typeId: null,
  zone: 'nova',
  host: 'c@a#a',
  bootable: true,
  imageMetadata: { a: 'b' },
};
const image = {
  id: 'i',
  name: 'tiny',
  status: 'active',
  diskFormat: 'qcow2',
  containerFormat: 'bare',
  sizeBytes: 10,
  virtualSizeBytes: 2 * 1024 ** 3,
  minDiskGib: 1,
  minMemoryMib: 0,
  checksum: 'c',
  properties: { hw_disk_bus: 'virtio' },
};
const none = { snapshot: null, volume: null, image: null };

test('a volume takes size, bootability and image facts from what it is made of', () => {
  const copy = planSource(null, { ...none, volume });
  assert.ok(
    !isFault(copy) && copy.sizeGib === 2 && copy.bootable && copy.imageMetadata['a'] === 'b',
  );
  const fromImage = planSource(2, { ...none, image });
  assert.ok(
    !isFault(fromImage) &&
      fromImage.bootable &&
      fromImage.imageMetadata['hw_disk_bus'] === 'virtio' &&
      fromImage.imageMetadata['image_id'] === 'i',
  );
  const blank = planSource(1, none);
  assert.ok(!isFault(blank) && !blank.bootable && blank.origin === null);
});

test('a volume that is too small or not available is refused', () => {
  const refused = (size: number | null, sources: Partial<typeof none> | object): boolean => {
    const plan = planSource(size, { ...none, ...sources });
    return isFault(plan) && plan.kind === 'badRequest';
  };
  assert.ok(refused(null, {}));
  assert.ok(refused(1, { volume }));
  assert.ok(refused(2, { volume: { ...volume, status: 'deleting' } }));
  assert.ok(refused(3, { snapshot: { id: 's', sizeGib: 2, status: 'creating', volume } }));
  assert.ok(refused(1, { image }), 'the image unfolds to more than the volume');
  assert.ok(refused(9, { image: { ...image, status: 'deactivated' } }));
  assert.ok(refused(9, { image: { ...image, minDiskGib: 10 } }));
  for (const diskFormat of ['iso', 'ami', 'aki', 'ari', 'ploop', 'vhd'])
    assert.ok(!refused(9, { image: { ...image, diskFormat } }), diskFormat);
});

test('messages say what was tried and why it failed', () => {
  const reason = fault('tooLarge', 'the image needs 3 GiB');
  const detail = detailOf('downloadImage', reason);
  assert.equal(eventId('VOLUME', '005', detail.id), 'VOLUME_VOLUME_005_007');
  assert.match(
    textOf(
      'createSnapshot',
      detailOf('createSnapshot', fault('conflict', 'the guest said no')),
      fault('conflict', 'the guest said no'),
    ),
    /create snapshot:the guest said no/,
  );
});

test('a connection survives the wire, flat and nested', () => {
  for (const connection of [
    { protocol: 'nfs', server: 'fd00::1', share: '/vol', file: 'volume-1', format: 'qcow2' },
    { protocol: 'sim', volume: 'v' },
  ] as const) {
    const info = connectionInfoOf(connection, false);
    assert.deepEqual(connectionFrom(flatConnectionInfo(info)), connection);
    assert.deepEqual(connectionFrom({ ...info }), connection);
  }
  assert.equal(connectionFrom({ driver_volume_type: 'iscsi', target_iqn: 'x' }), undefined);
});
