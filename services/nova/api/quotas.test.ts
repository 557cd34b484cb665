// Quota sets, the default class, limits, usage reports and the extension list, through the real
// dispatcher.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { NovaFixture, Person } from './nova-api.testing.ts';
import { startMs, startNova } from './nova-api.testing.ts';

let nova: NovaFixture;
const ask: NovaFixture['ask'] = (...args) => nova.ask(...args);
const at = (version?: number) => (version === undefined ? {} : { version });
const get = async (who: Person | null, path: string, version?: number) =>
  await ask(who, 'GET', path, at(version));
const own = 'os-quota-sets/project-a';
const set = async (quotaSet: Json, path = own, version?: number, who: Person = 'admin') =>
  await ask(who, 'PUT', path, { body: { quota_set: quotaSet }, ...at(version) });
const hourMs = 3_600_000;

const common = { instances: 10, cores: 20, ram: 51_200, metadata_items: 128, key_pairs: 100 };
const groups = { server_groups: 10, server_group_members: 10 };
const files = {
  injected_files: 5,
  injected_file_content_bytes: 10_240,
  injected_file_path_bytes: 255,
};
const networks = { floating_ips: -1, fixed_ips: -1, security_groups: -1, security_group_rules: -1 };

beforeEach(async () => {
  nova = await startNova();
});
afterEach(async () => await nova.close());

describe('os-quota-sets', () => {
  it('show the limits by the names of their microversion', async () => {
    assert.deepEqual((await get('reader', own)).body, {
      quota_set: { id: 'project-a', ...common, ...groups, ...files, ...networks },
    });
    assert.deepEqual((await get('reader', own, 36)).body, {
      quota_set: { id: 'project-a', ...common, ...groups, ...files },
    });
    assert.deepEqual((await get('reader', own, 57)).body, {
      quota_set: { id: 'project-a', ...common, ...groups },
    });
    assert.deepEqual((await get('member', `${own}/defaults`, 57)).body, {
      quota_set: { id: 'project-a', ...common, ...groups },
    });
  });

  it('are shown to the project itself and to administrators', async () => {
    nova.answerCalls((call) =>
      call.path.endsWith('nowhere')
        ? { status: 404 }
        : { status: 200, body: { project: { id: 'p1', name: 'shop' } } },
    );
    for (const path of [own, `${own}/detail`]) {
      assert.equal((await get('other', path)).status, 403);
      assert.equal((await get(null, path)).status, 401);
      assert.equal((await get('admin', path.replace('project-a', 'project-b'))).status, 200);
    }
    assert.equal((await get('admin', 'os-quota-sets/nowhere')).status, 400);
  });

  it('are set and cleared by administrators alone', async () => {
    const changed = await set({ instances: 5, cores: '-1' });
    assert.deepEqual(
      [changed.status, changed.body],
      [
        200,
        { quota_set: { ...common, ...groups, ...files, ...networks, instances: 5, cores: -1 } },
      ],
    );
    assert.equal((await get('reader', own)).body.quota_set.instances, 5);
    assert.equal((await get('reader', `${own}/defaults`)).body.quota_set.instances, 10);
    assert.equal((await set({ ram: 0 }, own, undefined, 'member')).status, 403);
    assert.equal((await ask('member', 'DELETE', own)).status, 403);
    const cleared = await ask('admin', 'DELETE', own);
    assert.deepEqual([cleared.status, cleared.body], [202, undefined]);
    assert.equal((await get('reader', own)).body.quota_set.instances, 10);
  });

  it('refuse unknown names and wrong numbers', async () => {
    for (const body of [
      { colour: 1 },
      { instances: -2 },
      { instances: 'many' },
      { instances: 1.5 },
      { instances: 2 ** 31 },
      { instances: null },
    ])
      assert.equal((await set(body)).status, 400, JSON.stringify(body));
    assert.equal((await set({ floating_ips: 1 })).status, 200);
    assert.equal((await set({ floating_ips: 1 }, own, 36)).status, 400);
    assert.equal((await set({ injected_files: 1 }, own, 56)).status, 200);
    assert.equal((await set({ injected_files: 1 }, own, 57)).status, 400);
    assert.equal((await ask('admin', 'PUT', own, { body: {} })).status, 400);
  });

  it('go below what is used by force alone', async () => {
    await nova.addServer();
    assert.equal((await set({ cores: 2 })).status, 200);
    const low = await set({ cores: 1, instances: 7 });
    assert.equal(low.status, 400);
    assert.match(
      low.body.badRequest.message,
      /cores must be greater than or equal to already used and reserved 2/,
    );
    assert.equal((await get('reader', own)).body.quota_set.instances, 10);
    assert.equal((await set({ cores: 1, force: 'True' })).body.quota_set.cores, 1);
  });

  it('tell in detail what is in use', async () => {
    await nova.addServer();
    await nova.addServer({ user_id: 'reader' });
    const { quota_set: detail } = (await get('reader', `${own}/detail`)).body;
    assert.deepEqual(
      [detail.id, detail.cores, detail.ram, detail.instances],
      [
        'project-a',
        { limit: 20, in_use: 4, reserved: 0 },
        { limit: 51_200, in_use: 2048, reserved: 0 },
        { limit: 10, in_use: 2, reserved: 0 },
      ],
    );
    assert.deepEqual(detail.floating_ips, { limit: -1, in_use: 0, reserved: 0 });
    assert.equal(
      (await get('reader', `${own}/detail?user_id=reader`)).body.quota_set.cores.in_use,
      2,
    );
  });

  it('bound a user within the project', async () => {
    const user = `${own}?user_id=member`;
    assert.equal((await set({ cores: 21 }, user)).status, 400);
    assert.equal((await set({ cores: -1 }, user)).status, 400);
    assert.equal((await set({ cores: 5 }, user)).body.quota_set.cores, 5);
    assert.equal((await get('reader', user)).body.quota_set.cores, 5);
    assert.equal((await get('reader', own)).body.quota_set.cores, 20);
    assert.equal((await ask('admin', 'DELETE', user)).status, 202);
    assert.equal((await get('reader', user)).body.quota_set.cores, 20);
  });
});

describe('os-quota-class-sets', () => {
  const path = 'os-quota-class-sets/default';
  const change = async (sent: Json, version?: number, to = path) =>
    await ask('admin', 'PUT', to, { body: { quota_class_set: sent }, ...at(version) });

  it("another class is made by its first limit, and changes nobody's", async () => {
    const gold = 'os-quota-class-sets/gold';
    assert.equal((await get('admin', gold)).body.quota_class_set.cores, common.cores);
    assert.equal((await change({ cores: 7 }, undefined, gold)).body.quota_class_set.cores, 7);
    assert.deepEqual(
      [
        (await get('admin', gold)).body.quota_class_set.id,
        (await get('admin', gold)).body.quota_class_set.cores,
        (await get('admin', path)).body.quota_class_set.cores,
      ],
      ['gold', 7, common.cores],
    );
    assert.equal(
      (await change({ cores: 7 }, undefined, `os-quota-class-sets/${'x'.repeat(51)}`)).status,
      400,
    );
  });
  it('are what every project has by default', async () => {
    assert.deepEqual((await get('admin', path)).body, {
      quota_class_set: { id: 'default', ...common, ...files, ...networks },
    });
    assert.deepEqual((await get('admin', path, 50)).body, {
      quota_class_set: { id: 'default', ...common, ...groups, ...files },
    });
    assert.deepEqual((await change({ instances: 3 }, 57)).body, {
      quota_class_set: { ...common, ...groups, instances: 3 },
    });
    assert.equal((await get('reader', own)).body.quota_set.instances, 3);
    await set({ instances: 4 });
    await change({ instances: 2 });
    assert.equal((await get('reader', own)).body.quota_set.instances, 4);
  });

  it('refuse what is no limit, other classes and other people', async () => {
    for (const body of [{}, { colour: 1 }, { cores: 'x' }])
      assert.equal((await change(body)).status, 400);
    assert.equal((await change({ floating_ips: 1 }, 50)).status, 400);
    assert.equal((await get('member', path)).status, 403);
    assert.equal(
      (await ask('member', 'PUT', path, { body: { quota_class_set: { cores: 1 } } })).status,
      403,
    );
  });
});

describe('limits', () => {
  const absolute = async (who: Person, version?: number, query = '') =>
    (await get(who, `limits${query}`, version)).body.limits.absolute;

  it('tell limits and what is taken, by the names of their microversion', async () => {
    await nova.addServer();
    const commonLimits = {
      maxServerMeta: 128,
      maxTotalCores: 20,
      maxTotalInstances: 10,
      maxTotalRAMSize: 51_200,
      maxTotalKeypairs: 100,
      maxServerGroups: 10,
      maxServerGroupMembers: 10,
      totalCoresUsed: 2,
      totalInstancesUsed: 1,
      totalRAMUsed: 1024,
      totalServerGroupsUsed: 0,
    };
    const personality = { maxPersonality: 5, maxPersonalitySize: 10_240 };
    const network = {
      maxTotalFloatingIps: -1,
      maxSecurityGroups: -1,
      maxSecurityGroupRules: -1,
      totalFloatingIpsUsed: 0,
      totalSecurityGroupsUsed: 0,
    };
    assert.deepEqual(await absolute('reader'), {
      ...commonLimits,
      ...personality,
      ...network,
      maxImageMeta: 128,
    });
    assert.deepEqual(await absolute('reader', 36), {
      ...commonLimits,
      ...personality,
      maxImageMeta: 128,
    });
    assert.deepEqual(await absolute('reader', 39), { ...commonLimits, ...personality });
    assert.deepEqual(await absolute('reader', 57), commonLimits);
    assert.deepEqual((await get('reader', 'limits')).body.limits.rate, []);
  });

  it('of another project are for administrators', async () => {
    await nova.addServer();
    assert.equal((await absolute('other')).totalInstancesUsed, 0);
    assert.equal((await get('other', 'limits?tenant_id=project-a')).status, 403);
    assert.equal(
      (await absolute('admin', undefined, '?tenant_id=project-b')).totalInstancesUsed,
      0,
    );
    assert.equal((await get('member', 'limits?colour=red')).status, 200);
    assert.equal((await get('member', 'limits?colour=red', 75)).status, 400);
    assert.equal((await get(null, 'limits')).status, 401);
  });
});

describe('os-simple-tenant-usage', () => {
  const path = 'os-simple-tenant-usage';
  const iso = (ms: number) => new Date(ms).toISOString().slice(0, 23);
  const period = `start=${iso(startMs - 4 * hourMs)}&end=${iso(startMs)}`;

  beforeEach(async () => {
    await nova.addServer({ id: 's1', launched_at_ms: startMs - 10 * hourMs });
    await nova.addServer({
      id: 's2',
      launched_at_ms: startMs - 2 * hourMs,
      terminated_at_ms: startMs - hourMs,
      deleted_at_ms: startMs - hourMs,
      vm_state: 'deleted',
      created_at_ms: startMs + 1,
    });
    await nova.addServer({
      id: 's3',
      launched_at_ms: startMs - 9 * hourMs,
      terminated_at_ms: startMs - 8 * hourMs,
    });
    await nova.addServer({ id: 's4', launched_at_ms: null });
    await nova.addServer({
      id: 's5',
      launched_at_ms: startMs - hourMs,
      project_id: 'project-b',
      created_at_ms: startMs + 2,
    });
  });

  it('reports the hours of a project within a period', async () => {
    const { status, body } = await get('reader', `${path}/project-a?${period}`);
    assert.equal(status, 200);
    const { server_usages: servers, ...total } = body.tenant_usage;
    assert.deepEqual(total, {
      tenant_id: 'project-a',
      start: '2026-11-22T08:00:00.000000',
      stop: '2026-11-22T12:00:00.000000',
      total_hours: 5,
      total_vcpus_usage: 10,
      total_memory_mb_usage: 5120,
      total_local_gb_usage: 50,
    });
    const shape = {
      name: 'web',
      tenant_id: 'project-a',
      flavor: 'm1.tiny',
      vcpus: 2,
      memory_mb: 1024,
      local_gb: 10,
    };
    assert.deepEqual(servers, [
      {
        instance_id: 's1',
        ...shape,
        state: 'active',
        started_at: '2026-11-22T02:00:00.000000',
        ended_at: null,
        hours: 4,
        uptime: 36_000,
      },
      {
        instance_id: 's2',
        ...shape,
        state: 'terminated',
        started_at: '2026-11-22T10:00:00.000000',
        ended_at: '2026-11-22T11:00:00.000000',
        hours: 1,
        uptime: 3600,
      },
    ]);
  });

  it('reports all projects to administrators, in detail on request', async () => {
    const { tenant_usages: usages } = (await get('admin', `${path}?${period}`)).body;
    assert.deepEqual(
      usages.map((usage: { tenant_id: string; total_hours: number }) => [
        usage.tenant_id,
        usage.total_hours,
      ]),
      [
        ['project-a', 5],
        ['project-b', 1],
      ],
    );
    assert.equal('server_usages' in usages[0], false);
    assert.equal(
      (await get('admin', `${path}?${period}&detailed=1`)).body.tenant_usages[0].server_usages
        .length,
      2,
    );
    // By default the report covers the four weeks up to now.
    assert.equal((await get('admin', path)).body.tenant_usages[0].total_hours, 12);
  });

  it('pages by servers from 2.40 on', async () => {
    const { body } = await get('admin', `${path}/project-a?${period}&limit=1`, 40);
    assert.deepEqual(
      body.tenant_usage.server_usages.map((usage: { instance_id: string }) => usage.instance_id),
      ['s1'],
    );
    const { href } = body.tenant_usage_links[0];
    const next = await get('admin', href.slice(href.indexOf(path)), 40);
    assert.deepEqual(
      next.body.tenant_usage.server_usages.map(
        (usage: { instance_id: string }) => usage.instance_id,
      ),
      ['s2'],
    );
    assert.match(
      (await get('admin', `${path}?${period}&limit=1`, 40)).body.tenant_usages_links[0].href,
      /marker=s1/,
    );
    assert.equal((await get('admin', `${path}?marker=none`, 40)).status, 400);
  });

  it('refuses bad dates and foreign eyes', async () => {
    for (const query of [
      'start=yesterday',
      'end=2026-13-45',
      `start=${iso(startMs)}&end=${iso(startMs - 1)}`,
    ])
      assert.equal((await get('member', `${path}/project-a?${query}`)).status, 400, query);
    assert.equal((await get('other', `${path}/project-a`)).status, 403);
    assert.equal((await get('member', path)).status, 403);
    assert.equal((await get(null, path)).status, 401);
    assert.equal((await get('admin', `${path}/`)).status, 404);
    assert.deepEqual((await get('admin', `${path}/nobody`)).body, { tenant_usage: {} });
  });
});

describe('extensions', () => {
  it('are a fixed list, each to be shown by its alias', async () => {
    const { extensions } = (await get('reader', 'extensions')).body;
    assert.ok(extensions.length > 30);
    for (const extension of extensions) {
      assert.deepEqual(Object.keys(extension).sort(), [
        'alias',
        'description',
        'links',
        'name',
        'namespace',
        'updated',
      ]);
      assert.deepEqual((await get('reader', `extensions/${extension.alias}`)).body, { extension });
    }
    for (const alias of ['none', 'toString'])
      assert.equal((await get('reader', `extensions/${alias}`)).status, 404);
    assert.equal((await get(null, 'extensions')).status, 401);
  });
});
