// Which senders of heartbeats the HA Service accepts, and for which hosts.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { asJson } from '#contracts/common/json.ts';
import { agentSecretHeader } from '#contracts/ha/wire.ts';
import type { Heartbeat } from '#contracts/ha/wire.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import { roleTokens } from '#openstack/http/face.testing.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret, silentLog } from '#platform/log.ts';
import type { TestFleet } from '../engine/engine.testing.ts';
import { startTestFleet } from '../engine/engine.testing.ts';
import { listHeartbeats } from '../store/heartbeats.ts';
import { createHaApi } from './role.ts';

const beat: Heartbeat = {
  host: 'h1',
  bootId: 'b',
  uptimeS: 1,
  address: '10.0.0.2',
  guests: [],
  selfFencingMs: null,
  saw: {},
};
let fleet: TestFleet;
let report: (host: string, secret: string | undefined) => Promise<number>;

before(async () => {
  fleet = await startTestFleet([]);
  const { deps } = fleet.startEngine();
  const { http } = createHaApi({
    ...deps,
    hasBmc: () => false,
    agentSecretOf: (host) => new Secret(`secret of ${host}`),
  });
  const dispatcher = createDispatcher(http, {
    tokens: roleTokens,
    clock: fleet.clock,
    ids: systemIds,
    log: silentLog,
    identityUrl: 'http://id',
  });
  report = async (host, secret) =>
    (
      await dispatcher.handle({
        method: 'POST',
        path: `/ha/api/hosts/${host}/heartbeats`,
        query: '',
        origin: 'http://ha',
        body: { json: asJson(beat) },
        headers: { [agentSecretHeader]: secret },
      })
    ).status;
});
after(async () => await fleet.close());

it('takes no heartbeat without a secret, with a wrong one, and with that of another host', async () => {
  assert.equal(await report('h1', undefined), 401);
  assert.equal(await report('h1', 'wrong'), 401);
  assert.equal(await report('h1', 'secret of h2'), 401);
  assert.equal(await report('h2', 'secret of h2'), 401); // h2 in the name of h1
  assert.deepEqual(await listHeartbeats(fleet.database.db), []);
});

it('takes it with the secret of the host', async () => {
  assert.equal(await report('h1', 'secret of h1'), 200);
  const heartbeats = await listHeartbeats(fleet.database.db);
  assert.deepEqual(
    heartbeats.map(({ host }) => host),
    ['h1'],
  );
});
