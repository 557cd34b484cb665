// Scenarios for every saga of the control plane, for sagas.test.ts: what brings a server into the
// state where its operation may begin, the request that begins it, and the server's state
// afterwards.
import assert from 'node:assert/strict';
import { fault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ServerAction } from '#contracts/nova/operations.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { bootVolume } from './boot-volume.ts';
import type { SimCloud } from './sim-cloud.ts';

/**
 * How long a scenario may take to settle: longer than an operation of a simulated cloud takes, or
 * waits for something that does not come.
 */
export const settleMs = 10_000;

export interface Scenario {
  title: string;
  /** Brings a server into the initial state; undefined: the operation creates the server. */
  prepare?: () => Promise<string>;
  /** Begins the operation that the saga carries out; returns the server's id. */
  begin(id: string): Promise<string>;
  /** The server's status afterwards; undefined: deleted. */
  ends: string | undefined;
  /** Not in the server's action log, because another service requested the operation. */
  isUnlogged?: boolean;
  /** After this step's effect, the saga is completed even if a later step fails. */
  finishesFrom?: string;
}

/** The cloud on which the scenarios run; set later, since the list is made before it starts. */
let cloud: SimCloud;
export const playScenariosOn = (started: SimCloud): void => {
  cloud = started;
};

const create = async (): Promise<string> => await cloud.createServer('vm');

/** A new server after these actions, each carried out to its end. */
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

export const changes: readonly Scenario[] = [
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
  {
    ...change('unshelve', () => ({ unshelve: null }), 'ACTIVE'),
    prepare: async () => await shelvedOnHost(),
  },
];

const withVolumeAnd =
  (...actions: Json[]) =>
  async (): Promise<string> => {
    const id = await withVolume();
    for (const action of actions) {
      assert.equal(await cloud.act(id, action), 202);
      await cloud.quiet(settleMs);
    }
    return id;
  };

/** A shelved server that is still on its host, because the host refused to release it. */
async function shelvedOnHost(): Promise<string> {
  const id = await withVolume();
  const refused = { kind: 'fault', fault: fault('conflict', 'not now') } as const;
  for (const host of cloud.hosts.values()) host.trouble('destroy', refused);
  assert.equal(await cloud.act(id, { shelve: null }), 202);
  await cloud.quiet(settleMs);
  for (const host of cloud.hosts.values()) host.clearTroubles();
  assert.equal((await cloud.show(id))?.status, 'SHELVED');
  return id;
}

const acting = (action: Json) => async (id: string) => {
  assert.equal(await cloud.act(id, action), 202);
  return id;
};

const larger = { resize: { flavorRef: '84' } };
const stopped = built({ 'os-stop': null });
const act = (
  title: string,
  action: Json,
  ends: string,
  prepare: () => Promise<string>,
): Scenario => ({
  title,
  ends,
  prepare,
  begin: async (id) => {
    const status = await cloud.act(id, action);
    assert.ok(status < 300, `${title} is accepted: ${status}`);
    return id;
  },
});

/** An evacuation from a host that has lost its power, and whose compute service is forced down. */
const evacuation = (title: string, prepare: () => Promise<string>): Scenario => ({
  title,
  ends: 'ACTIVE',
  prepare,
  begin: async (id) => {
    const host = (await cloud.show(id))?.['OS-EXT-SRV-ATTR:host'] ?? '';
    await forceDown(host, true);
    forcedDown.add(host);
    cloud.hosts.get(host)?.powerFailure();
    assert.equal(await cloud.act(id, { evacuate: {} }), 200);
    return id;
  },
});
const forcedDown = new Set<string>();
async function forceDown(host: string, isDown: boolean): Promise<void> {
  const { services } = (await cloud.compute('GET', `/os-services?host=${host}`)).body as {
    services: { id: string; binary: string }[];
  };
  const id = services.find(({ binary }) => binary === 'nova-compute')?.id;
  const { status } = await cloud.compute('PUT', `/os-services/${id}`, { forced_down: isDown });
  assert.equal(status, 200);
}

/**
 * Attaches a volume or an interface; the request is answered when the saga has ended: by 400 if it
 * was made to fail.
 */
async function attachTo(path: string, body: JsonObject): Promise<void> {
  const { status } = await cloud.compute('POST', path, body);
  assert.ok([200, 400].includes(status), `POST ${path}: ${status}`);
}

export const scenarios: Readonly<Record<string, readonly Scenario[]>> = {
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
  'nova.shelve-server': [
    {
      title: 'shelve',
      prepare: async () => await withVolume(),
      begin: acting({ shelve: null }),
      ends: 'SHELVED_OFFLOADED',
    },
  ],
  'nova.offload-server': [
    {
      title: 'shelveOffload',
      prepare: async () => await shelvedOnHost(),
      begin: acting({ shelveOffload: null }),
      ends: 'SHELVED_OFFLOADED',
    },
  ],
  'nova.unshelve-server': [
    {
      title: 'unshelve',
      prepare: withVolumeAnd({ shelve: null }),
      begin: acting({ unshelve: null }),
      ends: 'ACTIVE',
    },
  ],
  'nova.drop-shelved-image': [
    {
      title: 'after unshelve',
      prepare: withVolumeAnd({ shelve: null }),
      begin: acting({ unshelve: null }),
      ends: 'ACTIVE',
      isUnlogged: true,
    },
  ],
  'nova.delete-server': [
    { title: 'delete', prepare: built() },
    { title: 'delete with a volume', prepare: async () => await withVolume() },
    { title: 'delete what is shelved', prepare: withVolumeAnd({ shelve: null }) },
  ].map((scenario) => ({
    ...scenario,
    ends: undefined,
    begin: async (id) => {
      assert.equal((await cloud.compute('DELETE', `/servers/${id}`)).status, 204);
      return id;
    },
  })),
  'nova.change-server': changes,
  'nova.live-migrate-server': [built(), async () => await withVolume()].map((prepare, index) => ({
    title: index === 0 ? 'live-migrate' : 'live-migrate with a volume',
    prepare,
    ends: 'ACTIVE',
    finishesFrom: 'migrate',
    begin: async (id) => {
      const action = { 'os-migrateLive': { host: null, block_migration: 'auto' } };
      assert.equal(await cloud.act(id, action), 202);
      return id;
    },
  })),
  'nova.resize-server': [
    act('resize', { resize: { flavorRef: '84' } }, 'VERIFY_RESIZE', built()),
    act('resize of a stopped one', { resize: { flavorRef: '84' } }, 'VERIFY_RESIZE', stopped),
    act(
      'resize with a volume',
      { resize: { flavorRef: '84' } },
      'VERIFY_RESIZE',
      async () => await withVolume(),
    ),
    act('migrate', { migrate: null }, 'VERIFY_RESIZE', built()),
  ],
  'nova.confirm-resize': [act('confirm', { confirmResize: null }, 'ACTIVE', built(larger))],
  'nova.revert-resize': [
    act('revert', { revertResize: null }, 'ACTIVE', built(larger)),
    act('revert of a stopped one', { revertResize: null }, 'SHUTOFF', async () => {
      const id = await stopped();
      assert.equal(await cloud.act(id, larger), 202);
      await cloud.quiet(settleMs);
      return id;
    }),
    act('revert with a volume', { revertResize: null }, 'ACTIVE', async () => {
      const id = await withVolume();
      assert.equal(await cloud.act(id, larger), 202);
      await cloud.quiet(settleMs);
      return id;
    }),
  ],
  'nova.evacuate-server': [
    evacuation('evacuate', built()),
    evacuation('evacuate with a volume', async () => await withVolume()),
  ],
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

/** A new server with a volume attached. */
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

/** Ends `forced_down` of the compute services that a scenario had forced down. */
export async function endScenario(): Promise<void> {
  for (const host of forcedDown) await forceDown(host, false);
  forcedDown.clear();
}
