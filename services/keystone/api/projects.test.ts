// Domains, projects and their tags through the API.
import { strict as assert } from 'node:assert';
import { after, describe, test } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { asAdmin, startKeystone } from './keystone.testing.ts';

const keystone = await startKeystone();
after(async () => await keystone.close());
const { ask, code, make, roleId } = asAdmin(keystone);

describe('domains and projects', () => {
  const names = (items: { name: string }[]): string[] => items.map((item) => item.name);

  test('a domain is disabled before it is deleted, and takes all it holds with it', async () => {
    const domain = await make('domains', 'domain', { name: 'acme', description: 'd' });
    assert.equal(await code('POST', 'domains', { domain: { name: 'acme' } }), 409);
    assert.equal(await code('POST', 'domains', { domain: { name: '' } }), 400);
    assert.equal(await code('POST', 'domains', { domain: { name: 'x'.repeat(65) } }), 400);
    const project = await make('projects', 'project', { name: 'p', domain_id: domain.id });
    const user = await make('users', 'user', { name: 'u', domain_id: domain.id });
    const group = await make('groups', 'group', { name: 'g', domain_id: domain.id });
    assert.equal(
      await code('PUT', `projects/${project.id}/users/${user.id}/roles/${await roleId('member')}`),
      204,
    );
    assert.equal(await code('DELETE', `domains/${domain.id}`), 403);
    assert.equal(
      (await ask('PATCH', `domains/${domain.id}`, { domain: { enabled: false } })).body.domain
        .enabled,
      false,
    );
    assert.equal(await code('DELETE', `domains/${domain.id}`), 204);
    for (const path of [
      `domains/${domain.id}`,
      `projects/${project.id}`,
      `users/${user.id}`,
      `groups/${group.id}`,
    ])
      assert.equal(await code('GET', path), 404, path);
    assert.equal(await code('DELETE', 'domains/default'), 403);
  });

  test('projects: names are unique in a domain, wrong ones are refused', async () => {
    const project = await make('projects', 'project', {
      name: 'unique',
      description: null,
      custom: 'kept',
    });
    assert.deepEqual(
      [project.domain_id, project.parent_id, project.enabled, project.custom, project.tags],
      ['default', 'default', true, 'kept', []],
    );
    assert.equal(project.links.self, `http://cloud/identity/v3/projects/${project.id}`);
    const wrong: [number, Json][] = [
      [409, { name: 'unique' }],
      [400, { name: '' }],
      [400, { name: 'x'.repeat(65) }],
      [400, {}],
      [400, { name: 'n', enabled: 'yes' }],
      [400, { name: 'n', domain_id: 'nowhere' }],
      [400, { name: 'n', parent_id: 'nowhere' }],
    ];
    for (const [status, body] of wrong)
      assert.equal(await code('POST', 'projects', { project: body }), status, JSON.stringify(body));
    const other = await make('domains', 'domain', { name: 'elsewhere' });
    await make('projects', 'project', { name: 'unique', domain_id: other.id });
    assert.deepEqual(
      (await ask('GET', `projects?name=unique&domain_id=${other.id}`)).body.projects.length,
      1,
    );
    assert.equal((await ask('GET', 'projects?name=unique')).body.projects.length, 2);
    assert.deepEqual(
      names((await ask('GET', 'projects?name__startswith=uniq&domain_id=default')).body.projects),
      ['unique'],
    );
    assert.equal(
      (
        await ask('PATCH', `projects/${project.id}`, {
          project: { name: 'renamed', custom: 'changed' },
        })
      ).body.project.custom,
      'changed',
    );
    assert.equal(
      await code('PATCH', `projects/${project.id}`, { project: { domain_id: other.id } }),
      400,
    );
    assert.deepEqual(
      [
        await code('DELETE', `projects/${project.id}`),
        await code('DELETE', `projects/${project.id}`),
      ],
      [204, 404],
    );
  });

  test('projects form a tree', async () => {
    const top = await make('projects', 'project', { name: 'top' });
    const child = await make('projects', 'project', { name: 'child', parent_id: top.id });
    assert.equal(child.parent_id, top.id);
    assert.equal(await code('DELETE', `projects/${top.id}`), 403);
    const shown = (await ask('GET', `projects/${child.id}?parents_as_list`)).body.project;
    assert.deepEqual(
      shown.parents.map((one: Loose) => one.project.id),
      [top.id],
    );
    assert.deepEqual((await ask('GET', `projects/${top.id}?subtree_as_ids`)).body.project.subtree, {
      [child.id]: null,
    });
    await ask('PATCH', `projects/${top.id}`, { project: { enabled: false } });
    assert.equal(
      await code('POST', 'projects', { project: { name: 'late', parent_id: top.id } }),
      403,
    );
    const domain = await make('projects', 'project', { name: 'project-domain', is_domain: true });
    assert.equal(domain.domain_id, null);
    assert.equal((await ask('GET', `domains/${domain.id}`)).body.domain.name, 'project-domain');
    assert.equal(await code('DELETE', `projects/${domain.id}`), 403);
  });

  test('project tags', async () => {
    const { id } = await make('projects', 'project', { name: 'tagged', tags: ['b', 'a'] });
    assert.deepEqual((await ask('GET', `projects/${id}/tags`)).body.tags, ['a', 'b']);
    assert.deepEqual((await ask('PUT', `projects/${id}/tags`, { tags: ['x', 'y'] })).body.tags, [
      'x',
      'y',
    ]);
    assert.deepEqual(
      [
        await code('PUT', `projects/${id}/tags/z`),
        await code('GET', `projects/${id}/tags/z`),
        await code('GET', `projects/${id}/tags/a`),
      ],
      [201, 204, 404],
    );
    assert.deepEqual(names((await ask('GET', 'projects?tags=x,z')).body.projects), ['tagged']);
    assert.deepEqual((await ask('GET', 'projects?tags=x,q')).body.projects, []);
    assert.deepEqual(
      [
        await code('DELETE', `projects/${id}/tags/z`),
        await code('DELETE', `projects/${id}/tags/z`),
        await code('DELETE', `projects/${id}/tags`),
      ],
      [204, 404, 204],
    );
    assert.equal(await code('PUT', `projects/${id}/tags`, { tags: ['a,b'] }), 400);
  });
});
