// Domains, projects, users, groups, roles and the catalog as clients meet them. Codes:
// openstack-errors.txt, openstack-operations.md.
import { strict as assert } from 'node:assert';
import { after, before, describe, test } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { inDefault, startKeystone, type Loose, type TestKeystone } from './keystone.testing.ts';

describe('resources', () => {
  let keystone: TestKeystone;
  before(async () => {
    keystone = await startKeystone();
  });
  after(() => keystone.close());

  const ask = (method: HttpMethod, path: string, body?: Json) =>
    keystone.ask(method, path, { token: keystone.admin, body });
  const code = async (method: HttpMethod, path: string, body?: Json): Promise<number> =>
    (await ask(method, path, body)).status;
  const names = (items: { name: string }[]): string[] => items.map((item) => item.name);
  async function make(collection: string, key: string, body: Json): Promise<Loose> {
    const answer = await ask('POST', collection, { [key]: body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body[key];
  }
  const roleId = async (name: string): Promise<string> =>
    (await ask('GET', `roles?name=${name}`)).body.roles[0].id;

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

  test('regions, services and endpoints; the catalog follows', async () => {
    assert.deepEqual(
      [
        await code('POST', 'regions', { region: { id: 'r1', description: 'one' } }),
        await code('POST', 'regions', { region: { id: 'r1' } }),
        await code('POST', 'regions', { region: { id: 'r2', parent_region_id: 'nope' } }),
      ],
      [201, 409, 404],
    );
    const service = await make('services', 'service', {
      type: 'dns',
      name: 'designate',
      description: 'names',
    });
    assert.deepEqual([service.description, service.enabled], ['names', true]);
    const wrong: [number, Json][] = [
      [400, { service_id: service.id, interface: 'public', url: 'http://x', enabled: 'False' }],
      [400, { service_id: service.id, interface: 'open', url: 'http://x' }],
      [400, { service_id: 'nope', interface: 'public', url: 'http://x' }],
      [400, { service_id: service.id, interface: 'public', url: 'http://x', region_id: 'nope' }],
    ];
    for (const [status, body] of wrong)
      assert.equal(
        await code('POST', 'endpoints', { endpoint: body }),
        status,
        JSON.stringify(body),
      );
    const endpoint = await make('endpoints', 'endpoint', {
      service_id: service.id,
      interface: 'public',
      url: 'http://dns/%(tenant_id)s',
      region: 'fresh',
    });
    assert.deepEqual(
      [
        endpoint.region,
        endpoint.region_id,
        await code('GET', 'regions/fresh'),
        await code('DELETE', 'regions/fresh'),
      ],
      ['fresh', 'fresh', 200, 403],
    );
    const inCatalog = async () =>
      (await ask('GET', 'auth/catalog')).body.catalog.find((one: Loose) => one.type === 'dns');
    assert.match((await inCatalog()).endpoints[0].url, /^http:\/\/dns\/[0-9a-f]{32}$/);
    await ask('PATCH', `endpoints/${endpoint.id}`, { endpoint: { enabled: false } });
    assert.deepEqual((await inCatalog()).endpoints, []);
    assert.deepEqual(
      (await ask('GET', `endpoints?service_id=${service.id}`)).body.endpoints.length,
      1,
    );
    assert.deepEqual(
      [
        await code('DELETE', `services/${service.id}`),
        await code('GET', `endpoints/${endpoint.id}`),
        await code('DELETE', 'regions/fresh'),
      ],
      [204, 404, 204],
    );
  });

  test('EC2 keys and credentials belong to their user', async () => {
    const { demo } = keystone;
    const { user, project } = (
      await keystone.ask('GET', 'auth/tokens', {
        token: demo,
        headers: { 'x-subject-token': demo },
      })
    ).body.token;
    const base = `users/${user.id}/credentials/OS-EC2`;
    const created = await keystone.ask('POST', base, {
      token: demo,
      body: { tenant_id: project.id },
    });
    assert.equal(created.status, 201);
    const { access } = created.body.credential;
    assert.equal(
      (await keystone.ask('GET', `${base}/${access}`, { token: demo })).body.credential.tenant_id,
      project.id,
    );
    assert.equal((await ask('GET', 'credentials?type=ec2')).body.credentials.length, 1);
    assert.equal((await keystone.ask('DELETE', `${base}/${access}`, { token: demo })).status, 204);
    assert.equal((await keystone.ask('GET', `${base}/${access}`, { token: demo })).status, 404);
    const other = await make('credentials', 'credential', { type: 'cert', blob: 'b' });
    assert.equal(
      (await keystone.ask('GET', `credentials/${other.id}`, { token: demo })).status,
      403,
    );
    assert.deepEqual(
      (await keystone.ask('GET', 'credentials', { token: demo })).body.credentials,
      [],
    );
  });

  test('a trust lends roles until it is used up or taken back', async () => {
    const { demo } = keystone;
    const { user, project } = (
      await keystone.ask('GET', 'auth/tokens', {
        token: demo,
        headers: { 'x-subject-token': demo },
      })
    ).body.token;
    const trustee = await make('users', 'user', { name: 'trustee', password: 'x' });
    const trust = {
      trustor_user_id: user.id,
      trustee_user_id: trustee.id,
      project_id: project.id,
      impersonation: true,
      roles: [{ name: 'reader' }],
      remaining_uses: 2,
    };
    assert.equal(
      (
        await keystone.ask('POST', 'OS-TRUST/trusts', {
          token: demo,
          body: { trust: { ...trust, expires_at: '2001-01-01T00:00:00Z' } },
        })
      ).status,
      400,
    );
    assert.equal(
      await code('POST', 'OS-TRUST/trusts', { trust }),
      403,
      'nobody lends what is another user’s',
    );
    const created = await keystone.ask('POST', 'OS-TRUST/trusts', { token: demo, body: { trust } });
    assert.equal(created.status, 201);
    const { id } = created.body.trust;
    const use = () =>
      keystone.ask('POST', 'auth/tokens', {
        body: {
          auth: {
            identity: {
              methods: ['password'],
              password: { user: { id: trustee.id, password: 'x' } },
            },
            scope: { 'OS-TRUST:trust': { id } },
          },
        },
      });
    const first = await use();
    assert.deepEqual(
      [
        first.status,
        first.body.token.user.id,
        names(first.body.token.roles),
        first.body.token['OS-TRUST:trust'].trustee_user.id,
      ],
      [201, user.id, ['reader'], trustee.id],
    );
    const lent = first.headers['x-subject-token'] ?? '';
    const lasting = { application_credential: { name: 'escalation' } };
    assert.equal(
      (
        await keystone.ask('POST', `users/${user.id}/application_credentials`, {
          token: lent,
          body: lasting,
        })
      ).status,
      403,
      'what is lent does not become lasting',
    );
    assert.equal(
      (
        await keystone.ask('POST', 'auth/tokens', {
          body: {
            auth: {
              identity: { methods: ['token'], token: { id: lent } },
              scope: { project: inDefault('demo') },
            },
          },
        })
      ).status,
      403,
    );
    assert.deepEqual([(await use()).status, (await use()).status], [201, 403]);
    const role = await roleId('reader');
    assert.equal(
      (await keystone.ask('HEAD', `OS-TRUST/trusts/${id}/roles/${role}`, { token: demo })).status,
      200,
    );
    assert.equal((await keystone.ask('GET', 'OS-TRUST/trusts', { token: demo })).status, 403);
    assert.equal(
      (await keystone.ask('GET', `OS-TRUST/trusts?trustor_user_id=${user.id}`, { token: demo }))
        .body.trusts.length,
      1,
    );
    assert.equal(
      (await keystone.ask('DELETE', `OS-TRUST/trusts/${id}`, { token: demo })).status,
      204,
    );
    assert.equal((await keystone.ask('GET', 'auth/projects', { token: lent })).status, 401);
  });

  test('policy documents', async () => {
    const { id } = await make('policies', 'policy', { type: 'application/json', blob: '{}' });
    assert.equal(
      (await ask('PATCH', `policies/${id}`, { policy: { blob: '{"a":1}' } })).body.policy.blob,
      '{"a":1}',
    );
    assert.deepEqual(
      [await code('DELETE', `policies/${id}`), await code('GET', `policies/${id}`)],
      [204, 404],
    );
  });

  test('every route but those for anybody refuses a caller without a token, and those for administrators a plain user', async () => {
    const open = new Set([
      'GET /',
      'GET /v3',
      'POST /v3/auth/tokens',
      'POST /v3/users/:user_id/password',
    ]);
    const [face] = keystone.role.http;
    assert.ok(face);
    const rules = face.policies;
    let forAdmins = 0;
    for (const { method, path, policy, auth } of face.routes) {
      const name = `${method} ${path}`;
      const place = `/identity${path}`.replace(/:\w+/g, 'some-id');
      assert.equal(auth === 'none', open.has(name), name);
      if (open.has(name)) continue;
      assert.equal((await keystone.ask(method, place)).status, 401, name);
      if (
        policy === null ||
        !['rule:admin_required', 'rule:admin_or_system_reader'].includes(rules[policy] ?? '')
      )
        continue;
      forAdmins += 1;
      assert.equal((await keystone.ask(method, place, { token: keystone.demo })).status, 403, name);
    }
    assert.ok(forAdmins > 50, `${forAdmins} routes are for administrators`);
  });
});
