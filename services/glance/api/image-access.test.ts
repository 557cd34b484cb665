// Who may see and change an image of another project: visibility and members.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { useGlance } from './glance.testing.ts';

const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' };

describe('access to images', () => {
  const glance = useGlance();
  const { ask, names } = glance;

  it("hides another project's images, and lets nobody change what is only shown to them", async () => {
    const secret = await glance.image('ann', { name: 'secret', visibility: 'private' });
    const open = await glance.image('ann', { name: 'open', visibility: 'community' });
    const published = await glance.image('admin', { name: 'published', visibility: 'public' });
    const routes = [
      ['GET', ''],
      ['GET', '/file'],
      ['GET', '/members'],
      ['GET', '/members/bob-project'],
      ['GET', '/tasks'],
      ['DELETE', ''],
      ['PUT', '/tags/t'],
      ['DELETE', '/tags/t'],
      ['PUT', '/file'],
      ['PUT', '/stage'],
      ['POST', '/actions/deactivate'],
      ['POST', '/actions/reactivate'],
      ['POST', '/members'],
      ['PUT', '/members/bob-project'],
      ['DELETE', '/members/bob-project'],
      ['POST', '/import'],
      ['PATCH', ''],
    ] as const;
    const bodies: Record<string, Json> = {
      '/members': { member: 'bob-project' },
      '/members/bob-project': { status: 'accepted' },
      '/import': { method: { name: 'glance-direct' } },
    };
    for (const [method, path] of routes) {
      const body = method === 'PATCH' ? [] : method === 'GET' ? undefined : bodies[path];
      const headers = method === 'PATCH' ? patchType : {};
      assert.equal(
        (await ask('bob', method, `/images/${secret}${path}`, body, headers)).status,
        404,
        `${method} ${path} of a private image`,
      );
      assert.equal(
        (await ask('', method, `/images/${secret}${path}`, body, headers)).status,
        401,
        `${method} ${path} without a token`,
      );
      if (method === 'GET') continue;
      for (const visible of [open, published])
        assert.ok(
          [403, 404].includes(
            (await ask('bob', method, `/images/${visible}${path}`, body, headers)).status,
          ),
          `${method} ${path} of a visible image`,
        );
    }
    assert.equal((await ask('bob', 'GET', `/images/${open}`)).status, 200);
    assert.deepEqual(
      (await names('bob', '')).filter((name) => ['secret', 'open', 'published'].includes(name)),
      ['published'],
    );
    assert.deepEqual(await names('bob', 'visibility=community'), ['open']);
    assert.deepEqual(await names('admin', 'name=in:secret,open,published&sort=name:asc'), [
      'published',
      'secret',
    ]);
    assert.equal((await ask('admin', 'GET', `/images/${secret}`)).status, 200);
    for (const id of [secret, open, published])
      assert.equal((await ask('admin', 'DELETE', `/images/${id}`)).status, 204);
  });

  it('shares with members, who decide for themselves', async () => {
    const id = await glance.image('ann', { name: 'shared' });
    assert.equal((await ask('bob', 'GET', `/images/${id}`)).status, 404);
    const added = await ask('ann', 'POST', `/images/${id}/members`, { member: 'bob-project' });
    assert.deepEqual(
      [
        added.status,
        added.body.status,
        added.body.member_id,
        added.body.image_id,
        added.body.schema,
      ],
      [200, 'pending', 'bob-project', id, '/v2/schemas/member'],
    );
    assert.equal(
      (await ask('ann', 'POST', `/images/${id}/members`, { member: 'bob-project' })).status,
      409,
    );
    assert.equal(
      (await ask('bob', 'POST', `/images/${id}/members`, { member: 'eve-project' })).status,
      403,
    );
    assert.equal((await ask('bob', 'GET', `/images/${id}/file`)).status, 200);
    assert.deepEqual(
      [
        await names('bob', 'name=shared'),
        await names('bob', 'name=shared&member_status=pending'),
        await names('bob', 'name=shared&member_status=all'),
      ],
      [[], ['shared'], ['shared']],
    );
    assert.equal(
      (await ask('ann', 'PUT', `/images/${id}/members/bob-project`, { status: 'accepted' })).status,
      403,
    );
    assert.equal(
      (await ask('bob', 'PUT', `/images/${id}/members/bob-project`, { status: 'notavalidstatus' }))
        .status,
      400,
    );
    assert.equal(
      (await ask('bob', 'PUT', `/images/${id}/members/bob-project`, { status: 'accepted' })).body
        .status,
      'accepted',
    );
    assert.deepEqual(await names('bob', 'name=shared'), ['shared']);
    await ask('ann', 'POST', `/images/${id}/members`, { member: 'eve-project' });
    assert.equal(
      (await ask('ann', 'POST', `/images/${id}/members`, { member: 'third' })).status,
      413,
    );
    assert.deepEqual(
      (await ask('bob', 'GET', `/images/${id}/members`)).body.members.map(
        (member: { member_id: string }) => member.member_id,
      ),
      ['bob-project'],
    );
    assert.equal((await ask('ann', 'GET', `/images/${id}/members`)).body.members.length, 2);
    assert.equal((await ask('bob', 'GET', `/images/${id}/members/eve-project`)).status, 404);
    assert.equal((await ask('bob', 'DELETE', `/images/${id}`)).status, 403);
    assert.deepEqual(
      [
        (await ask('ann', 'DELETE', `/images/${id}/members/bob-project`)).status,
        (await ask('ann', 'DELETE', `/images/${id}/members/bob-project`)).status,
      ],
      [204, 404],
    );
    assert.equal((await ask('bob', 'GET', `/images/${id}`)).status, 404);
    const own = await glance.image('ann', { visibility: 'private' });
    assert.equal(
      (await ask('ann', 'POST', `/images/${own}/members`, { member: 'bob-project' })).status,
      403,
    );
  });
});
