// Users, groups, roles and grants through the API.
import { strict as assert } from 'node:assert';
import { after, describe, test } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { asAdmin, startKeystone } from './keystone.testing.ts';

const keystone = await startKeystone();
after(async () => await keystone.close());
const { ask, code, make, roleId } = asAdmin(keystone);

describe('users, groups and roles', () => {
  const names = (items: { name: string }[]): string[] => items.map((item) => item.name);

  test('users: never show a password, refuse wrong input, change their own', async () => {
    const user = await make('users', 'user', {
      name: 'ada',
      password: 'first',
      email: 'ada@example.org',
      description: 'd',
    });
    assert.deepEqual(
      [user.password, user.email, user.enabled, user.password_expires_at, user.options],
      [undefined, 'ada@example.org', true, null, {}],
    );
    const wrong: [number, Json][] = [
      [409, { name: 'ada' }],
      [400, { name: '' }],
      [400, { name: 'a'.repeat(256) }],
      [400, { name: 'n', enabled: 3 }],
      [404, { name: 'n', domain_id: 'nowhere' }],
      [400, { name: 'n', default_project_id: 'default' }],
    ];
    for (const [status, body] of wrong)
      assert.equal(await code('POST', 'users', { user: body }), status, JSON.stringify(body));
    assert.equal(
      await code('POST', `users/${user.id}/password`, {
        user: { password: 'x', original_password: 'wrong' },
      }),
      401,
    );
    assert.equal(
      await code('POST', `users/${user.id}/password`, {
        user: { password: 'first', original_password: 'first' },
      }),
      400,
    );
    assert.equal(
      await code('POST', `users/${user.id}/password`, {
        user: { password: 'second', original_password: 'first' },
      }),
      204,
    );
    await assert.rejects(keystone.login('ada', 'first', 'unscoped'), /401/);
    const token = await keystone.login('ada', 'second', 'unscoped');
    assert.equal((await keystone.ask('GET', `users/${user.id}`, { token })).body.user.name, 'ada');
    assert.equal((await keystone.ask('GET', 'users', { token })).status, 403);
    assert.deepEqual((await ask('GET', 'users?enabled=false')).body.users, []);
    assert.deepEqual(
      [
        await code('GET', 'users/nobody'),
        await code('PATCH', 'users/nobody', { user: { name: 'x' } }),
        await code('DELETE', 'users/nobody'),
      ],
      [404, 404, 404],
    );
    assert.equal(
      (await ask('PATCH', `users/${user.id}`, { user: { email: 'new@example.org', name: 'ada2' } }))
        .body.user.email,
      'new@example.org',
    );
  });

  test('a group gives its members its roles', async () => {
    const group = await make('groups', 'group', { name: 'crew' });
    const user = await make('users', 'user', { name: 'sailor', password: 'ahoy' });
    const project = await make('projects', 'project', { name: 'ship' });
    const grant = `projects/${project.id}/groups/${group.id}/roles/${await roleId('member')}`;
    assert.deepEqual(
      [
        await code('HEAD', grant),
        await code('PUT', grant),
        await code('PUT', grant),
        await code('HEAD', grant),
      ],
      [404, 204, 204, 204],
    );
    await assert.rejects(keystone.login('sailor', 'ahoy', { project: { id: project.id } }), /401/);
    const membership = `groups/${group.id}/users/${user.id}`;
    assert.deepEqual([await code('PUT', membership), await code('HEAD', membership)], [204, 204]);
    const token = await keystone.login('sailor', 'ahoy', { project: { id: project.id } });
    assert.deepEqual(names((await ask('GET', `users/${user.id}/groups`)).body.groups), ['crew']);
    assert.deepEqual(names((await ask('GET', `groups/${group.id}/users`)).body.users), ['sailor']);
    assert.deepEqual(
      names((await keystone.ask('GET', `users/${user.id}/projects`, { token })).body.projects),
      ['ship'],
    );
    assert.deepEqual(
      [await code('DELETE', membership), await code('DELETE', membership)],
      [204, 404],
    );
    assert.equal((await keystone.ask('GET', 'auth/catalog', { token })).status, 401);
  });

  test('roles imply roles; a domain role is never in a token', async () => {
    const [prior, next] = [
      await make('roles', 'role', { name: 'captain' }),
      await make('roles', 'role', { name: 'mate' }),
    ];
    assert.equal(await code('POST', 'roles', { role: { name: 'captain' } }), 409);
    assert.equal(await code('POST', 'roles', { role: { name: '' } }), 400);
    const rule = `roles/${prior.id}/implies/${next.id}`;
    assert.deepEqual(
      [await code('PUT', rule), await code('GET', rule), await code('HEAD', rule)],
      [201, 200, 204],
    );
    assert.equal(await code('PUT', `roles/${next.id}/implies/${prior.id}`), 400, 'a cycle');
    const shown = (await ask('GET', `roles/${prior.id}/implies`)).body.role_inference;
    assert.deepEqual([shown.prior_role.name, names(shown.implies)], ['captain', ['mate']]);
    assert.ok((await ask('GET', 'role_inferences')).body.role_inferences.length >= 4);
    const own = await make('roles', 'role', { name: 'owner', domain_id: 'default' });
    assert.equal(await code('PUT', `roles/${prior.id}/implies/${own.id}`), 403);
    assert.equal(await code('PUT', `roles/${own.id}/implies/${prior.id}`), 201);
    assert.ok(!names((await ask('GET', 'roles')).body.roles).includes('owner'));
    const user = await make('users', 'user', { name: 'skipper', password: 'x' });
    const project = (await ask('GET', 'projects?name=demo')).body.projects[0];
    await ask('PUT', `projects/${project.id}/users/${user.id}/roles/${own.id}`);
    const token = await keystone.login('skipper', 'x', { project: { id: project.id } });
    const roles = (
      await keystone.ask('GET', 'auth/tokens', { token, headers: { 'x-subject-token': token } })
    ).body.token.roles;
    assert.deepEqual(names(roles), ['captain', 'mate']);
    assert.equal(await code('DELETE', rule), 204);
  });

  test('grants on projects, domains, the system, and inherited ones; assignments show where they come from', async () => {
    const user = await make('users', 'user', { name: 'granted', password: 'x' });
    const parent = await make('projects', 'project', { name: 'parent' });
    const child = await make('projects', 'project', { name: 'below', parent_id: parent.id });
    const role = await roleId('member');
    const paths = [
      `projects/${parent.id}/users/${user.id}/roles`,
      `domains/default/users/${user.id}/roles`,
      `system/users/${user.id}/roles`,
    ];
    for (const path of paths) {
      assert.deepEqual(
        [
          await code('PUT', `${path}/${role}`),
          await code('HEAD', `${path}/${role}`),
          (await ask('GET', path)).body.roles.length,
          await code('DELETE', `${path}/${role}`),
          await code('HEAD', `${path}/${role}`),
        ],
        [204, 204, 1, 204, 404],
        path,
      );
    }
    const inherited = `OS-INHERIT/projects/${parent.id}/users/${user.id}/roles/${role}/inherited_to_projects`;
    assert.deepEqual([await code('PUT', inherited), await code('HEAD', inherited)], [204, 204]);
    assert.deepEqual(
      (await ask('GET', `projects/${parent.id}/users/${user.id}/roles`)).body.roles,
      [],
      'inherited ones are listed apart',
    );
    await assert.rejects(keystone.login('granted', 'x', { project: { id: parent.id } }), /401/);
    assert.ok(await keystone.login('granted', 'x', { project: { id: child.id } }));
    const stored = (await ask('GET', `role_assignments?user.id=${user.id}&include_names`)).body
      .role_assignments;
    assert.deepEqual(
      [
        stored.length,
        stored[0].role.name,
        stored[0].scope.project.name,
        stored[0].scope['OS-INHERIT:inherited_to'],
        stored[0].user.domain.name,
      ],
      [1, 'member', 'parent', 'projects', 'Default'],
    );
    const effective = (
      await ask('GET', `role_assignments?user.id=${user.id}&effective&include_names=true`)
    ).body.role_assignments;
    assert.deepEqual(
      effective.map((one: Loose) => [one.role.name, one.scope.project.name]).sort(),
      [
        ['member', 'below'],
        ['reader', 'below'],
      ],
    );
    assert.ok(
      effective.every((one: Loose) =>
        one.links.assignment.includes(`OS-INHERIT/projects/${parent.id}/users/${user.id}`),
      ),
    );
    assert.deepEqual(
      [
        await code('PUT', `projects/${parent.id}/users/${user.id}/roles/nope`),
        await code('PUT', `projects/nope/users/${user.id}/roles/${role}`),
        await code('PUT', `projects/${parent.id}/users/nope/roles/${role}`),
      ],
      [404, 404, 404],
    );
  });
});
