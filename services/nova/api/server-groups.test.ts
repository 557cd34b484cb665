// Server groups: their API in each microversion, their quotas, and who is a member.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { seedFlavors } from '../store/seed.ts';
import { changeServer } from '../store/servers.ts';
import type { NovaFixture, Person } from './nova-api.testing.ts';
import { startNova } from './nova-api.testing.ts';

let nova: NovaFixture;
const path = 'os-server-groups';
const create = async (group: JsonObject, version = 64, who: Person = 'member') =>
  await nova.ask(who, 'POST', path, { body: { server_group: group }, version });
const get = async (query = '', version = 64, who: Person = 'member') =>
  await nova.ask(who, 'GET', `${path}${query}`, { version });
const createGroup = async (name = 'g', who: Person = 'member'): Promise<string> =>
  (await create({ name, policy: 'anti-affinity' }, 64, who)).body.server_group.id;
const names = ({ body }: { body: { server_groups: { name: string }[] } }): string[] =>
  body.server_groups.map(({ name }) => name);
const answerOf = ({ status, body }: { status: number; body: JsonObject }) => [
  status,
  (Object.values(body)[0] as { message: string }).message,
];

beforeEach(async () => {
  nova = await startNova();
});
afterEach(async () => await nova.close());

describe('os-server-groups', () => {
  it('show the policy in the words of each microversion', async () => {
    const first = await create({ name: 'g', policies: ['affinity'] }, 1);
    const { id } = first.body.server_group;
    const old = { id, name: 'g', policies: ['affinity'], metadata: {}, members: [] };
    assert.deepEqual([first.status, first.body], [200, { server_group: old }]);
    const owned = { ...old, project_id: 'project-a', user_id: 'member' };
    assert.deepEqual((await get(`/${id}`, 13)).body, { server_group: owned });
    const { policies: _policies, metadata: _metadata, ...rest } = owned;
    const whole = { ...rest, policy: 'affinity', rules: {} };
    assert.deepEqual((await get(`/${id}`)).body, { server_group: whole });
    assert.deepEqual((await get()).body, { server_groups: [whole] });
    const ruled = await create({
      name: 'r',
      policy: 'anti-affinity',
      rules: { max_server_per_host: '3' },
    });
    assert.deepEqual(ruled.body.server_group.rules, { max_server_per_host: 3 });
  });

  it('know soft policies from 2.15 on, and rules of anti-affinity alone', async () => {
    for (const policy of ['soft-affinity', 'soft-anti-affinity']) {
      assert.equal((await create({ name: 'g', policies: [policy] }, 14)).status, 400);
      assert.equal((await create({ name: 'g', policies: [policy] }, 15)).status, 200);
      assert.equal((await create({ name: 'g', policy })).status, 200);
    }
    assert.deepEqual(
      answerOf(await create({ name: 'g', policy: 'affinity', rules: { max_server_per_host: 2 } })),
      [400, 'Only anti-affinity policy supports rules.'],
    );
    const wrong: { group: JsonObject; version: number }[] = [
      { group: { name: 'g', policies: [] }, version: 63 },
      { group: { name: 'g', policies: ['affinity', 'anti-affinity'] }, version: 63 },
      { group: { name: 'g', policies: ['legacy'] }, version: 63 },
      { group: { name: 'g', policy: 'affinity' }, version: 63 },
      { group: { name: 'g', policies: ['affinity'] }, version: 64 },
      { group: { name: ' ', policy: 'affinity' }, version: 64 },
      { group: { policy: 'affinity' }, version: 64 },
      ...[0, -1, 'x', 1.5].map((most: Json) => ({
        group: { name: 'g', policy: 'anti-affinity', rules: { max_server_per_host: most } },
        version: 64,
      })),
    ];
    for (const { group, version } of wrong)
      assert.equal((await create(group, version)).status, 400, JSON.stringify(group));
  });

  it('are listed in their order, by offset and limit', async () => {
    for (const name of ['a', 'b', 'c']) await createGroup(name);
    assert.deepEqual(names(await get('?limit=2')), ['a', 'b']);
    assert.deepEqual(names(await get('?limit=1&offset=1')), ['b']);
    assert.deepEqual(names(await get('?limit=0&offset=2')), ['c']);
    assert.deepEqual(names(await get('?offset=9')), []);
    for (const query of ['?limit=-1', '?offset=x', '?limit=1.5'])
      assert.equal((await get(query)).status, 400, query);
    assert.equal((await get('?sort_key=name', 74)).status, 200);
    assert.equal((await get('?sort_key=name', 75)).status, 400);
  });

  it('belong to a project; administrators see all', async () => {
    const mine = await createGroup('mine');
    const others = await createGroup('others', 'other');
    assert.deepEqual(names(await get('?all_projects=True')), ['mine']);
    assert.deepEqual(names(await get('', 64, 'admin')), ['mine']);
    assert.deepEqual(names(await get('?all_projects=True', 64, 'admin')), ['mine', 'others']);
    const missing = [404, `Instance group ${others} could not be found.`];
    assert.deepEqual(answerOf(await get(`/${others}`)), missing);
    assert.deepEqual(answerOf(await nova.ask('member', 'DELETE', `${path}/${others}`)), missing);
    assert.equal((await get(`/${others}`, 64, 'admin')).status, 200);
    assert.equal((await get(`/${mine}`, 64, 'reader')).status, 200);
    assert.equal((await nova.ask('reader', 'DELETE', `${path}/${mine}`)).status, 403);
    assert.equal((await create({ name: 'g', policy: 'affinity' }, 64, 'reader')).status, 403);
    assert.equal((await nova.ask('member', 'DELETE', `${path}/${mine}`)).status, 204);
    assert.equal((await nova.ask('member', 'DELETE', `${path}/${mine}`)).status, 404);
  });

  it('have the servers as members that were created in them, until they are deleted', async () => {
    const id = await createGroup();
    const [one, two] = [
      await nova.addServer({ server_group_id: id }),
      await nova.addServer({ server_group_id: id }),
    ];
    const members = async () => (await get(`/${id}`)).body.server_group.members;
    assert.deepEqual(await members(), [one.id, two.id]);
    const server = async (at: string, version: number) =>
      (await nova.ask('member', 'GET', `servers/${at}`, { version })).body;
    assert.deepEqual((await server(one.id, 71)).server.server_groups, [id]);
    assert.equal('server_groups' in (await server(one.id, 70)).server, false);
    assert.equal('server_groups' in (await server('detail', 71)).servers[0], false);
    await changeServer(nova.deps.database.db, one.id, { deleted_at_ms: 1 }, 1);
    assert.deepEqual(await members(), [two.id]);
    assert.equal((await nova.ask('member', 'DELETE', `${path}/${id}`)).status, 204);
    assert.deepEqual((await server(two.id, 71)).server.server_groups, []);
  });
});

describe('quotas of server groups', () => {
  const quotas = async (limits: JsonObject, at = 'project-a') =>
    await nova.ask('admin', 'PUT', `os-quota-sets/${at}`, { body: { quota_set: limits } });

  it('bound the groups of a project, counted as they are', async () => {
    assert.equal((await quotas({ server_groups: 1 })).status, 200);
    const id = await createGroup();
    const full = [403, 'Quota exceeded, too many server groups.'];
    assert.deepEqual(answerOf(await create({ name: 'h', policy: 'affinity' })), full);
    const { limits } = (await nova.ask('member', 'GET', 'limits')).body;
    assert.deepEqual(
      [limits.absolute.maxServerGroups, limits.absolute.totalServerGroupsUsed],
      [1, 1],
    );
    const detail = await nova.ask('member', 'GET', 'os-quota-sets/project-a/detail');
    assert.deepEqual(detail.body.quota_set.server_groups, { limit: 1, in_use: 1, reserved: 0 });
    assert.equal((await quotas({ server_groups: 0 })).status, 400, 'less than is in use');
    assert.equal((await nova.ask('member', 'DELETE', `${path}/${id}`)).status, 204);
    await createGroup();
    assert.equal((await quotas({ server_groups: -1 })).status, 200);
    await createGroup();
  });

  it('bound the groups of a user, and come from the default class', async () => {
    await quotas({ server_groups: 1 }, 'project-a?user_id=member');
    await createGroup();
    assert.equal((await create({ name: 'h', policy: 'affinity' })).status, 403);
    assert.equal((await create({ name: 'h', policy: 'affinity' }, 64, 'admin')).status, 200);
    const change = { server_groups: 2, server_group_members: 3 };
    const set = await nova.ask('admin', 'PUT', 'os-quota-class-sets/default', {
      version: 57,
      body: { quota_class_set: change },
    });
    assert.equal(set.status, 200);
    assert.equal((await create({ name: 'h', policy: 'affinity' }, 64, 'admin')).status, 403);
  });

  it('two creates at once do not pass them', async () => {
    await quotas({ server_groups: 3 });
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => await create({ name: 'g', policy: 'affinity' })),
    );
    assert.deepEqual(
      answers.map(({ status }) => status).sort(),
      [200, 200, 200, 403, 403, 403, 403, 403],
    );
  });
});

describe('a server created with the hint of a group', () => {
  const image = { id: '70a599e0-31e7-49b7-b260-868f441e862b', name: 'i', status: 'active' };
  const server = async (hints: JsonObject, count = 1) =>
    await nova.ask('member', 'POST', 'servers', {
      version: 90,
      body: {
        server: {
          name: 'vm',
          flavorRef: '42',
          imageRef: image.id,
          networks: 'none',
          min_count: count,
        },
        'os:scheduler_hints': hints,
      },
    });
  beforeEach(async () => {
    await seedFlavors(nova.deps);
    nova.answerCalls(() => ({
      status: 200,
      body: { ...image, disk_format: 'raw', size: 1, min_disk: 0, min_ram: 0 },
    }));
  });

  it('is its member at once; the group must be one of its project', async () => {
    const [id, others] = [await createGroup(), await createGroup('others', 'other')];
    const answer = await server({ group: id });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    assert.deepEqual((await get(`/${id}`)).body.server_group.members, [answer.body.server.id]);
    assert.deepEqual(answerOf(await server({ group: others })), [
      400,
      `Instance group ${others} could not be found.`,
    ]);
    assert.equal((await server({ group: 'g' })).status, 400, 'no id');
  });

  it('counts against the quota of members', async () => {
    await nova.ask('admin', 'PUT', 'os-quota-sets/project-a', {
      body: { quota_set: { server_group_members: 2 } },
    });
    const id = await createGroup();
    assert.equal((await server({ group: id })).status, 202);
    const full = [403, 'Quota exceeded, too many servers in group'];
    assert.deepEqual(answerOf(await server({ group: id }, 2)), full);
    assert.equal((await server({ group: id })).status, 202);
    assert.deepEqual(answerOf(await server({ group: id })), full);
    assert.equal((await get(`/${id}`)).body.server_group.members.length, 2);
  });
});
