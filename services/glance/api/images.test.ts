// Images and their fields through the dispatcher: create, patch, tag, delete, import.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { useGlance, type Answer } from './glance.testing.ts';

const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
const noSuchId = '11111111-2222-4333-8444-555555555555';

describe('images', () => {
  const glance = useGlance();
  const { ask, create } = glance;
  const patch = async (who: string, id: string, body: Json, headers = patchType): Promise<Answer> =>
    await ask(who, 'PATCH', `/images/${id}`, body, headers);

  it('tells its versions to anybody', async () => {
    for (const [path, status] of [
      ['//', 300],
      ['//versions', 200],
      ['', 300],
    ] as const) {
      const { status: got, body } = await ask('', 'GET', path);
      assert.equal(got, status);
      assert.deepEqual(
        [body.versions[0], body.versions.length],
        [
          {
            id: 'v2.15',
            status: 'CURRENT',
            links: [{ rel: 'self', href: 'http://cloud/image/v2/' }],
          },
          15,
        ],
      );
    }
  });

  it('creates an image as stock Glance shows it', async () => {
    const { status, body } = await create('ann', {
      name: 'new',
      kernel_id: noSuchId,
      ramdisk_id: null,
      os_distro: 'debian',
      tags: ['b', 'a', 'b'],
    });
    assert.equal(status, 201);
    const { id, created_at, updated_at, ...rest } = body;
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(updated_at, created_at);
    assert.deepEqual(rest, {
      name: 'new',
      kernel_id: noSuchId,
      ramdisk_id: null,
      os_distro: 'debian',
      tags: ['a', 'b'],
      status: 'queued',
      visibility: 'shared',
      owner: 'ann-project',
      size: null,
      virtual_size: null,
      checksum: null,
      os_hash_algo: null,
      os_hash_value: null,
      disk_format: null,
      container_format: null,
      min_disk: 0,
      min_ram: 0,
      protected: false,
      os_hidden: false,
      self: `/v2/images/${id}`,
      file: `/v2/images/${id}/file`,
      schema: '/v2/schemas/image',
    });
    assert.deepEqual((await ask('ann', 'GET', `/images/${id}`)).body, body);
  });

  it('takes an id once, even after the image is deleted', async () => {
    const id = 'ABCDEF01-2222-4333-8444-555555555555';
    assert.equal((await create('ann', { id })).status, 201);
    assert.equal((await create('bob', { id: id.toLowerCase() })).status, 409);
    assert.equal((await ask('ann', 'DELETE', `/images/${id.toLowerCase()}`)).status, 204);
    assert.equal((await create('bob', { id })).status, 409);
  });

  for (const [fields, status] of [
    [{ disk_format: 'wrong' }, 400],
    [{ container_format: 'wrong' }, 400],
    [{ visibility: 'wrong' }, 400],
    [{ min_disk: -1 }, 400],
    [{ min_ram: 1.5 }, 400],
    [{ min_ram: '1' }, 400],
    [{ name: 'x'.repeat(256) }, 400],
    [{ protected: 'yes' }, 400],
    [{ tags: 'a' }, 400],
    [{ tags: ['x'.repeat(256)] }, 400],
    [{ prop: 1 }, 400],
    [{ prop: null }, 400],
    [{ kernel_id: 'x' }, 400],
    [{ id: 'x' }, 400],
    [{ status: 'active' }, 403],
    [{ size: 1 }, 403],
    [{ checksum: 'x' }, 403],
    [{ os_glance_foo: 'bar' }, 403],
    [{ deleted: 'x' }, 403],
    [{ locations: [] }, 403],
    [{ visibility: 'public' }, 403],
    [{ owner: 'bob-project' }, 403],
    [{ tags: ['1', '2', '3', '4'] }, 413],
    [{ a: '1', b: '2', c: '3', d: '4', e: '5' }, 413],
  ] as [Record<string, Json>, number][]) {
    it(`refuses ${JSON.stringify(fields).slice(0, 50)} with ${status}`, async () => {
      const answer = await create('ann', fields);
      assert.equal(answer.status, status);
      assert.match(answer.headers['content-type'] ?? '', /^text\/html/);
      assert.match(answer.body, new RegExp(`<title>${status} `));
    });
  }

  it('lets admins publish and own for others, and readers create nothing', async () => {
    const created = await create('admin', { visibility: 'public', owner: 'bob-project' });
    assert.deepEqual(
      [created.status, created.body.owner, created.body.visibility],
      [201, 'bob-project', 'public'],
    );
    assert.equal((await create('reader', {})).status, 403);
    assert.equal((await ask('admin', 'DELETE', `/images/${created.body.id}`)).status, 204);
  });

  it('patches in both forms', async () => {
    const {
      body: { id },
    } = await create('ann', { name: 'old', a: '1', b: '2' });
    const new21 = await patch('ann', id, [
      { op: 'replace', path: '/name', value: 'new' },
      { op: 'add', path: '/c~1d~0', value: '3' },
      { op: 'remove', path: '/a' },
      { op: 'replace', path: '/tags', value: ['t'] },
    ]);
    assert.equal(new21.status, 200, new21.body);
    assert.deepEqual(
      [new21.body.name, new21.body['c/d~'], new21.body.a, new21.body.tags],
      ['new', '3', undefined, ['t']],
    );
    const old = await patch(
      'ann',
      id,
      [{ replace: '/min_disk', value: 3 }, { remove: '/b' }, { add: '/os_hidden', value: true }],
      { 'content-type': 'application/openstack-images-v2.0-json-patch' },
    );
    assert.deepEqual(
      [old.status, old.body.min_disk, old.body.b, old.body.os_hidden],
      [200, 3, undefined, true],
    );
    const plain = await patch('ann', id, [{ op: 'replace', path: '/name', value: null }], {
      'content-type': 'application/json-patch+json',
    });
    assert.deepEqual([plain.status, plain.body.name], [200, null]);
  });

  for (const [operation, status] of [
    [{ op: 'replace', path: '/nothing', value: 'x' }, 409],
    [{ op: 'remove', path: '/nothing' }, 409],
    [{ op: 'remove', path: '/name' }, 403],
    [{ op: 'replace', path: '/size', value: 1 }, 403],
    [{ op: 'replace', path: '/id', value: noSuchId }, 403],
    [{ add: '/os_glance_foo', value: 'bar' }, 403],
    [{ remove: '/locations/0' }, 403],
    [{ op: 'replace', path: '/visibility', value: 'public' }, 403],
    [{ op: 'replace', path: '/owner', value: 'bob-project' }, 403],
    [{ op: 'replace', path: 'name', value: 'x' }, 400],
    [{ op: 'replace', path: '/tags/0', value: 'x' }, 400],
    [{ op: 'replace', path: '/name' }, 400],
    [{ op: 'move', path: '/name', from: '/x' }, 400],
    ['x', 400],
    [{ op: 'replace', path: '/min_disk', value: -1 }, 400],
  ] as [Json, number][]) {
    it(`answers the patch ${JSON.stringify(operation)} with ${status}`, async () => {
      const {
        body: { id },
      } = await create('ann', { name: 'patched' });
      assert.equal((await patch('ann', id, [operation])).status, status);
      assert.equal((await ask('ann', 'GET', `/images/${id}`)).body.name, 'patched');
      await ask('ann', 'DELETE', `/images/${id}`);
    });
  }

  it('patches under other content types not at all, nor formats of an image with data', async () => {
    const id = await glance.image('ann');
    assert.equal((await patch('ann', id, [], { 'content-type': 'application/json' })).status, 415);
    assert.equal((await patch('ann', id, { name: 'x' })).status, 400);
    assert.equal(
      (await patch('ann', id, [{ op: 'replace', path: '/disk_format', value: 'iso' }])).status,
      403,
    );
    assert.equal(
      (await patch('ann', id, [{ op: 'replace', path: '/disk_format', value: 'raw' }])).status,
      200,
    );
    await ask('ann', 'DELETE', `/images/${id}`);
  });

  it('loses no patch of many at once', async () => {
    const {
      body: { id },
    } = await create('ann');
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map(
        async (name) => await patch('ann', id, [{ op: 'add', path: `/${name}`, value: '1' }]),
      ),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    const { body } = await ask('ann', 'GET', `/images/${id}`);
    assert.deepEqual([body.a, body.b, body.c, body.d], ['1', '1', '1', '1']);
  });

  it('deletes once, and never what is protected', async () => {
    const id = await glance.image('ann', { protected: true });
    assert.equal((await ask('ann', 'DELETE', `/images/${id}`)).status, 403);
    await patch('ann', id, [{ op: 'replace', path: '/protected', value: false }]);
    assert.deepEqual(
      [
        (await ask('ann', 'DELETE', `/images/${id}`)).status,
        (await ask('ann', 'DELETE', `/images/${id}`)).status,
      ],
      [204, 404],
    );
    assert.equal((await ask('ann', 'GET', `/images/${id}`)).status, 404);
    assert.ok(!(await glance.running.store.list()).some(({ key }) => key.startsWith(id)));
    for (const method of ['GET', 'DELETE'] as const)
      assert.equal((await ask('ann', method, '/images/')).status, 404);
  });

  it('puts and removes tags', async () => {
    const {
      body: { id },
    } = await create('ann');
    for (const tag of ['a', 'a', 'b'])
      assert.equal((await ask('ann', 'PUT', `/images/${id}/tags/${tag}`)).status, 204);
    assert.deepEqual((await ask('ann', 'GET', `/images/${id}`)).body.tags, ['a', 'b']);
    assert.deepEqual(
      [
        (await ask('ann', 'DELETE', `/images/${id}/tags/a`)).status,
        (await ask('ann', 'DELETE', `/images/${id}/tags/a`)).status,
      ],
      [204, 404],
    );
    await ask('ann', 'PUT', `/images/${id}/tags/c`);
    await ask('ann', 'PUT', `/images/${id}/tags/d`);
    assert.equal((await ask('ann', 'PUT', `/images/${id}/tags/e`)).status, 413);
    assert.equal((await ask('ann', 'PUT', `/images/${id}/tags/${'x'.repeat(256)}`)).status, 400);
    for (const method of ['PUT', 'DELETE'] as const)
      assert.equal((await ask('ann', method, `/images/${noSuchId}/tags/a`)).status, 404);
  });

  it('imports staged data', async () => {
    const {
      body: { id },
    } = await create('ann', { disk_format: 'raw', container_format: 'bare' });
    const method = { method: { name: 'glance-direct' } };
    assert.equal((await ask('ann', 'POST', `/images/${id}/import`, method)).status, 409);
    assert.equal(
      (await ask('ann', 'POST', `/images/${id}/import`, { method: { name: 'web-download' } }))
        .status,
      400,
    );
    assert.equal(
      (await ask('ann', 'PUT', `/images/${id}/stage`, Buffer.from('staged'))).status,
      204,
    );
    assert.deepEqual(
      [
        (await ask('ann', 'GET', `/images/${id}`)).body.status,
        (await ask('ann', 'GET', `/images/${id}/file`)).status,
      ],
      ['uploading', 204],
    );
    await glance.running.mend();
    assert.equal((await ask('ann', 'POST', `/images/${id}/import`, method)).status, 202);
    assert.deepEqual(
      [
        (await ask('ann', 'GET', `/images/${id}`)).body.status,
        (await ask('ann', 'GET', `/images/${id}/file`)).body,
      ],
      ['active', 'staged'],
    );
    assert.deepEqual((await ask('ann', 'GET', '/info/import')).body['import-methods'].value, [
      'glance-direct',
    ]);
    assert.equal((await ask('ann', 'GET', '/info/stores')).body.stores[0].id, 'fs');
    assert.deepEqual((await ask('ann', 'GET', `/images/${id}/tasks`)).body, { tasks: [] });
  });

  it('shows the schemas of stock Glance', async () => {
    const schema = (await ask('ann', 'GET', '/schemas/image')).body;
    assert.deepEqual(
      [
        schema.name,
        schema.additionalProperties,
        schema.properties.disk_format.enum.length,
        schema.properties.kernel_id.is_base,
      ],
      ['image', { type: 'string' }, 12, false],
    );
    for (const name of ['images', 'member', 'members', 'task', 'tasks'])
      assert.equal((await ask('ann', 'GET', `/schemas/${name}`)).body.name, name);
    assert.equal((await ask('ann', 'GET', '/schemas/nothing')).status, 404);
  });
});
