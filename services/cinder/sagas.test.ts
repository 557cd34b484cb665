// Every saga of Cinder unwinds from every step, and every step may run twice. Uses the real roles,
// each as in a process with its own runner, and the simulated backend.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { everyStepTwice, exchangeable, failingAt, stepNames } from '#platform/saga/saga.testing.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { CinderFixture } from './cinder.testing.ts';
import { startCinder } from './cinder.testing.ts';

interface Scenario {
  saga: string;
  title: string;
  /**
   * Starts the operation on a fresh volume that has a snapshot and a backup. Returns the object to
   * examine afterwards, as [collection, key, id].
   */
  begin(objects: {
    volume: string;
    snapshot: string;
    backup: string;
  }): Promise<[collection: string, key: string, id: string]>;
  /** Its status after success (`ends`) and after a failure (`fails`); undefined: it is deleted. */
  ends: string | undefined;
  fails: string | undefined;
}

let cinder: CinderFixture;
let originals: readonly AnySaga[] = [];
const variants = new Map<string, (variant: AnySaga) => void>();
const image = {
  id: '11111111-1111-4111-8111-111111111111',
  name: 'tiny',
  status: 'active',
  disk_format: 'raw',
  container_format: 'bare',
  size: 5,
  min_disk: 0,
  min_ram: 0,
};

before(async () => {
  cinder = await startCinder({
    apart: true,
    config: {
      quotas: {
        volumes: -1,
        snapshots: -1,
        gigabytes: -1,
        backups: -1,
        backup_gigabytes: -1,
        groups: 10,
        per_volume_gigabytes: -1,
      },
    },
    wrapSagas: (definitions) => {
      originals = [...originals, ...definitions];
      return definitions.map((definition) => {
        const { saga, become } = exchangeable(definition);
        variants.set(definition.name, become);
        return saga;
      });
    },
  });
  cinder.answerCalls((call) => {
    if (call.path === '/v2/images' && call.method === 'POST')
      return { status: 201, body: { ...image, status: 'queued' } };
    if (call.path.endsWith('/file'))
      return call.method === 'GET'
        ? { status: 200, stream: Readable.from([Buffer.from('bytes')]) }
        : { status: 204 };
    if (call.path.startsWith('/v2/images/'))
      return call.method === 'DELETE'
        ? { status: 204 }
        : { status: 200, body: { ...image, status: uploading ? 'queued' : 'active' } };
    return { status: call.path.includes('/os-volume_attachments/') ? 404 : 200, body: {} };
  });
});
after(async () => await cinder.close());
let uploading = false;
beforeEach(() => {
  uploading = false;
});

const ask = async (method: 'POST' | 'DELETE', path: string, body?: Json): Promise<Loose> => {
  const answer = await cinder.ask('admin', method, path, body === undefined ? {} : { body });
  assert.ok(
    answer.status < 300,
    `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`,
  );
  return answer.body;
};
const createdVolume =
  (more: (objects: { volume: string; snapshot: string }) => object): Scenario['begin'] =>
  async (objects) => [
    'volumes',
    'volume',
    (await ask('POST', 'volumes', { volume: { size: 1, ...more(objects) } as Json })).volume.id,
  ];

const scenarios: readonly Scenario[] = [
  {
    saga: 'cinder.create-volume',
    title: 'a blank volume',
    begin: createdVolume(() => ({})),
    ends: 'available',
    fails: 'error',
  },
  {
    saga: 'cinder.create-volume-with-data',
    title: 'a volume from a snapshot',
    begin: createdVolume(({ snapshot }) => ({ snapshot_id: snapshot })),
    ends: 'available',
    fails: 'error',
  },
  {
    saga: 'cinder.create-volume-with-data',
    title: 'a volume from a volume',
    begin: createdVolume(({ volume }) => ({ source_volid: volume })),
    ends: 'available',
    fails: 'error',
  },
  {
    saga: 'cinder.create-volume-with-data',
    title: 'a volume from an image',
    begin: createdVolume(() => ({ imageRef: image.id })),
    ends: 'available',
    fails: 'error',
  },
  {
    saga: 'cinder.delete-volume',
    title: 'a deletion with snapshots',
    ends: undefined,
    fails: 'error_deleting',
    begin: async ({ volume }) => {
      await ask('DELETE', `volumes/${volume}?cascade=true`);
      return ['volumes', 'volume', volume];
    },
  },
  {
    saga: 'cinder.extend-volume',
    title: 'an extension',
    ends: 'available',
    fails: 'available',
    begin: async ({ volume }) => {
      await ask('POST', `volumes/${volume}/action`, { 'os-extend': { new_size: 2 } });
      return ['volumes', 'volume', volume];
    },
  },
  {
    saga: 'cinder.release-volume',
    title: 'a detachment',
    ends: 'available',
    fails: 'available',
    begin: async ({ volume }) => {
      const { attachment } = await ask('POST', 'attachments', {
        attachment: { volume_uuid: volume, instance_uuid: 's1', connector: { host: 'h1' } },
      });
      await ask('DELETE', `attachments/${attachment.id}`);
      return ['volumes', 'volume', volume];
    },
  },
  {
    saga: 'cinder.create-snapshot',
    title: 'a snapshot',
    begin: async ({ volume }) => [
      'snapshots',
      'snapshot',
      (await ask('POST', 'snapshots', { snapshot: { volume_id: volume } })).snapshot.id,
    ],
    ends: 'available',
    fails: 'error',
  },
  {
    saga: 'cinder.delete-snapshot',
    title: 'the end of a snapshot',
    ends: undefined,
    fails: 'error_deleting',
    begin: async ({ snapshot }) => {
      await ask('DELETE', `snapshots/${snapshot}`);
      return ['snapshots', 'snapshot', snapshot];
    },
  },
  {
    saga: 'cinder.upload-image',
    title: 'an upload',
    ends: 'available',
    fails: 'available',
    begin: async ({ volume }) => {
      uploading = true;
      await ask('POST', `volumes/${volume}/action`, {
        'os-volume_upload_image': { image_name: 'mine', disk_format: 'raw' },
      });
      return ['volumes', 'volume', volume];
    },
  },
  {
    saga: 'cinder.create-backup',
    title: 'a backup',
    begin: async ({ volume }) => [
      'backups',
      'backup',
      (await ask('POST', 'backups', { backup: { volume_id: volume } })).backup.id,
    ],
    ends: 'available',
    fails: 'error',
  },
  {
    saga: 'cinder.restore-backup',
    title: 'a restoration to a new volume',
    begin: async ({ backup }) => [
      'volumes',
      'volume',
      (await ask('POST', `backups/${backup}/restore`, { restore: {} })).restore.volume_id,
    ],
    ends: 'available',
    fails: 'error',
  },
  {
    saga: 'cinder.restore-backup',
    title: 'a restoration to its volume',
    begin: async ({ backup, volume }) => [
      'volumes',
      'volume',
      (await ask('POST', `backups/${backup}/restore`, { restore: { volume_id: volume } })).restore
        .volume_id,
    ],
    ends: 'available',
    fails: 'error_restoring',
  },
  {
    saga: 'cinder.delete-backup',
    title: 'the end of a backup',
    ends: undefined,
    fails: 'error_deleting',
    begin: async ({ backup }) => {
      await ask('DELETE', `backups/${backup}`);
      return ['backups', 'backup', backup];
    },
  },
  {
    saga: 'cinder.import-backup',
    title: 'an import',
    ends: 'available',
    fails: 'error',
    begin: async ({ backup }) => {
      const {
        body: {
          'backup-record': { backup_service, backup_url },
        },
      } = await cinder.ask('admin', 'GET', `backups/${backup}/export_record`);
      const record = {
        ...(JSON.parse(Buffer.from(backup_url, 'base64').toString()) as object),
        id: randomUUID(),
      };
      const {
        backup: { id },
      } = await ask('POST', 'backups/import_record', {
        'backup-record': {
          backup_service,
          backup_url: Buffer.from(JSON.stringify(record)).toString('base64'),
        },
      });
      return ['backups', 'backup', id];
    },
  },
];

async function fresh() {
  const volume = await cinder.make('volumes', 'volume', { size: 1 });
  const snapshot = await cinder.make('snapshots', 'snapshot', { volume_id: volume.id });
  const backup = await cinder.make('backups', 'backup', { volume_id: volume.id });
  assert.deepEqual(
    [volume.status, snapshot.status, backup.status],
    ['available', 'available', 'available'],
  );
  return {
    volume: volume.id as string,
    snapshot: snapshot.id as string,
    backup: backup.id as string,
  };
}

/** Runs the scenario with its saga changed by `change`, and returns the object's final status. */
async function play(
  scenario: Scenario,
  change: (definition: AnySaga) => AnySaga,
): Promise<string | undefined> {
  const original = originals.find(({ name }) => name === scenario.saga);
  const become = variants.get(scenario.saga);
  assert.ok(original && become, `${scenario.saga} is a saga of Cinder`);
  const objects = await fresh();
  become(change(original));
  try {
    const [collection, key, id] = await scenario.begin(objects);
    await cinder.idle();
    return (await cinder.show(collection, key, id))?.status;
  } finally {
    become(original);
  }
}

/**
 * Nothing is left half done: no transient status without a saga, and nothing on the backend or in
 * the backup store that the database does not know.
 */
async function nothingLeft(failedDeletion: boolean): Promise<void> {
  const audit = await cinder.audit();
  assert.deepEqual(audit.stuck, []);
  const sim = audit.backends['sim'];
  assert.ok(sim !== undefined && typeof sim !== 'string' && typeof audit.backups !== 'string');
  assert.deepEqual([sim.unknown, sim.strays, audit.backups.unknown], [[], [], []]);
  if (!failedDeletion) assert.deepEqual([sim.missing, audit.backups.missing], [[], []]);
}

describe('every saga of Cinder', () => {
  it('has a scenario here', () =>
    assert.deepEqual(
      [...new Set(scenarios.map(({ saga }) => saga))].sort(),
      originals.map(({ name }) => name).sort(),
    ));

  for (const scenario of scenarios) {
    it(`${scenario.title}: every step may run twice`, async () => {
      assert.equal(await play(scenario, everyStepTwice), scenario.ends);
      await nothingLeft(false);
    });

    it(`${scenario.title}: unwinds from every step, before and after its work`, async () => {
      // the first test asserts that it exists
      const steps = stepNames(originals.find(({ name }) => name === scenario.saga) as AnySaga);
      for (const [index, step] of steps.entries()) {
        for (const when of ['before', 'after'] as const) {
          const end = await play(scenario, (definition) => failingAt(definition, index, when));
          const message = `${step}, ${when}`;
          // The last step's work is the final change of state: after that nothing can fail.
          const finished = when === 'after' && index === steps.length - 1;
          assert.ok(
            end === scenario.fails || (finished && end === scenario.ends),
            `${message}: ${end}`,
          );
          await nothingLeft(scenario.ends === undefined);
        }
      }
    });
  }
});

it('a failure is told to its owner in a message', async () => {
  const { volume_type: type } = (
    await cinder.ask('admin', 'POST', 'types', {
      body: { volume_type: { name: 'nowhere', extra_specs: { volume_backend_name: 'nothing' } } },
    })
  ).body;
  const volume = await cinder.make('volumes', 'volume', { size: 1, volume_type: type.name });
  assert.equal(volume.status, 'error');
  const { messages } = (await cinder.ask('member', 'GET', `messages?resource_uuid=${volume.id}`))
    .body;
  assert.deepEqual(
    [messages.length, messages[0].event_id, messages[0].message_level],
    [1, 'VOLUME_VOLUME_001_003', 'ERROR'],
  );
  assert.deepEqual((await cinder.ask('other', 'GET', 'messages')).body.messages, []);
  assert.equal((await cinder.ask('member', 'DELETE', `messages/${messages[0].id}`)).status, 204);
  assert.ok(!isFault(messages));
});
