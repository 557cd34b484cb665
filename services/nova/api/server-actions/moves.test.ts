// Moves of servers at the API: what is refused, with upstream's messages, and what is begun. The
// moves themselves: test/sim/sagas.test.ts and test/moves/moves.test.ts.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { findServer } from '../../store/servers.ts';
import type { ServerRow } from '../../store/tables.ts';
import { ask, get, post, put, useTwoHosts, world } from '../hosts.testing.ts';

useTwoHosts();

const imageId = '8c19174f-4220-44f0-824a-cd1eeef10287';
let server: ServerRow;
beforeEach(async () => {
  server = await world.nova.addServer({ host: 'h1', image_id: imageId });
  for (const [id, change] of Object.entries({
    small: { disk: 5 },
    zero: { disk: 0 },
    large: { vcpus: 4, ram: 2048 },
    huge: { vcpus: 40 },
    off: {},
  }))
    await post('flavors', {
      flavor: { name: id, id, ram: 1024, vcpus: 2, disk: 10, ...change },
    });
  const { db } = world.nova.deps.database;
  await db.updateTable('flavors').set({ disabled: 1 }).where('flavor_id', '=', 'off').execute();
});

const act = async (action: Json, version?: number, who: 'admin' | 'member' = 'admin') =>
  await ask(who, 'POST', `servers/${server.id}/action`, {
    body: action,
    ...(version !== undefined && { version }),
  });
const refused = async (action: Json, status: number, words: RegExp, version?: number) => {
  const answer = await act(action, version);
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.match((Object.values(answer.body)[0] as { message: string }).message, words);
};
const change = async (row: Partial<ServerRow>) =>
  await world.nova.deps.database.db.updateTable('servers').set(row).execute();
const now = async () => await findServer(world.nova.deps.database.db, server.id, null);

describe('a resize', () => {
  it('is refused with the reason', async () => {
    const to = (flavorRef: string) => ({ resize: { flavorRef } });
    await refused(to('1'), 400, /^Flavor 1 could not be found\.$/);
    await post('flavors', { flavor: { name: 'same', id: '1', ram: 1024, vcpus: 2, disk: 10 } });
    await refused(to('1'), 400, /^When resizing, instances must change flavor!$/);
    await refused(to('off'), 400, /^Flavor off could not be found\.$/);
    await refused(to('zero'), 400, /Resize to zero disk flavor is not allowed\.$/);
    await refused(to('small'), 400, /Unable to resize disk down\.$/);
    await refused(to('huge'), 403, /^Quota exceeded for cores: Requested 38, /);
    await change({ vm_state: 'paused' });
    await refused(to('large'), 409, /^Cannot 'resize' instance .* while it is in vm_state paused$/);
    await change({ vm_state: 'active', locked: 1 });
    assert.equal((await act(to('large'), 1, 'member')).status, 409);
    assert.equal((await get('os-migrations')).body.migrations.length, 0);
    assert.equal((await now())?.task_state, null);
  });
  it('of a server that boots from a volume may go to a flavor without a disk', async () => {
    await change({ image_id: null });
    assert.equal((await act({ resize: { flavorRef: 'zero' } })).status, 202);
  });
  it('begins with a migration, and counts with the larger flavor', async () => {
    assert.equal((await act({ resize: { flavorRef: 'large' } }, 1, 'member')).status, 202);
    assert.equal((await now())?.task_state, 'resize_prep');
    const shown = (await get(`servers/${server.id}`)).body.server;
    assert.equal(shown.status, 'RESIZE');
    const [migration] = (await get('os-migrations', 23)).body.migrations;
    assert.deepEqual(
      [migration.status, migration.migration_type, migration.source_compute],
      ['pre-migrating', 'resize', 'h1'],
    );
    const limits = (await ask('member', 'GET', 'limits')).body.limits.absolute;
    assert.deepEqual([limits.totalCoresUsed, limits.totalRAMUsed], [4, 2048]);
    await refused({ resize: { flavorRef: 'small' } }, 400, /disk down/);
    await refused({ migrate: null }, 409, /while it is in task_state resize_prep$/);
  });
  it('is neither confirmed nor reverted where there is none', async () => {
    for (const key of ['confirmResize', 'revertResize'])
      await refused(
        { [key]: null },
        409,
        new RegExp(`^Cannot '${key}' instance .* while it is in vm_state active$`),
      );
    await change({ vm_state: 'resized' });
    await refused({ confirmResize: null }, 400, /^Instance has not been resized\.$/);
  });
});

describe('a cold migration', () => {
  it('is for administrators, and to another host that there is', async () => {
    assert.equal((await act({ migrate: null }, 1, 'member')).status, 403);
    await refused({ migrate: { host: 'h2' } }, 400, /from microversion 2\.56 on/, 55);
    await refused({ migrate: { host: 'h9' } }, 400, /^Compute host h9 could not be found\.$/, 56);
    await refused(
      { migrate: { host: 'h1' } },
      400,
      /^Cannot migrate to the host where the server exists\.$/,
      56,
    );
    assert.equal((await act({ migrate: { host: 'h2' } }, 56)).status, 202);
  });
});

describe('an evacuation', () => {
  const down = async () =>
    await put(
      'os-services/force-down',
      { host: 'h1', binary: 'nova-compute', forced_down: true },
      11,
    );
  it('is refused while the host is up', async () => {
    await refused({ evacuate: {} }, 400, /^Compute service of h1 is still in use\.$/, 14);
    assert.equal((await now())?.task_state, null);
    await down();
    await refused({ evacuate: { host: 'h9' } }, 404, /^Compute host h9 not found\.$/, 29);
    await refused(
      { evacuate: { host: 'h1' } },
      400,
      /^The target host can't be the same one\.$/,
      29,
    );
    await change({ vm_state: 'paused' });
    await refused({ evacuate: {} }, 409, /^Cannot 'evacuate' instance/, 14);
    assert.equal((await act({ evacuate: {} }, 14, 'member')).status, 403);
  });
  it('knows each parameter in its microversions alone', async () => {
    await down();
    await refused({ evacuate: {} }, 400, /onSharedStorage/, 13);
    await refused({ evacuate: { onSharedStorage: false } }, 400, /onSharedStorage/, 14);
    await refused({ evacuate: { force: true, host: 'h2' } }, 400, /force/, 28);
    await refused({ evacuate: { force: true, host: 'h2' } }, 400, /force/, 68);
    await refused({ evacuate: { force: true } }, 400, /non-provided destination/, 29);
    const answer = await act({ evacuate: { onSharedStorage: false, adminPass: 'secret' } }, 13);
    assert.deepEqual([answer.status, answer.body], [200, { adminPass: 'secret' }]);
    assert.equal((await now())?.task_state, 'rebuilding');
    const [migration] = (await get('os-migrations', 23)).body.migrations;
    assert.deepEqual([migration.status, migration.migration_type], ['accepted', 'evacuation']);
  });
});
