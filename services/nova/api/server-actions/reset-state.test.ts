// A server whose state an operator reset by hand although it has no host: what needs a host is
// refused, as by stock Nova, and begins nothing; the server can still be deleted.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { findServer } from '../../store/servers.ts';
import { ask, useTwoHosts, world } from '../hosts.testing.ts';

useTwoHosts();

const actions: readonly Json[] = [
  { 'os-stop': null },
  { reboot: { type: 'HARD' } },
  { pause: null },
  { suspend: null },
  { rescue: null },
  { migrate: null },
];

it('a server without a host that is said to be active refuses what needs a host', async () => {
  const { id } = await world.nova.addServer({
    host: null,
    image_id: '8c19174f-4220-44f0-824a-cd1eeef10287',
    vm_state: 'error',
    task_state: null,
  });
  const act = async (body: Json) => await ask('admin', 'POST', `servers/${id}/action`, { body });
  assert.equal((await act({ 'os-resetState': { state: 'active' } })).status, 202);
  for (const action of actions) {
    const { status, body } = await act(action);
    assert.equal(status, 409, JSON.stringify([action, body]));
    assert.match(JSON.stringify(body), new RegExp(`Instance ${id} is (not ready|on no host)`));
  }
  const server = await findServer(world.nova.deps.database.db, id, null);
  assert.deepEqual([server?.vm_state, server?.task_state], ['active', null]);
  assert.equal((await ask('admin', 'DELETE', `servers/${id}`)).status, 204);
});
