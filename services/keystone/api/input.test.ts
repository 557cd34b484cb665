// Bodies that Keystone refuses, as upstream's schemas do: one row per rule, applied to every
// resource that has the field.
import { strict as assert } from 'node:assert';
import { after, before, describe, test } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { startKeystone, type TestKeystone } from './keystone.testing.ts';

describe('bodies', () => {
  let keystone: TestKeystone;
  const ids: Record<
    'project' | 'domain' | 'role' | 'user' | 'group' | 'region' | 'service',
    string
  > = { project: '', domain: '', role: '', user: '', group: '', region: '', service: '' };
  const ask = (method: HttpMethod, path: string, body?: Json) =>
    keystone.ask(method, path, { token: keystone.admin, ...(body !== undefined && { body }) });
  let serial = 0;
  const named = (attributes: Record<string, Json> = {}): Record<string, Json> => ({
    name: `n${(serial += 1)}`,
    ...attributes,
  });

  before(async () => {
    keystone = await startKeystone();
    for (const kind of Object.keys(ids) as (keyof typeof ids)[]) {
      ids[kind] = (
        await ask('POST', `${kind}s`, { [kind]: kind === 'service' ? { type: 't' } : named() })
      ).body[kind].id;
    }
  });
  after(() => keystone.close());

  const tagLists: Record<string, [Json, boolean]> = {
    'the same tag twice': [['a', 'a'], false],
    'tags that differ by case': [['a', 'A'], true],
    'a comma': [['a,b'], false],
    'a slash': [['a/b'], false],
    'an empty tag': [[''], false],
    '255 characters': [['x'.repeat(255)], true],
    '256 characters': [['x'.repeat(256)], false],
    '80 tags': [Array.from({ length: 80 }, (_, n) => `t${n}`), true],
    '81 tags': [Array.from({ length: 81 }, (_, n) => `t${n}`), false],
    'a number': [[1], false],
  };
  for (const [title, [list, good]] of Object.entries(tagLists)) {
    test(`tags: ${title} ${good ? 'is taken' : 'is a 400'}, wherever tags are given`, async () => {
      const places: [HttpMethod, string, Json][] = [
        ['PUT', `projects/${ids.project}/tags`, { tags: list }],
        ['PATCH', `projects/${ids.project}`, { project: { tags: list } }],
        ['POST', 'projects', { project: named({ tags: list }) }],
        ['PATCH', `domains/${ids.domain}`, { domain: { tags: list } }],
        ['POST', 'domains', { domain: named({ tags: list }) }],
      ];
      for (const [method, path, body] of places) {
        const { status } = await ask(method, path, body);
        assert.ok(good ? status < 300 : status === 400, `${method} ${path}: ${status}`);
      }
    });
  }
  test('a single tag that the project has already is a 400, and so is the 81st', async () => {
    const base = `projects/${ids.project}/tags`;
    assert.equal(
      (await ask('PUT', base, { tags: Array.from({ length: 79 }, (_, n) => `t${n}`) })).status,
      200,
    );
    assert.equal((await ask('PUT', `${base}/t0`)).status, 400);
    const added = await ask('PUT', `${base}/last`);
    assert.deepEqual(
      [added.status, added.headers['location']],
      [201, `http://cloud/identity/v3/${base}/last`],
    );
    assert.equal((await ask('PUT', `${base}/more`)).status, 400);
    assert.equal((await ask('PUT', `${base}/a,b`)).status, 400);
    assert.equal((await ask('GET', base)).body.tags.length, 80);
  });

  const longest: [keyof typeof ids, number][] = [
    ['project', 64],
    ['domain', 64],
    ['group', 64],
    ['user', 255],
    ['role', 255],
  ];
  for (const [kind, length] of longest) {
    test(`names: of a ${kind} from 1 to ${length} characters, not blank`, async () => {
      const status = async (name: Json): Promise<number> =>
        (await ask('POST', `${kind}s`, { [kind]: { name } })).status;
      assert.deepEqual(
        [
          await status('x'.repeat(length)),
          await status('x'.repeat(length + 1)),
          await status(''),
          await status(' '),
          await status(7),
          await status(null),
        ],
        [201, 400, 400, 400, 400, 400],
      );
    });
    test(`an empty change of a ${kind} is ${kind === 'project' ? 'taken' : 'a 400'}, a name that is no text always`, async () => {
      assert.equal(
        (await ask('PATCH', `${kind}s/${ids[kind]}`, { [kind]: {} })).status,
        kind === 'project' ? 200 : 400,
      );
      assert.equal(
        (await ask('PATCH', `${kind}s/${ids[kind]}`, { [kind]: { name: 1 } })).status,
        400,
      );
    });
  }
  test('an empty change of a region or service is a 400', async () => {
    for (const kind of ['region', 'service'] as const)
      assert.equal((await ask('PATCH', `${kind}s/${ids[kind]}`, { [kind]: {} })).status, 400, kind);
  });

  test('enabled is true or false', async () => {
    for (const kind of ['project', 'domain', 'user'] as const) {
      for (const enabled of ['yes', 1, null, {}])
        assert.equal(
          (await ask('PATCH', `${kind}s/${ids[kind]}`, { [kind]: { enabled } })).status,
          400,
          `${kind} ${JSON.stringify(enabled)}`,
        );
      assert.equal(
        (await ask('PATCH', `${kind}s/${ids[kind]}`, { [kind]: { enabled: true } })).status,
        200,
      );
    }
  });
  test('ids in bodies hold letters, digits and hyphens; parents and domains of projects must be there', async () => {
    const wrong: Record<string, Json>[] = [
      { parent_id: 'nowhere' },
      { domain_id: 'nowhere' },
      { domain_id: 'a_b' },
      { parent_id: '../x' },
      { parent_id: '' },
    ];
    for (const attributes of wrong) {
      assert.equal(
        (await ask('POST', 'projects', { project: named(attributes) })).status,
        400,
        JSON.stringify(attributes),
      );
    }
    for (const id of ['x', 'f'.repeat(31), 'F'.repeat(32), '12345678-1234-1234-1234-123456789012'])
      assert.equal(
        (await ask('POST', 'domains', { domain: named({ explicit_domain_id: id }) })).status,
        400,
        id,
      );
    assert.equal(
      (await ask('POST', 'domains', { domain: named({ explicit_domain_id: 'f'.repeat(32) }) })).body
        .domain.id,
      'f'.repeat(32),
    );
  });
  test('a family is shown as a list or as ids, not as both', async () => {
    for (const kind of ['parents', 'subtree'])
      assert.equal(
        (await ask('GET', `projects/${ids.project}?${kind}_as_list&${kind}_as_ids`)).status,
        400,
      );
    assert.equal(
      (await ask('GET', `projects/${ids.project}?parents_as_list&subtree_as_ids`)).status,
      200,
    );
  });

  for (const kind of ['project', 'domain', 'role'] as const) {
    test(`options: a ${kind} that is immutable changes in that alone, and stays`, async () => {
      const { id } = (
        await ask('POST', `${kind}s`, {
          [kind]: named({
            options: { immutable: true },
            ...(kind === 'domain' && { enabled: false }),
          }),
        })
      ).body[kind];
      const change = async (attributes: Record<string, Json>): Promise<number> =>
        (await ask('PATCH', `${kind}s/${id}`, { [kind]: attributes })).status;
      assert.deepEqual(
        [
          await change({ description: 'x' }),
          await change({ options: {} }),
          await change({ options: { immutable: false }, description: 'x' }),
          (await ask('DELETE', `${kind}s/${id}`)).status,
        ],
        [403, 403, 403, 403],
      );
      assert.equal(await change({ options: { immutable: null } }), 200);
      assert.deepEqual((await ask('GET', `${kind}s/${id}`)).body[kind].options, {});
      assert.equal(await change({ options: { unknown: 1 } }), 400);
      assert.equal((await ask('DELETE', `${kind}s/${id}`)).status, 204);
    });
  }
  test('options of a user are known ones; null removes one and leaves the others', async () => {
    const change = async (options: Json) =>
      await ask('PATCH', `users/${ids.user}`, { user: { options } });
    for (const options of [
      { unknown: true },
      { lock_password: 'yes' },
      { multi_factor_auth_rules: [['password', 'password']] },
    ])
      assert.equal((await change(options)).status, 400, JSON.stringify(options));
    await change({ lock_password: true, ignore_password_expiry: true });
    assert.deepEqual((await change({ lock_password: null })).body.user.options, {
      ignore_password_expiry: true,
    });
  });
  test('roles of an application credential are named once each, by id or by name', async () => {
    const userId = (await ask('GET', 'users?name=admin')).body.users[0].id;
    for (const role of [
      {},
      { id: ids.role, name: 'x' },
      { name: '' },
      { name: 'member', extra: 1 },
    ]) {
      assert.equal(
        (
          await ask('POST', `users/${userId}/application_credentials`, {
            application_credential: named({ roles: [role] }),
          })
        ).status,
        400,
        JSON.stringify(role),
      );
    }
  });
  test('limits hold what is known and nothing else', async () => {
    const limit = { service_id: ids.service, resource_name: 'x', default_limit: 1 };
    assert.equal(
      (await ask('POST', 'registered_limits', { registered_limits: [{ ...limit, extra: 1 }] }))
        .status,
      400,
    );
    assert.equal(
      (await ask('POST', 'registered_limits', { registered_limits: [limit] })).status,
      201,
    );
    assert.equal(
      (
        await ask('POST', 'limits', {
          limits: [
            {
              service_id: ids.service,
              resource_name: 'x',
              resource_limit: 1,
              project_id: ids.project,
              extra: 1,
            },
          ],
        })
      ).status,
      400,
    );
  });
});
