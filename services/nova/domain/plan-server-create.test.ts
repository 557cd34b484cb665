// The plan of a server create: the rows for a request, and refusals if image and flavor do not fit.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { FlavorFacts, ImageFacts } from '#contracts/nova/facts.ts';
import type { CreateFacts } from './plan-server-create.ts';
import { checkFit, hostnameOf, planServerCreate } from './plan-server-create.ts';

const gib = 1024 ** 3;
const flavor: FlavorFacts = {
  id: '1',
  name: 'f',
  vcpus: 2,
  memoryMib: 512,
  diskGib: 5,
  ephemeralGib: 2,
  swapMib: 1500,
  rxtxFactor: 1,
  description: null,
  extraSpecs: {},
};
const image: ImageFacts = {
  id: 'i',
  name: 'img',
  diskFormat: 'qcow2',
  sizeBytes: gib,
  checksum: '',
  minDiskGib: 0,
  minMemoryMib: 0,
  kernel: null,
  ramdisk: null,
  properties: {},
};
const facts: CreateFacts = {
  name: 'web',
  hostname: null,
  description: null,
  flavor,
  image,
  volumeImage: null,
  keypair: { name: 'k', publicKey: 'ssh-ed25519 AAAA' },
  userData: null,
  metadata: { a: 'b' },
  tags: ['x', 'y'],
  securityGroups: [],
  personality: [],
  rootTag: null,
  schedulerHints: {},
  serverGroupId: null,
  configDrive: null,
  accessIPv4: null,
  accessIPv6: null,
  zone: 'az1',
  diskConfig: 'AUTO',
  adminPass: 'secret',
  minCount: 1,
  maxCount: 1,
  projectId: 'p',
  userId: 'u',
  nowMs: 7,
  reservationId: 'r',
  ids: ['id-1'],
};

function plan(change: Partial<CreateFacts> = {}) {
  const rows = planServerCreate({ ...facts, ...change });
  assert.ok(!isFault(rows));
  return rows;
}

describe('the plan of a server create', () => {
  it('is a building server that waits for the scheduler', () => {
    const [row] = plan();
    assert.deepEqual(
      [row?.vm_state, row?.task_state, row?.power_state, row?.host, row?.created_at_ms],
      ['building', 'scheduling', 0, null, 7],
    );
    assert.deepEqual(
      [row?.key_name, row?.key_data, row?.metadata, row?.tags, row?.availability_zone],
      ['k', 'ssh-ed25519 AAAA', '{"a":"b"}', ',x,y,', 'az1'],
    );
  });
  it('claims root, ephemeral and swap disk, swap rounded up to whole GiB', () =>
    assert.equal(plan()[0]?.disk_gib, 5 + 2 + 2));
  it('numbers the servers of one request, and leaves a single one its name', () => {
    assert.deepEqual(
      plan({ ids: ['a', 'b'] }).map((row) => [row.id, row.name, row.hostname]),
      [
        ['a', 'web-1', 'web-1'],
        ['b', 'web-2', 'web-2'],
      ],
    );
    assert.equal(plan()[0]?.name, 'web');
  });
  it('gives a config drive when asked, or when the image insists and nobody refused', () => {
    const insisting = { ...image, properties: { img_config_drive: 'mandatory' } };
    assert.deepEqual(
      [
        plan()[0],
        plan({ configDrive: true })[0],
        plan({ image: insisting })[0],
        plan({ image: insisting, configDrive: false })[0],
        plan({ image: null })[0],
      ].map((row) => row?.config_drive),
      [0, 1, 1, 0, 0],
    );
  });
  it('is refused whole when image and flavor do not fit', () => {
    const refusal = planServerCreate({ ...facts, image: { ...image, minMemoryMib: 513 } });
    assert.ok(isFault(refusal) && refusal.kind === 'badRequest');
  });
});

describe('image and flavor', () => {
  const misfit = (change: Partial<ImageFacts>, small: Partial<FlavorFacts> = {}) =>
    checkFit({ ...flavor, ...small }, { ...image, ...change })?.message;
  it('fit up to the last byte', () => {
    assert.equal(misfit({ sizeBytes: 5 * gib, minDiskGib: 5, minMemoryMib: 512 }), undefined);
    assert.match(misfit({ sizeBytes: 5 * gib + 1 }) ?? '', /disk is too small/);
    assert.match(misfit({ minDiskGib: 6 }) ?? '', /smaller than the minimum/);
    assert.match(misfit({ minMemoryMib: 513 }) ?? '', /memory is too small/);
  });
  it('of a flavor without a disk size always fit in disk, never in memory', () => {
    assert.equal(misfit({ sizeBytes: 50 * gib, minDiskGib: 50 }, { diskGib: 0 }), undefined);
    assert.match(misfit({ minMemoryMib: 513 }, { diskGib: 0 }) ?? '', /memory/);
  });
  it('without an image fit', () => assert.equal(checkFit(flavor, null), undefined));
});

describe('a host name', () => {
  const names: readonly [string, string][] = [
    ['web', 'web'],
    ['Web Server_1', 'web-server-1'],
    ['héllo', 'hello'],
    ['.-web-.', 'web'],
    ['a'.repeat(80), 'a'.repeat(63)],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
    ['日本', 'Server-id'],
    ['', 'Server-id'],
    ['web.example.org', 'web.example.org'],
  ];
  for (const [name, host] of names)
    it(`of '${name.slice(0, 20)}' is '${host.slice(0, 20)}'`, () =>
      assert.equal(hostnameOf(name, 'id'), host));
});
