// createBackup with a complete control plane: which images are created, and which are rotated out.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { Answer, ApiCloud, Loose } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

describe('backups of a server', () => {
  let cloud: ApiCloud;
  let id = '';
  before(async () => {
    cloud = await startApiCloud();
    id = (
      await cloud.sure(
        cloud.alice,
        'POST',
        '/compute/v2.1/servers',
        { server: { name: 'vm', flavorRef: '42', imageRef: cloud.imageId, networks: 'none' } },
        52,
      )
    ).server.id;
    await eventually(
      async () =>
        (await cloud.sure(cloud.alice, 'GET', `/compute/v2.1/servers/${id}`)).server.status ===
        'ACTIVE',
      { withinMs: 20_000, what: 'the server is ACTIVE' },
    );
  });
  after(async () => await cloud.stop());
  const images = async (): Promise<Loose[]> =>
    (
      await cloud.sure(
        cloud.alice,
        'GET',
        `/image/v2/images?instance_uuid=${id}&sort=created_at:asc`,
      )
    ).images;
  const backup = async (
    name: string,
    backup_type: string,
    rotation: number | string,
  ): Promise<Answer> => {
    const answer = await cloud.ask(cloud.alice, 'POST', `/compute/v2.1/servers/${id}/action`, {
      body: { createBackup: { name, backup_type, rotation, metadata: { colour: 'blue' } } },
    });
    assert.equal(answer.status, 202, answer.text);
    await eventually(
      async () =>
        (await cloud.sure(cloud.alice, 'GET', `/compute/v2.1/servers/${id}`)).server[
          'OS-EXT-STS:task_state'
        ] === null,
      { withinMs: 20_000, what: 'the backup is made' },
    );
    return answer;
  };

  it('are images that say of which kind they are, and of a kind the newest stay', async () => {
    for (const name of ['d1', 'd2', 'd3'])
      assert.match(
        (await backup(name, 'daily', '2')).headers.get('location') ?? '',
        /\/v2\/images\/[0-9a-f-]{36}$/,
      );
    await backup('w1', 'weekly', 1);
    const all = await images();
    assert.deepEqual(
      all.map(({ name, status, image_type, backup_type, colour }) => [
        name,
        status,
        image_type,
        backup_type,
        colour,
      ]),
      [
        ['d2', 'active', 'backup', 'daily', 'blue'],
        ['d3', 'active', 'backup', 'daily', 'blue'],
        ['w1', 'active', 'backup', 'weekly', 'blue'],
      ],
    );
  });

  it('with a rotation of 0 keep none, and answer no address', async () => {
    assert.equal((await backup('d4', 'daily', 0)).headers.get('location'), null);
    assert.deepEqual(
      (await images()).map(({ name }) => name),
      ['w1'],
    );
  });

  it('are refused without a type, with a rotation below 0, and by a stranger', async () => {
    for (const body of [
      { name: 'x', rotation: 1 },
      { name: 'x', backup_type: 'daily', rotation: -1 },
      { name: 'x', backup_type: 'daily', rotation: 'two' },
      { backup_type: 'daily', rotation: 1 },
    ]) {
      assert.equal(
        (
          await cloud.ask(cloud.alice, 'POST', `/compute/v2.1/servers/${id}/action`, {
            body: { createBackup: body } as never,
          })
        ).status,
        400,
        JSON.stringify(body),
      );
    }
    assert.equal(
      (
        await cloud.ask(cloud.bob, 'POST', `/compute/v2.1/servers/${id}/action`, {
          body: { createBackup: { name: 'x', backup_type: 'daily', rotation: 1 } },
        })
      ).status,
      404,
    );
  });
});
