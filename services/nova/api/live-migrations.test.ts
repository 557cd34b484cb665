// os-migrateLive, and aborting or forcing a live migration in progress: what these calls accept and
// refuse, with upstream's messages.
import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import type { JsonObject } from '#contracts/common/json.ts';
import { transaction } from '#platform/db/transaction.ts';
import { advanceMigration, insertMigration } from '../store/server-migrations.ts';
import { changeServer } from '../store/servers.ts';
import type { MigrationRow, ServerRow } from '../store/tables.ts';
import { ask, useTwoHosts, world } from './hosts.testing.ts';

useTwoHosts();

let server: ServerRow;
let running: MigrationRow;

beforeEach(async () => {
  server = await world.nova.addServer();
  const { database, clock } = world.nova.deps;
  running = await transaction(
    database.db,
    async (trx) =>
      await insertMigration(
        trx,
        {
          uuid: '00000000-0000-4000-8000-000000000001',
          server_id: server.id,
          project_id: 'project-a',
          user_id: 'admin',
          request_id: 'req-1',
          type: 'live-migration',
          status: 'accepted',
          source_host: 'h1',
          source_node: 'n1',
          dest_host: 'h2',
          dest_node: 'n2',
          dest_ip: null,
          old_flavor: server.flavor,
          new_flavor: server.flavor,
          old_vm_state: 'active',
        },
        clock.now(),
      ),
  );
});

const messageOf = async (answer: Promise<{ status: number; body: any }>): Promise<string> => {
  const { status, body } = await answer;
  const [fault] = Object.values(body ?? {}) as { message?: string }[];
  return `${status} ${fault?.message ?? ''}`.trim();
};
const move = async (value: JsonObject, version: number) =>
  await messageOf(
    ask('admin', 'POST', `servers/${server.id}/action`, {
      version,
      body: { 'os-migrateLive': value },
    }),
  );
const becomes = async (status: 'preparing' | 'running') => {
  const { database, clock } = world.nova.deps;
  await advanceMigration(database.db, running, status, clock.now());
};
const migrating = async () => {
  const { database, clock } = world.nova.deps;
  await changeServer(database.db, server.id, { task_state: 'migrating' }, clock.now());
};
const path = () => `servers/${server.id}/migrations/${running.id}`;
const abort = async (version = 80) => await messageOf(ask('admin', 'DELETE', path(), { version }));
const force = async (version = 80) =>
  await messageOf(
    ask('admin', 'POST', `${path()}/action`, { version, body: { force_complete: null } }),
  );

it('takes the fields of its microversion', async () => {
  for (const [value, version] of [
    [{ host: null, block_migration: true }, 24],
    [{ host: null, block_migration: 'auto', disk_over_commit: false }, 24],
    [{ host: null, block_migration: 'auto', disk_over_commit: false }, 25],
    [{ host: null, block_migration: 'auto', force: true }, 29],
    [{ host: 'h2', block_migration: 'auto', force: true }, 68],
    [{ block_migration: 'auto' }, 30],
  ] as const)
    assert.match(await move(value, version), /^400 /, `${JSON.stringify(value)} at 2.${version}`);
});

it('refuses what cannot be, before anything is begun', async () => {
  assert.equal(
    await move({ host: 'nowhere', block_migration: 'auto' }, 30),
    '400 Compute host nowhere could not be found.',
  );
  assert.match(
    await move({ host: server.host, block_migration: 'auto' }, 30),
    /^400 Unable to migrate instance \(.*\) to current host/,
  );
  assert.equal(
    await move({ host: null, block_migration: 'auto', force: true }, 30),
    "400 Can't force to a non-provided destination",
  );
  const { database, clock } = world.nova.deps;
  await changeServer(database.db, server.id, { image_id: 'an image' }, clock.now());
  assert.match(
    await move({ host: null, block_migration: false, disk_over_commit: false }, 1),
    /^400 .* is not on shared storage/,
  );
  await changeServer(database.db, server.id, { vm_state: 'suspended' }, clock.now());
  assert.match(
    await move({ host: 'h2', block_migration: true, disk_over_commit: false }, 1),
    /^409 Cannot 'os-migrateLive' instance .* while it is in vm_state suspended/,
  );
  assert.equal((await ask('member', 'DELETE', path(), { version: 80 })).status, 403);
});

it('aborts and completes a migration in the states in which that can be', async () => {
  assert.match(await abort(23), /^404/);
  assert.match(await force(21), /^404/);
  assert.match(await abort(), /^409 Cannot 'abort live migration' instance .* task_state None/);
  await migrating();
  assert.match(await abort(), /^400 Migration 1 state of instance .* is accepted\./);
  await becomes('preparing');
  assert.match(await abort(64), /^400 Migration 1 state of instance .* is preparing\./);
  assert.match(await force(), /^400 Migration 1 state of instance .* is preparing\./);
  assert.equal(await abort(65), '202');
  assert.match(await abort(65), /^400 Migration 1 state of instance .* is cancelled\./);
  const unknown = await messageOf(
    ask('admin', 'DELETE', `servers/${server.id}/migrations/99`, { version: 80 }),
  );
  assert.equal(unknown, `404 Migration 99 not found for instance ${server.id}`);
});
