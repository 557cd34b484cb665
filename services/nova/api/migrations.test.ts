// GET /os-migrations and /servers/{id}/migrations, with rows as the conductor writes them.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { transaction } from '#platform/db/transaction.ts';
import type { NewMigration } from '../store/server-migrations.ts';
import { advanceMigration, insertMigration } from '../store/server-migrations.ts';
import type { MigrationRow, ServerRow } from '../store/tables.ts';
import { ask, get, useTwoHosts, world } from './hosts.testing.ts';

useTwoHosts();

let server: ServerRow;
let resize: MigrationRow;
let live: MigrationRow;

const add = async (row: Partial<NewMigration> & Pick<NewMigration, 'uuid' | 'type'>) => {
  const { database, clock } = world.nova.deps;
  const migration: NewMigration = {
    server_id: server.id,
    project_id: 'project-a',
    user_id: 'member',
    request_id: 'req-1',
    status: 'accepted',
    source_host: 'h1',
    source_node: 'n1',
    dest_host: 'h2',
    dest_node: 'n2',
    dest_ip: '10.0.0.2',
    old_flavor: server.flavor,
    new_flavor: server.flavor,
    old_vm_state: 'active',
    ...row,
  };
  return await transaction(
    database.db,
    async (trx) => await insertMigration(trx, migration, clock.now()),
  );
};
const list = async (query: string, version = 80) =>
  (await get(`os-migrations${query}`, version)).body.migrations.map(({ id }: { id: number }) => id);

beforeEach(async () => {
  server = await world.nova.addServer();
  const bigger = JSON.stringify({ ...JSON.parse(server.flavor), id: '2' });
  resize = await add({
    uuid: '00000000-0000-4000-8000-000000000001',
    type: 'resize',
    status: 'finished',
    new_flavor: bigger,
  });
  world.nova.clock.nowMs += 60_000;
  live = await add({
    uuid: '00000000-0000-4000-8000-000000000002',
    type: 'live-migration',
    project_id: 'project-b',
    user_id: 'admin',
    source_host: 'h2',
    dest_host: null,
    dest_node: null,
    dest_ip: null,
  });
});

describe('os-migrations', () => {
  const oldest = {
    id: 1,
    status: 'finished',
    source_compute: 'h1',
    source_node: 'h1',
    dest_compute: 'h2',
    dest_node: 'h2',
    dest_host: '10.0.0.2',
    created_at: '2026-11-22T12:00:00.000000',
    updated_at: null,
    old_instance_type_id: 1,
    new_instance_type_id: 2,
  };
  it('shows each field from its microversion on, the oldest first until 2.58', async () => {
    const at = async (version: number) => (await get('os-migrations', version)).body.migrations;
    const expected = { ...oldest, instance_uuid: server.id };
    assert.deepEqual((await at(1))[0], expected);
    assert.deepEqual((await at(23))[0], { ...expected, migration_type: 'resize' });
    const withUuid = { ...expected, migration_type: 'resize', uuid: resize.uuid };
    assert.deepEqual((await at(59))[1], withUuid);
    assert.deepEqual((await at(80))[1], {
      ...withUuid,
      user_id: 'member',
      project_id: 'project-a',
    });
  });
  it('links to a live migration while it is under way', async () => {
    const links = async () => (await get('os-migrations', 59)).body.migrations[0].links;
    assert.equal(await links(), undefined);
    const { database, clock } = world.nova.deps;
    assert.equal(await advanceMigration(database.db, live, 'preparing', clock.now()), true);
    assert.deepEqual(
      (await links()).map(({ href }: { href: string }) => href.replace(/^.*(?=\/servers)/, '')),
      [`/servers/${server.id}/migrations/2`, `/servers/${server.id}/migrations/2`],
    );
  });
  it('filters', async () => {
    assert.deepEqual(await list(''), [2, 1]);
    for (const [query, ids] of Object.entries({
      'host=h2': [2, 1],
      'host=h1': [1],
      'source_compute=h2': [2],
      'status=finished': [1],
      'status=finished&status=accepted': [2, 1],
      'migration_type=resize': [1],
      'migration_type=evacuation': [],
      [`instance_uuid=${server.id}`]: [2, 1],
      'instance_uuid=other': [],
      'user_id=admin': [2],
      'project_id=project-a': [1],
      'hidden=1': [],
      'hidden=0': [2, 1],
      'changes-since=2026-11-22T12:00:30Z': [2],
      'changes-before=2026-11-22T12:00:00Z': [1],
      'changes-since=2026-11-22T12:01:00Z&changes-before=2026-11-22T12:01:00Z': [2],
    }))
      assert.deepEqual(await list(`?${query}`), ids, query);
  });
  it('refuses what its microversion does not know, from 2.59 on', async () => {
    for (const [query, version, status] of [
      ['colour=red', 58, 200],
      ['colour=red', 59, 400],
      ['changes-since=x', 58, 200],
      ['changes-since=x', 59, 400],
      ['changes-before=2026-11-22T12:00:00Z', 65, 400],
      ['user_id=x', 79, 400],
      ['limit=-1', 59, 400],
      ['marker=nobody', 59, 400],
      ['changes-since=2026-11-23T12:00:00Z&changes-before=2026-11-22T12:00:00Z', 66, 400],
    ] as const)
      assert.equal((await get(`os-migrations?${query}`, version)).status, status, query);
  });
  it('comes in pages', async () => {
    const page = (await get('os-migrations?limit=1', 59)).body;
    assert.equal(page.migrations.length, 1);
    assert.match(page.migrations_links[0].href, new RegExp(`marker=${live.uuid}`));
    assert.deepEqual(await list(`?limit=1&marker=${live.uuid}`), [1]);
    assert.deepEqual(await list(`?marker=${resize.uuid}`), []);
    assert.deepEqual(await list('?limit=0'), []);
  });
  it('is for administrators', async () => {
    assert.equal((await ask('member', 'GET', 'os-migrations')).status, 403);
    assert.equal(
      (await ask('member', 'GET', `servers/${server.id}/migrations`, { version: 23 })).status,
      403,
    );
  });
});

describe('servers/{id}/migrations', () => {
  const one = async (id: number | string) => await get(`servers/${server.id}/migrations/${id}`, 80);
  it('shows live migrations while they are under way', async () => {
    const path = `servers/${server.id}/migrations`;
    assert.deepEqual((await get(path, 80)).body, { migrations: [] });
    const { database, clock } = world.nova.deps;
    await advanceMigration(database.db, live, 'preparing', clock.now());
    await advanceMigration(database.db, live, 'running', clock.now() + 1000, {
      memory_total: 2048,
      memory_processed: 1024,
      memory_remaining: 1024,
    });
    const { migrations } = (await get(path, 80)).body;
    assert.deepEqual(migrations, [
      {
        id: 2,
        uuid: live.uuid,
        server_uuid: server.id,
        status: 'running',
        source_compute: 'h2',
        source_node: 'h2',
        dest_compute: null,
        dest_node: null,
        dest_host: null,
        memory_total_bytes: 2048,
        memory_processed_bytes: 1024,
        memory_remaining_bytes: 1024,
        disk_total_bytes: null,
        disk_processed_bytes: null,
        disk_remaining_bytes: null,
        created_at: '2026-11-22T12:01:00.000000',
        updated_at: '2026-11-22T12:01:01.000000',
        user_id: 'admin',
        project_id: 'project-b',
      },
    ]);
    assert.deepEqual((await one(2)).body, { migration: migrations[0] });
    assert.equal((await get(path, 22)).status, 404);
  });
  it('says why one is not shown', async () => {
    for (const [id, text] of Object.entries({
      2: /^Live migration 2 for server .* is not in progress\.$/,
      1: /^Migration 1 for server .* is not live-migration\.$/,
      9: /^In-progress live migration 9 is not found for server /,
      x: /^In-progress live migration x is not found for server /,
    })) {
      const answer = await one(id);
      assert.equal(answer.status, 404);
      assert.match(answer.body.itemNotFound.message, text);
    }
  });
});

it('a status changes once: of two that follow the same one, the first wins', async () => {
  const { database, clock } = world.nova.deps;
  const advance = async (status: 'confirming' | 'reverting' | 'confirmed') =>
    await advanceMigration(database.db, resize, status, clock.now());
  assert.equal(await advance('confirmed'), false);
  assert.equal(await advance('confirming'), true);
  assert.equal(await advance('reverting'), false);
  assert.equal(await advance('confirming'), false);
});
