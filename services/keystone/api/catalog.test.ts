// Regions, services, endpoints and policy documents through the API, and which callers may use
// them.
import { strict as assert } from 'node:assert';
import { after, describe, test } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { asAdmin, startKeystone } from './keystone.testing.ts';

const keystone = await startKeystone();
after(async () => await keystone.close());
const { ask, code, make } = asAdmin(keystone);

describe('the catalog', () => {
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
