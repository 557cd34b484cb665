// Volumes created from images: each disk format reaches the backend under Glance's name, a refusal
// says why, and a forced deletion of the volume ends the copy.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { CopyOptions } from '#ports/volume-backend.ts';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

type Import = (
  file: { diskFormat: string },
  options: CopyOptions | undefined,
) => Promise<Outcome<void>>;

let cinder: CinderFixture;
let importFile: Import = async () => undefined;
let diskFormat = 'raw';
const imageId = '11111111-1111-4111-8111-111111111111';

before(async () => {
  const quotas = {
    volumes: 50,
    snapshots: 1,
    gigabytes: 50,
    backups: 1,
    backup_gigabytes: 1,
    groups: 1,
    per_volume_gigabytes: -1,
  };
  cinder = await startCinder({
    config: { quotas },
    wrapBackend: (backend) => ({
      ...backend,
      importFile: async (_id, _size, file, options) => await importFile(file, options),
    }),
  });
  cinder.answerCalls(({ path }) => {
    if (path.endsWith('/file'))
      return { status: 200, stream: Readable.from([Buffer.from('bytes')]) };
    return {
      status: 200,
      body: {
        id: imageId,
        name: 'i',
        status: 'active',
        disk_format: diskFormat,
        container_format: 'bare',
        size: 5,
        virtual_size: null,
        min_disk: 0,
        min_ram: 0,
      },
    };
  });
});
after(async () => await cinder.close());

test('a volume can be made from an image of every disk format', async () => {
  for (diskFormat of [
    'raw',
    'iso',
    'ami',
    'aki',
    'ari',
    'qcow2',
    'vmdk',
    'vdi',
    'vhd',
    'vhdx',
    'ploop',
  ]) {
    const formats: string[] = [];
    importFile = async (file) => void formats.push(file.diskFormat);
    const volume = await cinder.make('volumes', 'volume', { size: 1, imageRef: imageId });
    assert.deepEqual([volume.status, formats], ['available', [diskFormat]]);
  }
});

test('an image that may not be used leaves its reason with the volume', async () => {
  importFile = async () =>
    fault('badRequest', 'The image refers to another file, which is not allowed.');
  const volume = await cinder.make('volumes', 'volume', { size: 1, imageRef: imageId });
  assert.equal(volume.status, 'error');
  const {
    body: { messages },
  } = await cinder.ask('member', 'GET', `messages?resource_uuid=${volume.id}`);
  assert.deepEqual(
    messages.map(({ user_message: text }: { user_message: string }) => text),
    ['copy image to volume:The image refers to another file, which is not allowed.'],
  );
});

test('a volume that is deleted by force ends the copy of its image', async () => {
  let begun = 0;
  importFile = async (_file, options) => {
    begun += 1;
    await new Promise((resolve) => options?.signal?.addEventListener('abort', resolve));
    return fault('timeout', 'nobody waits for it any more');
  };
  const {
    body: {
      volume: { id },
    },
  } = await cinder.ask('member', 'POST', 'volumes', {
    body: { volume: { size: 1, imageRef: imageId } },
  });
  await eventually(() => begun === 1, { withinMs: 10_000, what: 'the copy to be under way' });
  assert.equal(
    (await cinder.ask('admin', 'POST', `volumes/${id}/action`, { body: { 'os-force_delete': {} } }))
      .status,
    202,
  );
  await eventually(
    async () => (await cinder.ask('member', 'GET', `volumes/${id}`)).status === 404,
    { withinMs: 20_000, what: 'the volume to be gone' },
  );
  assert.equal(begun, 1, 'and it is not begun again');
});
