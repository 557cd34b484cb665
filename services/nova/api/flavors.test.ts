// Flavors, their extra specs and their access lists, through the real dispatcher.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { projectOf } from '#openstack/http/api.testing.ts';
import type { NovaFixture } from './nova-api.testing.ts';
import { startNova } from './nova-api.testing.ts';

const small = { name: 'small', id: '1', ram: 512, vcpus: 1, disk: 10 };
let nova: NovaFixture;
const ask: NovaFixture['ask'] = (...args) => nova.ask(...args);
const create = async (flavor: Json, version?: number) =>
  await ask('admin', 'POST', 'flavors', {
    body: { flavor },
    ...(version !== undefined && { version }),
  });
const names = async (path: string, who: 'admin' | 'member' = 'member') =>
  (await ask(who, 'GET', path)).body.flavors.map((flavor: { name: string }) => flavor.name);

describe('flavors', () => {
  beforeEach(async () => {
    nova = await startNova();
  });
  const links = [
    { rel: 'self', href: 'http://cloud/compute/v2.1/flavors/1' },
    { rel: 'bookmark', href: 'http://cloud/compute/flavors/1' },
  ];

  it('are created with defaults and shown as the stock service shows them', async () => {
    const wanted = {
      id: '1',
      name: 'small',
      ram: 512,
      disk: 10,
      swap: '',
      'OS-FLV-EXT-DATA:ephemeral': 0,
      'OS-FLV-DISABLED:disabled': false,
      vcpus: 1,
      'os-flavor-access:is_public': true,
      rxtx_factor: 1,
      links,
    };
    const created = await create(small);
    assert.equal(created.status, 200);
    assert.deepEqual(created.body, { flavor: wanted });
    assert.deepEqual((await ask('reader', 'GET', 'flavors/1')).body, { flavor: wanted });
    assert.deepEqual((await ask('reader', 'GET', 'flavors/detail')).body, { flavors: [wanted] });
    assert.deepEqual((await ask('reader', 'GET', 'flavors')).body, {
      flavors: [{ id: '1', name: 'small', links }],
    });
  });

  it('show more fields in later microversions', async () => {
    await create({ ...small, description: 'tiny' }, 55);
    const keys = async (version: number, path: string) =>
      Object.keys((await ask('member', 'GET', path, { version })).body.flavor ?? {}).join();
    assert.doesNotMatch(await keys(54, 'flavors/1'), /description|extra_specs/);
    assert.match(await keys(55, 'flavors/1'), /description/);
    assert.match(await keys(61, 'flavors/1'), /extra_specs/);
    assert.equal((await ask('member', 'GET', 'flavors/1', { version: 74 })).body.flavor.swap, '');
    assert.equal((await ask('member', 'GET', 'flavors/1', { version: 75 })).body.flavor.swap, 0);
    assert.equal(
      (await ask('member', 'GET', 'flavors', { version: 55 })).body.flavors[0].description,
      'tiny',
    );
  });

  it('get a uuid for an id of null or auto, and take numbers as text', async () => {
    for (const [index, id] of [null, 'auto', undefined].entries()) {
      const { status, body } = await create({
        name: `f${index}`,
        ...(id !== undefined && { id }),
        ram: '64',
        vcpus: '2',
        disk: '0',
        swap: '16',
        rxtx_factor: '1.5',
      });
      assert.equal(status, 200);
      assert.match(body.flavor.id, /^[0-9a-f-]{36}$/);
      assert.deepEqual(
        [body.flavor.ram, body.flavor.vcpus, body.flavor.swap, body.flavor.rxtx_factor],
        [64, 2, 16, 1.5],
      );
    }
  });

  it('refuse a second flavor of the same id or name with 409', async () => {
    await create(small);
    assert.equal((await create({ ...small, name: 'other' })).status, 409);
    const twin = await create({ ...small, id: '2' });
    assert.equal(twin.status, 409);
    assert.match(twin.body.conflictingRequest.message, /small already exists/);
  });

  const wrong: Record<string, Json> = {
    'no ram': { name: 'x', vcpus: 1, disk: 1 },
    'ram 0': { ...small, ram: 0 },
    'vcpus -1': { ...small, vcpus: -1 },
    'disk -1': { ...small, disk: -1 },
    'ram text': { ...small, ram: 'lots' },
    'ram beyond an int': { ...small, ram: 2 ** 31 },
    'rxtx 0': { ...small, rxtx_factor: 0 },
    'rxtx text 0': { ...small, rxtx_factor: '0.0' },
    'empty name': { ...small, name: '' },
    'long name': { ...small, name: 'a'.repeat(256) },
    'id with a blank at its end': { ...small, id: '1 ' },
    'id with a slash': { ...small, id: 'a/b' },
    'an unknown field': { ...small, colour: 'red' },
    'a description before 2.55': { ...small, description: 'x' },
    'a public that is none': { ...small, 'os-flavor-access:is_public': 'perhaps' },
  };
  for (const [what, flavor] of Object.entries(wrong))
    it(`refuse ${what} with 400`, async () => assert.equal((await create(flavor)).status, 400));

  it('are made, described and deleted by administrators alone', async () => {
    await create(small);
    assert.equal((await ask('member', 'POST', 'flavors', { body: { flavor: small } })).status, 403);
    assert.equal((await ask('member', 'DELETE', 'flavors/1')).status, 403);
    assert.equal(
      (
        await ask('member', 'PUT', 'flavors/1', {
          version: 55,
          body: { flavor: { description: 'x' } },
        })
      ).status,
      403,
    );
    const described = await ask('admin', 'PUT', 'flavors/1', {
      version: 55,
      body: { flavor: { description: 'x' } },
    });
    assert.deepEqual([described.status, described.body.flavor.description], [200, 'x']);
    assert.equal(
      (await ask('admin', 'PUT', 'flavors/1', { version: 55, body: { flavor: { ram: 1 } } }))
        .status,
      400,
    );
    assert.equal(
      (
        await ask('admin', 'PUT', 'flavors/1', {
          version: 54,
          body: { flavor: { description: 'x' } },
        })
      ).status,
      404,
    );
    assert.equal(
      (
        await ask('admin', 'PUT', 'flavors/9', {
          version: 55,
          body: { flavor: { description: 'x' } },
        })
      ).status,
      404,
    );
    const deleted = await ask('admin', 'DELETE', 'flavors/1');
    assert.deepEqual([deleted.status, deleted.body], [202, undefined]);
    assert.equal((await ask('admin', 'DELETE', 'flavors/1')).status, 404);
    assert.equal((await ask('reader', 'GET', 'flavors/1')).status, 404);
  });

  it('are filtered, sorted and paged', async () => {
    for (const [index, name] of ['c', 'a', 'b'].entries())
      await create({
        name,
        id: `${index + 1}`,
        ram: 100 * (index + 1),
        vcpus: 1,
        disk: 10 * (index + 1),
      });
    assert.deepEqual(await names('flavors'), ['c', 'a', 'b']);
    assert.deepEqual(await names('flavors?minRam=200'), ['a', 'b']);
    assert.deepEqual(await names('flavors/detail?minDisk=30'), ['b']);
    assert.deepEqual(await names('flavors?sort_key=name&sort_dir=desc'), ['c', 'b', 'a']);
    const page = await ask('member', 'GET', 'flavors?limit=1&marker=1&minRam=1');
    assert.deepEqual(
      page.body.flavors.map((flavor: { id: string }) => flavor.id),
      ['2'],
    );
    assert.deepEqual(page.body.flavors_links, [
      { rel: 'next', href: 'http://cloud/compute/v2.1/flavors?limit=1&marker=2&minRam=1' },
    ]);
    for (const bad of [
      'marker=none',
      'limit=-1',
      'limit=a',
      'minRam=x',
      'minDisk=x',
      'sort_key=colour',
      'sort_dir=up',
      'is_public=perhaps',
    ])
      assert.equal((await ask('admin', 'GET', `flavors?${bad}`)).status, 400, bad);
    assert.equal((await ask('member', 'GET', 'flavors?colour=red')).status, 200);
    assert.equal((await ask('member', 'GET', 'flavors?colour=red', { version: 75 })).status, 400);
    assert.equal((await ask(null, 'GET', 'flavors')).status, 401);
  });

  it('that are private are found by those with access alone', async () => {
    nova.answerCalls(() => ({ status: 200, body: {} }));
    await create(small);
    await create({ ...small, id: '2', name: 'private', 'os-flavor-access:is_public': 'False' });
    assert.deepEqual(await names('flavors'), ['small']);
    assert.deepEqual(await names('flavors?is_public=None'), ['small']);
    assert.deepEqual(await names('flavors', 'admin'), ['small']);
    assert.deepEqual(await names('flavors?is_public=None', 'admin'), ['small', 'private']);
    assert.deepEqual(await names('flavors?is_public=false', 'admin'), ['private']);
    assert.equal((await ask('member', 'GET', 'flavors/2')).status, 404);
    assert.equal((await ask('admin', 'GET', 'flavors/2')).status, 200);
    assert.equal(
      (
        await ask('admin', 'POST', 'flavors/2/action', {
          body: { addTenantAccess: { tenant: projectOf('member') } },
        })
      ).status,
      200,
    );
    assert.deepEqual(await names('flavors'), ['small', 'private']);
    assert.equal((await ask('member', 'GET', 'flavors/2')).status, 200);
    assert.equal((await ask('other', 'GET', 'flavors/2')).status, 404);
  });
});

describe('flavor access', () => {
  const act = async (action: string, tenant: string, who: 'admin' | 'member' = 'admin', id = '2') =>
    await ask(who, 'POST', `flavors/${id}/action`, { body: { [action]: { tenant } } });
  before(async () => {
    nova = await startNova();
    nova.answerCalls((call) =>
      call.path.endsWith('nowhere')
        ? { status: 404 }
        : { status: 200, body: { project: { id: 'p1', name: 'shop' } } },
    );
    await create(small);
    await create({ ...small, id: '2', name: 'private', 'os-flavor-access:is_public': false });
  });

  it('is given once, listed, and taken once', async () => {
    const grant = await act('addTenantAccess', 'p');
    assert.deepEqual(
      [grant.status, grant.body],
      [200, { flavor_access: [{ flavor_id: '2', tenant_id: 'p' }] }],
    );
    assert.equal((await act('addTenantAccess', 'p')).status, 409);
    assert.deepEqual((await ask('admin', 'GET', 'flavors/2/os-flavor-access')).body, grant.body);
    assert.deepEqual((await act('removeTenantAccess', 'p')).body, { flavor_access: [] });
    assert.equal((await act('removeTenantAccess', 'p')).status, 404);
  });

  it('has no meaning for a public flavor', async () => {
    assert.equal((await ask('admin', 'GET', 'flavors/1/os-flavor-access')).status, 404);
    assert.equal((await act('addTenantAccess', 'p', 'admin', '1')).status, 409);
  });

  it('is refused to others, for unknown flavors, unknown projects and unknown actions', async () => {
    assert.equal((await act('addTenantAccess', 'p', 'member')).status, 403);
    assert.equal((await act('removeTenantAccess', 'p', 'member')).status, 403);
    assert.equal((await ask('member', 'GET', 'flavors/2/os-flavor-access')).status, 403);
    assert.equal((await act('addTenantAccess', 'p', 'admin', '9')).status, 404);
    assert.equal((await act('addTenantAccess', 'nowhere')).status, 400);
    assert.equal((await act('paint', 'p')).status, 400);
  });

  it('believes the caller while Keystone is silent', async () => {
    nova.answerCalls(() => 'silent');
    assert.equal((await act('addTenantAccess', 'unchecked')).status, 200);
  });
});

describe('flavor extra specs', () => {
  const path = 'flavors/1/os-extra_specs';
  before(async () => {
    nova = await startNova();
    await create(small);
  });

  it('are set, read, changed and unset', async () => {
    const set = await ask('admin', 'POST', path, {
      body: { extra_specs: { 'hw:numa_nodes': 1, 'hw:cpu_policy': 'shared' } },
    });
    assert.deepEqual(
      [set.status, set.body],
      [200, { extra_specs: { 'hw:numa_nodes': '1', 'hw:cpu_policy': 'shared' } }],
    );
    assert.deepEqual((await ask('reader', 'GET', path)).body, set.body);
    assert.deepEqual((await ask('reader', 'GET', `${path}/hw:numa_nodes`)).body, {
      'hw:numa_nodes': '1',
    });
    const changed = await ask('admin', 'PUT', `${path}/hw:numa_nodes`, {
      body: { 'hw:numa_nodes': '2' },
    });
    assert.deepEqual([changed.status, changed.body], [200, { 'hw:numa_nodes': '2' }]);
    const unset = await ask('admin', 'DELETE', `${path}/hw:numa_nodes`);
    assert.deepEqual([unset.status, unset.body], [200, undefined]);
    assert.deepEqual((await ask('member', 'GET', path)).body, {
      extra_specs: { 'hw:cpu_policy': 'shared' },
    });
    assert.deepEqual(
      (await ask('member', 'GET', 'flavors/1', { version: 61 })).body.flavor.extra_specs,
      { 'hw:cpu_policy': 'shared' },
    );
  });

  it('refuse what does not fit', async () => {
    assert.equal((await ask('admin', 'PUT', `${path}/a`, { body: { b: '1' } })).status, 400);
    assert.equal(
      (await ask('admin', 'PUT', `${path}/a`, { body: { a: '1', b: '1' } })).status,
      400,
    );
    assert.equal(
      (await ask('admin', 'POST', path, { body: { extra_specs: { 'a/b': '1' } } })).status,
      400,
    );
    assert.equal(
      (await ask('admin', 'POST', path, { body: { extra_specs: { a: 'x'.repeat(256) } } })).status,
      400,
    );
    assert.equal((await ask('admin', 'POST', path, { body: { extra_specs: {} } })).status, 400);
    for (const method of ['GET', 'DELETE'] as const)
      assert.equal((await ask('admin', method, `${path}/none`)).status, 404);
    assert.equal((await ask('admin', 'GET', 'flavors/9/os-extra_specs')).status, 404);
    assert.equal(
      (
        await ask('admin', 'POST', 'flavors/9/os-extra_specs', {
          body: { extra_specs: { a: '1' } },
        })
      ).status,
      404,
    );
  });

  it('are changed by administrators alone', async () => {
    assert.equal(
      (await ask('member', 'POST', path, { body: { extra_specs: { a: '1' } } })).status,
      403,
    );
    assert.equal((await ask('member', 'PUT', `${path}/a`, { body: { a: '1' } })).status, 403);
    assert.equal((await ask('member', 'DELETE', `${path}/a`)).status, 403);
  });

  it('are checked against the known ones from 2.86 on', async () => {
    const set = async (specs: Json, version: number) =>
      (await ask('admin', 'POST', path, { version, body: { extra_specs: specs } })).status;
    assert.equal(await set({ 'hw:cpu_policy': 'sometimes' }, 85), 200);
    assert.equal(await set({ 'hw:cpu_policy': 'sometimes' }, 86), 400);
    assert.equal(await set({ 'hw:colour': 'red' }, 86), 400);
    assert.equal(
      await set(
        { 'trait:HW_CPU_X86_AVX2': 'required', 'resources:VGPU': '1', 'my:own': 'x', plain: 'x' },
        86,
      ),
      200,
    );
    assert.equal(
      (await ask('admin', 'PUT', `${path}/trait:X`, { version: 86, body: { 'trait:X': 'maybe' } }))
        .status,
      400,
    );
  });
});

after(async () => await nova.close());
