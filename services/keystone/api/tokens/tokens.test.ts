// Tokens through the API.
import { strict as assert } from 'node:assert';
import { after, before, describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import {
  inDefault,
  isValid,
  passwordAuth,
  startKeystone,
  type TestKeystone,
} from '../keystone.testing.ts';

describe('tokens', () => {
  let keystone: TestKeystone;
  before(async () => {
    keystone = await startKeystone();
  });
  after(() => keystone.close());

  async function newUser(name: string, role = 'member'): Promise<{ id: string; token: string }> {
    const { admin, ask } = keystone;
    const { body } = await ask('POST', 'users', {
      token: admin,
      body: { user: { name, password: 'first', domain_id: 'default' } },
    });
    const project = (await ask('GET', 'projects?name=demo', { token: admin })).body.projects[0].id;
    const roleId = (await ask('GET', `roles?name=${role}`, { token: admin })).body.roles[0].id;
    assert.equal(
      (
        await ask('PUT', `projects/${project}/users/${body.user.id}/roles/${roleId}`, {
          token: admin,
        })
      ).status,
      204,
    );
    return {
      id: body.user.id,
      token: await keystone.login(name, 'first', { project: { id: project } }),
    };
  }

  test('version documents are for anybody', async () => {
    const root = await keystone.ask('GET', '/identity');
    assert.equal(root.status, 300);
    assert.equal(root.body.versions.values[0].id, 'v3.14');
    const v3 = await keystone.ask('GET', '/identity/v3/');
    assert.deepEqual(
      [v3.status, v3.body.version.links],
      [200, [{ rel: 'self', href: 'http://cloud/identity/v3/' }]],
    );
  });

  test('a password gives a token with the members of the stock one', async () => {
    const { status, body, headers } = await keystone.ask('POST', 'auth/tokens', {
      body: passwordAuth('admin', 'admin-secret', { project: inDefault('admin') }),
    });
    assert.equal(status, 201);
    assert.ok((headers['x-subject-token'] ?? '').length < 255);
    assert.deepEqual(Object.keys(body.token), [
      'methods',
      'user',
      'audit_ids',
      'expires_at',
      'issued_at',
      'project',
      'is_domain',
      'roles',
      'catalog',
    ]);
    assert.deepEqual(
      body.token.roles.map((role: { name: string }) => role.name),
      ['admin', 'manager', 'member', 'reader'],
    );
    assert.deepEqual(body.token.user.domain, { id: 'default', name: 'Default' });
    assert.match(body.token.expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.ok(body.token.expires_at > body.token.issued_at);
    const volume = body.token.catalog.find(
      (service: { type: string }) => service.type === 'volumev3',
    );
    assert.equal(volume.endpoints[0].url, `http://cloud/volume/v3/${body.token.project.id}`);
    assert.deepEqual(Object.keys(volume.endpoints[0]), [
      'id',
      'interface',
      'region_id',
      'url',
      'region',
    ]);
  });

  test('a token is shown again exactly as when it was made', async () => {
    const created = await keystone.ask('POST', 'auth/tokens', {
      body: passwordAuth('demo', 'demo-secret'),
    });
    const token = created.headers['x-subject-token'] ?? '';
    const shown = await keystone.ask('GET', 'auth/tokens', {
      token,
      headers: { 'x-subject-token': token },
    });
    assert.deepEqual(
      [shown.status, JSON.stringify(shown.body)],
      [200, JSON.stringify(created.body)],
    );
    assert.equal(
      (await keystone.ask('HEAD', 'auth/tokens', { token, headers: { 'x-subject-token': token } }))
        .status,
      200,
    );
    const bare = await keystone.ask('GET', 'auth/tokens?nocatalog', {
      token,
      headers: { 'x-subject-token': token },
    });
    assert.equal(bare.body.token.catalog, undefined);
  });

  test('wrong credentials and scopes are all 401 with the same words', async () => {
    const bodies = [
      passwordAuth('admin', 'wrong'),
      passwordAuth('nobody', 'x'),
      passwordAuth('demo', 'demo-secret', { project: inDefault('admin') }),
      passwordAuth('demo', 'demo-secret', { project: inDefault('nowhere') }),
      passwordAuth('demo', 'demo-secret', { system: { all: true } }),
      passwordAuth('demo', 'demo-secret', { domain: { id: 'default' } }),
      { auth: { identity: { methods: ['token'], token: { id: 'gAAAAAB-nonsense' } } } },
    ];
    for (const body of bodies) {
      const answer = await keystone.ask('POST', 'auth/tokens', { body });
      assert.deepEqual(
        [answer.status, answer.body],
        [
          401,
          {
            error: {
              code: 401,
              message: 'The request you have made requires authentication.',
              title: 'Unauthorized',
            },
          },
        ],
      );
      assert.equal(answer.headers['www-authenticate'], 'Keystone uri="http://cloud/identity"');
    }
  });

  test('a malformed request is 400', async () => {
    const bodies = [
      {},
      { auth: {} },
      { auth: { identity: { methods: ['password'] } } },
      { auth: { identity: { methods: [] } } },
      {
        auth: {
          identity: { methods: ['password'], password: { user: { name: 'admin', password: 'x' } } },
        },
      },
    ];
    for (const body of bodies)
      assert.equal(
        (await keystone.ask('POST', 'auth/tokens', { body })).status,
        400,
        JSON.stringify(body),
      );
  });

  test('system, domain and no scope', async () => {
    const system = await keystone.ask('POST', 'auth/tokens', {
      body: passwordAuth('admin', 'admin-secret', { system: { all: true } }),
    });
    assert.deepEqual([system.status, system.body.token.system], [201, { all: true }]);
    const unscoped = await keystone.ask('POST', 'auth/tokens', {
      body: passwordAuth('admin', 'admin-secret', 'unscoped'),
    });
    assert.deepEqual(
      [unscoped.body.token.roles, unscoped.body.token.catalog, unscoped.body.token.project],
      [undefined, undefined, undefined],
    );
    const token = unscoped.headers['x-subject-token'] ?? '';
    assert.equal((await keystone.ask('GET', 'auth/catalog', { token })).status, 403);
    const projects = await keystone.ask('GET', 'auth/projects', { token });
    assert.deepEqual(
      projects.body.projects.map((project: { name: string }) => project.name),
      ['admin', 'demo'],
    );
    assert.deepEqual((await keystone.ask('GET', 'auth/system', { token })).body.system, [
      { all: true },
    ]);
  });

  test('rescoping keeps the end of the first token and its audit chain', async () => {
    const first = await keystone.ask('POST', 'auth/tokens', {
      body: passwordAuth('admin', 'admin-secret', 'unscoped'),
    });
    const second = await keystone.ask('POST', 'auth/tokens', {
      body: {
        auth: {
          identity: { methods: ['token'], token: { id: first.headers['x-subject-token'] ?? '' } },
          scope: { project: inDefault('demo') },
        },
      },
    });
    assert.equal(second.status, 201);
    assert.equal(second.body.token.expires_at, first.body.token.expires_at);
    assert.equal(second.body.token.audit_ids[1], first.body.token.audit_ids[0]);
    assert.deepEqual([...second.body.token.methods].sort(), ['password', 'token']);
  });

  test('a deleted token is gone for everybody at once', async () => {
    const token = await keystone.login('demo', 'demo-secret');
    assert.ok(await isValid(keystone, token));
    assert.equal(
      (
        await keystone.ask('DELETE', 'auth/tokens', {
          token,
          headers: { 'x-subject-token': token },
        })
      ).status,
      204,
    );
    assert.equal(await isValid(keystone, token), false);
    assert.equal(
      (
        await keystone.ask('GET', 'auth/tokens', {
          token: keystone.admin,
          headers: { 'x-subject-token': token },
        })
      ).status,
      404,
    );
    assert.equal((await keystone.ask('GET', 'users', { token })).status, 401);
  });

  test("another user's token is shown to administrators and services alone", async () => {
    const { token } = await newUser('curious');
    assert.equal(
      (
        await keystone.ask('GET', 'auth/tokens', {
          token,
          headers: { 'x-subject-token': keystone.admin },
        })
      ).status,
      403,
    );
    const nova = await keystone.login('nova', 'nova-secret', { project: inDefault('service') });
    assert.equal(
      (
        await keystone.ask('GET', 'auth/tokens', {
          token: nova,
          headers: { 'x-subject-token': token },
        })
      ).status,
      200,
    );
  });

  const ends: Record<
    string,
    (
      user: { id: string; token: string },
      roles: { project: string; role: string },
    ) => Promise<unknown>
  > = {
    'password change': ({ id }) =>
      keystone.ask('POST', `users/${id}/password`, {
        body: { user: { password: 'second', original_password: 'first' } },
      }),
    'password reset': ({ id }) =>
      keystone.ask('PATCH', `users/${id}`, {
        token: keystone.admin,
        body: { user: { password: 'second' } },
      }),
    'disabled user': ({ id }) =>
      keystone.ask('PATCH', `users/${id}`, {
        token: keystone.admin,
        body: { user: { enabled: false } },
      }),
    'deleted user': ({ id }) => keystone.ask('DELETE', `users/${id}`, { token: keystone.admin }),
    'removed role': ({ id }, { project, role }) =>
      keystone.ask('DELETE', `projects/${project}/users/${id}/roles/${role}`, {
        token: keystone.admin,
      }),
  };
  for (const [name, end] of Object.entries(ends)) {
    test(`a remembered token ends at once by: ${name}`, async () => {
      const user = await newUser(`ends-${name.replace(' ', '-')}`);
      const context = await keystone.role.tokens.validate(user.token);
      assert.ok(!isFault(context));
      const role = (await keystone.ask('GET', 'roles?name=member', { token: keystone.admin })).body
        .roles[0].id;
      await end(user, { project: context.projectId ?? '', role });
      assert.equal(await isValid(keystone, user.token), false);
    });
  }

  test('a disabled project ends its tokens, and a token of the enabled user lives on elsewhere', async () => {
    const { admin, ask } = keystone;
    const { body } = await ask('POST', 'projects', {
      token: admin,
      body: { project: { name: 'short-lived' } },
    });
    const { user } = (
      await ask('GET', 'auth/tokens', { token: admin, headers: { 'x-subject-token': admin } })
    ).body.token;
    const role = (await ask('GET', 'roles?name=reader', { token: admin })).body.roles[0].id;
    await ask('PUT', `projects/${body.project.id}/users/${user.id}/roles/${role}`, {
      token: admin,
    });
    const token = await keystone.login('admin', 'admin-secret', {
      project: { id: body.project.id },
    });
    await ask('PATCH', `projects/${body.project.id}`, {
      token: admin,
      body: { project: { enabled: false } },
    });
    assert.deepEqual(
      [await isValid(keystone, token), await isValid(keystone, admin)],
      [false, true],
    );
  });

  test('tokens outlive a key rotation, and end when their key is gone', async () => {
    const token = await keystone.login('demo', 'demo-secret');
    await keystone.role.rotateKeys();
    const opened = (subject: string) =>
      keystone.ask('HEAD', 'auth/tokens', {
        token: keystone.admin,
        headers: { 'x-subject-token': subject },
      });
    assert.equal((await opened(token)).status, 200);
    const later = await keystone.login('demo', 'demo-secret');
    await keystone.role.rotateKeys();
    assert.deepEqual([(await opened(later)).status], [200]);
    keystone.admin = await keystone.login('admin', 'admin-secret');
    await keystone.role.rotateKeys();
    assert.equal((await opened(token)).status, 404);
  });
});

test('tokens expire, and wrong passwords in a row lock a user for a while', async () => {
  const clock = createFakeClock({
    startMs: Date.parse('2026-11-22T18:00:00Z'),
    movedBy: 'advance',
  });
  const keystone = await startKeystone({
    clock,
    config: { lockoutFailures: 3, lockoutMs: 60_000, tokenLifetimeMs: 3_600_000 },
  });
  assert.ok(await isValid(keystone, keystone.demo));
  clock.nowMs += 3_600_001;
  assert.equal(await isValid(keystone, keystone.demo), false);

  for (let n = 0; n < 3; n += 1) await assert.rejects(keystone.login('demo', 'wrong'), /401/);
  await assert.rejects(keystone.login('demo', 'demo-secret'), /401/, 'locked');
  clock.nowMs += 60_001;
  assert.ok(await keystone.login('demo', 'demo-secret'));
  await assert.rejects(keystone.login('demo', 'wrong'), /401/);
  assert.ok(await keystone.login('demo', 'demo-secret'), 'success begins the count anew');
  for (let n = 0; n < 3; n += 1) await assert.rejects(keystone.login('demo', 'wrong'), /401/);
  clock.nowMs += 60_001;
  await assert.rejects(keystone.login('demo', 'wrong'), /401/);
  assert.ok(await keystone.login('demo', 'demo-secret'), 'so does time');
  await keystone.close();
});

test('an application credential gives its project and roles, and no more', async () => {
  const keystone = await startKeystone();
  const { ask, demo } = keystone;
  const { user, project } = (
    await ask('GET', 'auth/tokens', { token: demo, headers: { 'x-subject-token': demo } })
  ).body.token;
  const base = `users/${user.id}/application_credentials`;
  const created = await ask('POST', base, {
    token: demo,
    body: {
      application_credential: {
        name: 'robot',
        roles: [{ name: 'reader' }],
        access_rules: [
          { service: 'compute', method: 'GET', path: '/v2.1/servers' },
          { service: 'identity', method: 'POST', path: '/v3/users/*/application_credentials' },
        ],
      },
    },
  });
  assert.equal(created.status, 201);
  const { id, secret } = created.body.application_credential;
  assert.ok(secret.length > 60);
  assert.equal(
    (await ask('GET', `${base}/${id}`, { token: demo })).body.application_credential.secret,
    undefined,
  );

  const login = (credential: object) =>
    ask('POST', 'auth/tokens', {
      body: {
        auth: {
          identity: {
            methods: ['application_credential'],
            application_credential: credential as never,
          },
        },
      },
    });
  const byName = await login({ name: 'robot', secret, user: inDefault('demo') });
  assert.equal(byName.status, 201);
  assert.deepEqual(
    [
      byName.body.token.project.id,
      byName.body.token.roles.map((role: { name: string }) => role.name),
      byName.body.token.application_credential,
    ],
    [
      project.id,
      ['reader'],
      {
        id,
        name: 'robot',
        restricted: true,
        access_rules: created.body.application_credential.access_rules,
      },
    ],
  );
  assert.equal((await login({ id, secret: 'wrong' })).status, 401);
  const robot = (await login({ id, secret })).headers['x-subject-token'] ?? '';
  assert.equal(
    (await ask('POST', base, { token: robot, body: { application_credential: { name: 'child' } } }))
      .status,
    403,
  );
  assert.equal(
    (await ask('GET', base, { token: robot })).status,
    401,
    'its access rules hold here, too',
  );
  assert.equal(
    (
      await ask('POST', 'auth/tokens', {
        body: {
          auth: {
            identity: { methods: ['token'], token: { id: robot } },
            scope: { project: inDefault('admin') },
          },
        },
      })
    ).status,
    401,
  );

  assert.equal(
    (await ask('POST', base, { token: demo, body: { application_credential: { name: 'robot' } } }))
      .status,
    409,
  );
  assert.equal(
    (
      await ask('POST', base, {
        token: demo,
        body: { application_credential: { name: 'greedy', roles: [{ name: 'admin' }] } },
      })
    ).status,
    400,
  );
  const [rule] = (await ask('GET', `users/${user.id}/access_rules`, { token: demo })).body
    .access_rules;
  assert.equal(
    (await ask('DELETE', `users/${user.id}/access_rules/${rule.id}`, { token: demo })).status,
    403,
  );
  assert.equal((await ask('DELETE', `${base}/${id}`, { token: demo })).status, 204);
  assert.equal(await isValid(keystone, robot), false);
  assert.equal(
    (await ask('DELETE', `users/${user.id}/access_rules/${rule.id}`, { token: demo })).status,
    204,
  );
  await keystone.close();
});
