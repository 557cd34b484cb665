// Bar 8: every saga of the control plane unwinds from every step, and every step may run twice. On
// a real control plane with three simulated hosts, driven by the public API. A saga or server
// action without a scenario here fails the test.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ServerAction } from '#contracts/nova/operations.ts';
import { taskDuring } from '#contracts/nova/operations.ts';
import { everyStepTwice, exchangeable, failingAt, stepNames } from '#platform/saga/saga.testing.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { bootVolume } from './boot-volume.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

const settleMs = 10_000;

interface Scenario {
  title: string;
  /** Brings a server where the operation may begin; undefined: the operation makes it. */
  prepare?: () => Promise<string>;
  /** Begins the operation that the saga carries out; the server's id. */
  begin(id: string): Promise<string>;
  /** Where the server is afterwards; undefined: gone. */
  ends: string | undefined;
  /** The server's action log does not tell of it: another service asked for it. */
  isUnlogged?: boolean;
}

let dir: string;
let cloud: SimCloud;
let originals: readonly AnySaga[] = [];
const variants = new Map<string, (variant: AnySaga) => void>();

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cobalt-sagas-'));
  cloud = await startSimCloud({
    dir,
    hosts: 3,
    control: {
      wrapSagas: (definitions) => {
        originals = [...originals, ...definitions]; // a runner for each database
        return definitions.map((definition) => {
          const { saga, become } = exchangeable(definition);
          variants.set(definition.name, become);
          return saga;
        });
      },
    },
  });
});

after(async () => {
  await cloud?.stop();
  await rm(dir, { recursive: true, force: true });
});

const create = async (): Promise<string> => await cloud.createServer('vm');

/** A server after these actions, each brought to its end. */
const built =
  (...actions: Json[]) =>
  async (): Promise<string> => {
    const id = await create();
    await cloud.quiet(settleMs);
    for (const action of actions) {
      assert.ok((await cloud.act(id, action)) < 300, `${JSON.stringify(action)} is accepted`);
      await cloud.quiet(settleMs);
    }
    return id;
  };

const change = (
  title: ServerAction,
  action: () => Json,
  ends: string,
  ...before: Json[]
): Scenario => ({
  title,
  ends,
  prepare: built(...before),
  begin: async (id) => {
    const status = await cloud.act(id, action());
    assert.ok(status < 300, `${title} is accepted: ${status}`);
    return id;
  },
});

const changes: readonly Scenario[] = [
  change('start', () => ({ 'os-start': null }), 'ACTIVE', { 'os-stop': null }),
  change('stop', () => ({ 'os-stop': null }), 'SHUTOFF'),
  change('softReboot', () => ({ reboot: { type: 'SOFT' } }), 'ACTIVE'),
  change('hardReboot', () => ({ reboot: { type: 'HARD' } }), 'ACTIVE', { 'os-stop': null }),
  change('pause', () => ({ pause: null }), 'PAUSED'),
  change('unpause', () => ({ unpause: null }), 'ACTIVE', { pause: null }),
  change('suspend', () => ({ suspend: null }), 'SUSPENDED'),
  change('resume', () => ({ resume: null }), 'ACTIVE', { suspend: null }),
  change('rescue', () => ({ rescue: null }), 'RESCUE'),
  change('unrescue', () => ({ unrescue: null }), 'ACTIVE', { rescue: null }),
  change('rebuild', () => ({ rebuild: { imageRef: cloud.imageId } }), 'ACTIVE'),
];

/** Answers once the saga has ended: 400 where it was made to fail. */
async function attachTo(path: string, body: JsonObject): Promise<void> {
  const { status } = await cloud.compute('POST', path, body);
  assert.ok([200, 400].includes(status), `POST ${path}: ${status}`);
}

const scenarios: Readonly<Record<string, readonly Scenario[]>> = {
  'nova.build-server': [
    { title: 'create', begin: create, ends: 'ACTIVE' },
    {
      title: 'create from a volume',
      ends: 'ACTIVE',
      begin: async () => {
        const answer = await cloud.compute('POST', '/servers', {
          server: {
            name: 'vm',
            flavorRef: '42',
            imageRef: '',
            networks: 'none',
            block_device_mapping_v2: [bootVolume(cloud.imageId)],
          },
        });
        assert.equal(answer.status, 202, JSON.stringify(answer.body));
        return (answer.body as { server: { id: string } }).server.id;
      },
    },
  ],
  'nova.attach-volume': [
    {
      title: 'attach',
      prepare: built(),
      ends: 'ACTIVE',
      begin: async (id) => {
        await attachTo(`/servers/${id}/os-volume_attachments`, {
          volumeAttachment: { volumeId: await cloud.freeVolume() },
        });
        return id;
      },
    },
  ],
  'nova.detach-volume': [
    {
      title: 'detach',
      prepare: async () => await withVolume(),
      ends: 'ACTIVE',
      begin: async (id) => {
        assert.equal(
          (
            await cloud.compute(
              'DELETE',
              `/servers/${id}/os-volume_attachments/${await volumeOf(id)}`,
            )
          ).status,
          202,
        );
        return id;
      },
    },
  ],
  'nova.assist-snapshot': [
    {
      title: 'snapshot of a volume in use',
      prepare: async () => await withVolume(),
      ends: 'ACTIVE',
      isUnlogged: true,
      begin: async (id) => {
        const answer = await cloud.volume('POST', '/snapshots', {
          snapshot: { volume_id: await volumeOf(id), force: true },
        });
        assert.equal(answer.status, 202, JSON.stringify(answer.body));
        const { id: snapshotId } = (answer.body as { snapshot: { id: string } }).snapshot;
        await eventually(
          async () =>
            (
              (await cloud.volume('GET', `/snapshots/${snapshotId}`)).body as {
                snapshot: { status: string };
              }
            ).snapshot.status !== 'creating',
          { withinMs: settleMs, what: 'Cinder knows how the snapshot went' },
        );
        return id;
      },
    },
  ],
  'nova.create-image': [
    { createImage: { name: 'copy' } },
    { createBackup: { name: 'copy', backup_type: 'daily', rotation: 1 } },
  ].map((action) => ({
    title: Object.keys(action).join(),
    prepare: built(),
    ends: 'ACTIVE',
    begin: async (id) => {
      assert.equal(await cloud.act(id, action), 202);
      return id;
    },
  })),
  'nova.delete-server': [built(), async () => await withVolume()].map((prepare, index) => ({
    title: index === 0 ? 'delete' : 'delete with a volume',
    prepare,
    ends: undefined,
    begin: async (id) => {
      assert.equal((await cloud.compute('DELETE', `/servers/${id}`)).status, 204);
      return id;
    },
  })),
  'nova.change-server': changes,
  'nova.attach-interface': [
    {
      title: 'attach',
      prepare: built(),
      ends: 'ACTIVE',
      begin: async (id) => {
        await attachTo(`/servers/${id}/os-interface`, {
          interfaceAttachment: { net_id: cloud.networkId },
        });
        return id;
      },
    },
  ],
  'nova.detach-interface': [
    {
      title: 'detach',
      prepare: built(),
      ends: 'ACTIVE',
      begin: async (id) => {
        const {
          interfaceAttachments: [nic],
        } = (await cloud.compute('GET', `/servers/${id}/os-interface`)).body as {
          interfaceAttachments: { port_id: string }[];
        };
        assert.equal(
          (await cloud.compute('DELETE', `/servers/${id}/os-interface/${nic?.port_id}`)).status,
          202,
        );
        return id;
      },
    },
  ],
};

/** A built server with a volume attached. */
const withVolume = async (): Promise<string> => {
  const id = await built()();
  assert.equal(
    (
      await cloud.compute('POST', `/servers/${id}/os-volume_attachments`, {
        volumeAttachment: { volumeId: await cloud.freeVolume(), delete_on_termination: true },
      })
    ).status,
    200,
  );
  await cloud.quiet(settleMs);
  return id;
};

async function volumeOf(id: string): Promise<string> {
  const {
    volumeAttachments: [attachment],
  } = (await cloud.compute('GET', `/servers/${id}/os-volume_attachments`)).body as {
    volumeAttachments: { volumeId: string }[];
  };
  return attachment?.volumeId ?? '';
}

/**
 * Carries the scenario out with the saga so changed; how the server's last action ended, and where
 * the server is.
 */
async function play(
  scenario: Scenario,
  original: AnySaga,
  variant: AnySaga,
): Promise<{ status: string | undefined; why: string | undefined; message: string | null }> {
  const prepared = (await scenario.prepare?.()) ?? '';
  const become = variants.get(original.name);
  assert.ok(become);
  become(variant);
  try {
    const id = await scenario.begin(prepared);
    await cloud.quiet(settleMs);
    const server = await cloud.show(id);
    const { instanceActions } = (await cloud.compute('GET', `/servers/${id}/os-instance-actions`))
      .body as { instanceActions: { message: string | null; start_time: string }[] };
    become(original);
    // Whatever happened to it, its owner can get rid of it.
    await cloud.compute('DELETE', `/servers/${id}`);
    await cloud.quiet(settleMs);
    assert.equal(await cloud.show(id), undefined, 'gone in the end');
    return {
      status: server?.status,
      why: server?.fault?.message,
      message: instanceActions[0]?.message ?? null,
    };
  } finally {
    become(original);
  }
}

describe('every saga of the control plane', () => {
  it('has a scenario, and every server action too', () => {
    // Cinder's stand in services/cinder/sagas.test.ts.
    const names = cloud.plane.roles
      .flatMap((role) => role.sagas.map(({ name }) => name))
      .filter((name) => !name.startsWith('cinder.'));
    assert.ok(names.length >= 3);
    assert.deepEqual(names.sort(), Object.keys(scenarios).sort());
    assert.deepEqual(changes.map(({ title }) => title).sort(), Object.keys(taskDuring).sort());
  });

  for (const [name, list] of Object.entries(scenarios)) {
    for (const scenario of list) {
      it(`${name} (${scenario.title}) unwinds from every step`, async (t) => {
        const original = originals.find((definition) => definition.name === name);
        assert.ok(original);
        for (const [index, step] of stepNames(original).entries()) {
          for (const [how, variant] of [
            ['before', failingAt(original, index, 'before')],
            ['after', failingAt(original, index, 'after')],
            ['after, every step twice', failingAt(everyStepTwice(original), index, 'after')],
          ] as const) {
            await t.test(`${step}: ${how}`, async () => {
              const end = await play(scenario, original, variant);
              assert.equal(
                end.message,
                scenario.isUnlogged ? null : 'Error',
                'the action log says that it failed',
              );
              if (end.status === 'ERROR') assert.match(end.why ?? '', /was made to fail/);
              if (end.status === undefined) assert.equal(name, 'nova.delete-server');
            });
          }
        }
      });

      it(`${name} (${scenario.title}) may run every step twice`, async () => {
        const original = originals.find((definition) => definition.name === name);
        assert.ok(original);
        const end = await play(scenario, original, everyStepTwice(original));
        assert.deepEqual(end, { status: scenario.ends, why: undefined, message: null });
      });
    }
  }
});
