// Glance on a real MariaDB: migrations, uploads, lists, paging, patches.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mariadbMissing, withMariadb } from '#platform/db/mariadb.testing.ts';
import { startGlance } from './glance.testing.ts';

test('Glance on MariaDB', { skip: await mariadbMissing(), timeout: 120_000 }, async () => {
  await withMariadb(async (mariadb) => {
    const glance = await startGlance({ database: await mariadb.createDatabase() });
    const names = async (who: string, query: string): Promise<string[]> =>
      (await glance.ask(who, 'GET', `/images?${query}`)).body.images.map(
        (image: { name: string }) => image.name,
      );
    try {
      const id = '11111111-2222-4333-8444-555555555555';
      await glance.image(
        'ann',
        { id, name: 'ünï 😀', tags: ['x', 'y'], os_distro: 'debian' },
        Buffer.alloc(2_000_000),
      );
      await glance.image('ann', { name: 'b', tags: ['x'] }, Buffer.alloc(10));
      await glance.ask('ann', 'POST', '/images', { name: 'c' });
      await glance.image('bob', { name: 'foreign' });
      assert.equal((await glance.ask('ann', 'POST', '/images', { id })).status, 409);
      assert.deepEqual(await names('ann', 'sort=size:desc,name:asc'), ['ünï 😀', 'b', 'c']);
      assert.deepEqual(
        await names(
          'ann',
          'tag=x&tag=y&os_distro=debian&created_at=gte:2020-01-01T00:00:00Z&size_min=1&name=in:a,"ünï 😀"',
        ),
        ['ünï 😀'],
      );
      assert.deepEqual(await names('ann', `sort=size:desc,name:asc&limit=2&marker=${id}`), [
        'b',
        'c',
      ]);
      const patched = await glance.ask('ann', 'PATCH', `/images/${id}`, [
        { op: 'replace', path: '/name', value: 'new' },
        { op: 'remove', path: '/os_distro' },
      ]);
      assert.deepEqual(
        [patched.status, patched.body.name, patched.body.os_distro],
        [200, 'new', undefined],
      );
      await glance.ask('ann', 'POST', `/images/${id}/members`, { member: 'bob-project' });
      assert.equal(
        (await glance.ask('ann', 'POST', `/images/${id}/members`, { member: 'bob-project' }))
          .status,
        409,
      );
      assert.deepEqual(await names('bob', 'member_status=pending&sort=name:asc'), [
        'foreign',
        'new',
      ]);
      await glance.mend();
      assert.equal((await glance.ask('bob', 'GET', `/images/${id}/file`)).bytes.length, 2_000_000);
      assert.deepEqual(
        [
          (await glance.ask('ann', 'DELETE', `/images/${id}`)).status,
          (await glance.ask('ann', 'GET', `/images/${id}`)).status,
          (await glance.store.list()).length,
        ],
        [204, 404, 2],
      );
    } finally {
      await glance.close();
    }
  });
});
