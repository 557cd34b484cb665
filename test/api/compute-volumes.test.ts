// Nova's proxy APIs of volumes and snapshots (until 2.35): Cinder's objects in the format of the
// first compute API.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { ApiCloud, Loose } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

const at = (kind: 'volume' | 'snapshot', rest = ''): string => `/compute/v2.1/os-${kind}s${rest}`;

describe('volumes by compute', () => {
  let cloud: ApiCloud;
  before(async () => {
    cloud = await startApiCloud();
  });
  after(async () => await cloud.stop());
  const available = async (kind: 'volume' | 'snapshot', id: string): Promise<Loose> =>
    await eventually(
      async () => {
        const found = (await cloud.sure(cloud.alice, 'GET', at(kind, `/${id}`)))[kind];
        return found.status === 'available' ? found : undefined;
      },
      { withinMs: 20_000, what: `the ${kind} is made` },
    );

  it('are made, shown, listed and deleted, with their snapshots', async () => {
    const {
      volume: { id },
    } = await cloud.sure(cloud.alice, 'POST', at('volume'), {
      volume: {
        display_name: 'data',
        display_description: 'mine',
        size: '1',
        metadata: { a: 'b' },
      },
    });
    const { createdAt, ...volume } = await available('volume', id);
    assert.deepEqual(volume, {
      id,
      status: 'available',
      size: 1,
      displayName: 'data',
      displayDescription: 'mine',
      availabilityZone: 'nova',
      volumeType: '__DEFAULT__',
      snapshotId: null,
      metadata: { a: 'b' },
      attachments: [{}],
    });
    assert.equal(Number.isNaN(Date.parse(createdAt)), false);
    const {
      snapshot: { id: snapshotId },
    } = await cloud.sure(cloud.alice, 'POST', at('snapshot'), {
      snapshot: { volume_id: id, display_name: 'before', force: 'True' },
    });
    const { createdAt: _time, ...snapshot } = await available('snapshot', snapshotId);
    assert.deepEqual(snapshot, {
      id: snapshotId,
      status: 'available',
      size: 1,
      displayName: 'before',
      displayDescription: null,
      volumeId: id,
    });
    const copy = (
      await cloud.sure(cloud.alice, 'POST', at('volume'), {
        volume: { size: 2, snapshot_id: snapshotId },
      })
    ).volume;
    assert.deepEqual([copy.snapshotId, copy.size], [snapshotId, 2]);
    await available('volume', copy.id);

    for (const path of ['', '/detail']) {
      const listed = async (query: string): Promise<string[]> =>
        (await cloud.sure(cloud.alice, 'GET', at('volume', path + query))).volumes.map(
          (each: Loose) => each.id,
        );
      const both = await listed('');
      assert.deepEqual([...both].sort(), [id, copy.id].sort());
      assert.deepEqual(
        [await listed('?limit=1'), await listed('?limit=1&offset=1')],
        [both.slice(0, 1), both.slice(1)],
      );
      assert.deepEqual(
        (await cloud.sure(cloud.alice, 'GET', at('snapshot', path))).snapshots.map(
          (each: Loose) => each.id,
        ),
        [snapshotId],
      );
    }
    assert.equal(
      (await cloud.ask(cloud.alice, 'DELETE', at('volume', `/${id}`))).status,
      400,
      'it has a snapshot',
    );
    for (const [kind, deletedId] of [
      ['snapshot', snapshotId],
      ['volume', copy.id],
      ['volume', id],
    ] as const) {
      assert.equal((await cloud.ask(cloud.alice, 'DELETE', at(kind, `/${deletedId}`))).status, 202);
      await eventually(
        async () => (await cloud.ask(cloud.alice, 'GET', at(kind, `/${deletedId}`))).status === 404,
        { withinMs: 20_000, what: `the ${kind} is gone` },
      );
    }
  });

  it("say what is wrong in Nova's words", async () => {
    for (const size of ['#$%', '', '0', 0])
      assert.equal(
        (await cloud.ask(cloud.alice, 'POST', at('volume'), { body: { volume: { size } } })).status,
        400,
        JSON.stringify(size),
      );
    const over = await cloud.ask(cloud.alice, 'POST', at('volume'), {
      body: { volume: { size: 100_000 } },
    });
    assert.deepEqual([over.status, over.json.forbidden.code], [403, 403]);
    assert.equal((await cloud.ask(cloud.alice, 'DELETE', at('volume', '/nothing'))).status, 404);
    assert.equal((await cloud.ask(cloud.alice, 'GET', at('volume', '/'))).status, 404);
    assert.equal((await cloud.ask(cloud.alice, 'GET', at('volume'), { version: 36 })).status, 404);
  });
});
