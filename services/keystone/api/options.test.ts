// Limits and domain configuration through the API.
import { strict as assert } from 'node:assert';
import { after, describe, test } from 'node:test';
import { asAdmin, startKeystone } from './keystone.testing.ts';

const keystone = await startKeystone();
after(async () => await keystone.close());
const { ask } = asAdmin(keystone);

describe('limits and options', () => {
  test('a limit needs its registered limit and is seen by its project', async () => {
    const service_id = (await ask('GET', 'services?type=compute')).body.services[0].id;
    const project_id = (await ask('GET', 'projects?name=demo')).body.projects[0].id;
    const limit = { service_id, resource_name: 'servers', resource_limit: 5, project_id };
    assert.equal((await ask('POST', 'limits', { limits: [limit] })).status, 403);
    const registered = await ask('POST', 'registered_limits', {
      registered_limits: [{ service_id, resource_name: 'servers', default_limit: 10 }],
    });
    assert.deepEqual(
      [registered.status, registered.body.registered_limits[0].region_id],
      [201, null],
    );
    assert.equal(
      (await ask('POST', 'limits', { limits: [{ ...limit, project_id: null }] })).status,
      400,
    );
    const created = await ask('POST', 'limits', { limits: [limit] });
    assert.equal(created.status, 201);
    assert.equal((await ask('POST', 'limits', { limits: [limit] })).status, 409);
    const { id } = created.body.limits[0];
    assert.equal(
      (await ask('PATCH', `limits/${id}`, { limit: { resource_limit: 7 } })).body.limit
        .resource_limit,
      7,
    );
    assert.equal(
      (await keystone.ask('GET', 'limits', { token: keystone.demo })).body.limits.length,
      1,
    );
    const nova = await keystone.login('nova', 'nova-secret', {
      project: { name: 'service', domain: { id: 'default' } },
    });
    assert.equal(
      (await keystone.ask('GET', `limits/${id}`, { token: nova })).status,
      200,
      'service users have the role admin',
    );
    assert.equal(
      (await ask('DELETE', `registered_limits/${registered.body.registered_limits[0].id}`)).status,
      403,
    );
    assert.deepEqual(
      [(await ask('DELETE', `limits/${id}`)).status, (await ask('GET', `limits/${id}`)).status],
      [204, 404],
    );
    assert.equal((await ask('GET', 'limits/model')).body.model.name, 'flat');
  });

  test('a project that was given endpoints sees those alone', async () => {
    const project = (await ask('GET', 'projects?name=demo')).body.projects[0].id;
    const service_id = (await ask('GET', 'services?type=compute')).body.services[0].id;
    const { id } = (
      await ask('POST', 'OS-EP-FILTER/endpoint_groups', {
        endpoint_group: { name: 'g', filters: { service_id, interface: 'public' } },
      })
    ).body.endpoint_group;
    const catalog = async (): Promise<string[]> =>
      (await keystone.ask('GET', 'auth/catalog', { token: keystone.demo })).body.catalog
        .flatMap((one: { type: string; endpoints: object[] }) => one.endpoints.map(() => one.type))
        .sort();
    const all = await catalog();
    assert.equal(all.length, 9);
    const tie = `OS-EP-FILTER/endpoint_groups/${id}/projects/${project}`;
    assert.deepEqual(
      [
        (await ask('HEAD', tie)).status,
        (await ask('PUT', tie)).status,
        (await ask('PUT', tie)).status,
        (await ask('HEAD', tie)).status,
      ],
      [404, 204, 204, 200],
    );
    assert.deepEqual(await catalog(), ['compute']);
    const identity = (await ask('GET', 'endpoints?interface=internal')).body.endpoints.find(
      (one: { url: string }) => one.url.includes('identity'),
    ).id;
    assert.equal(
      (await ask('PUT', `OS-EP-FILTER/projects/${project}/endpoints/${identity}`)).status,
      204,
    );
    assert.deepEqual(await catalog(), ['compute', 'identity']);
    assert.equal(
      (await ask('GET', `OS-EP-FILTER/projects/${project}/endpoints`)).body.endpoints.length,
      2,
    );
    assert.deepEqual(
      [
        (await ask('DELETE', `OS-EP-FILTER/projects/${project}/endpoints/${identity}`)).status,
        (await ask('DELETE', `OS-EP-FILTER/endpoint_groups/${id}`)).status,
      ],
      [204, 204],
    );
    assert.deepEqual(await catalog(), all);
    assert.equal(
      (
        await ask('POST', 'OS-EP-FILTER/endpoint_groups', {
          endpoint_group: { name: 'g', filters: {} },
        })
      ).status,
      400,
    );
  });

  test('domain options are kept by group and option', async () => {
    const { id } = (await ask('POST', 'domains', { domain: { name: 'configured' } })).body.domain;
    const base = `domains/${id}/config`;
    assert.equal((await ask('GET', base)).status, 404);
    const config = { identity: { driver: 'ldap' }, ldap: { url: 'ldap://x' } };
    assert.deepEqual(
      [(await ask('PUT', base, { config })).status, (await ask('PUT', base, { config })).status],
      [201, 200],
    );
    assert.deepEqual((await ask('GET', base)).body, { config });
    assert.deepEqual((await ask('GET', `${base}/ldap`)).body, {
      config: { ldap: { url: 'ldap://x' } },
    });
    assert.deepEqual(
      (await ask('PATCH', `${base}/ldap`, { config: { ldap: { url: 'ldap://y' } } })).body.config
        .ldap,
      { url: 'ldap://y' },
    );
    assert.deepEqual(
      (await ask('PATCH', `${base}/identity/driver`, { config: { driver: 'sql' } })).body.config
        .identity,
      { driver: 'sql' },
    );
    assert.equal((await ask('PUT', base, { config: { wrong: { x: 1 } } })).status, 403);
    assert.deepEqual(
      [(await ask('DELETE', `${base}/ldap`)).status, (await ask('GET', `${base}/ldap`)).status],
      [204, 404],
    );
    assert.equal(
      (await ask('GET', 'domains/config/identity/driver/default')).body.config.driver,
      'sql',
    );
  });
});
