// Scheduler hints that a tenant sends are stored with the server and reach the scheduler's filters.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ConductorFixture } from '../conductor/conductor.testing.ts';
import { startConductor } from '../conductor/conductor.testing.ts';
import { schedulerHintsOf } from '../domain/server-row.ts';
import { findServer } from '../store/servers.ts';
import type { Filter, PlacementRequest } from './select-hosts.ts';
import { selectHosts } from './select-hosts.ts';

let fixture: ConductorFixture;
before(async () => {
  fixture = await startConductor({ hosts: ['h1'], agent: { buildGuest: async () => null } });
  fixture.nova.answerCalls((call) =>
    call.service === 'placement' ? fixture.placement(call) : { status: 200, body: fixture.image },
  );
});
after(async () => await fixture.close());

for (const name of ['os:scheduler_hints', 'OS-SCH-HNT:scheduler_hints'])
  it(`${name} are kept as sent`, async () => {
    const hints = { same_host: ['8c19174f-4220-44f0-824a-cd1eeef10287'], cidr: '/24' };
    const answer = await fixture.nova.ask('member', 'POST', 'servers', {
      version: 90,
      body: {
        server: { name: 'vm', flavorRef: '42', imageRef: fixture.image.id, networks: 'none' },
        [name]: hints,
      },
    });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const server = await findServer(fixture.nova.deps.database.db, answer.body.server.id, null);
    assert.deepEqual(server && schedulerHintsOf(server), hints);
  });

it('hints that make no sense are refused', async () => {
  const wrong: JsonObject[] = [
    { group: 'g' },
    { different_host: 'h1' },
    { same_host: ['h1'] },
    { build_near_host_ip: 'h1' },
    { build_near_host_ip: '10.0.0.1', cidr: '24' },
    { build_near_host_ip: '10.0.0.1', cidr: '/99' },
    { query: '["nor", 1, 2]' },
    { query: ['=', '$host', 'h1'] },
  ];
  for (const hints of wrong) {
    const answer = await fixture.nova.ask('member', 'POST', 'servers', {
      version: 90,
      body: {
        server: { name: 'vm', flavorRef: '42', imageRef: fixture.image.id, networks: 'none' },
        'os:scheduler_hints': hints,
      },
    });
    assert.equal(answer.status, 400, JSON.stringify(hints));
  }
});

it('servers are put near or away from others that the tenant names, not from strangers', async () => {
  await fixture.removeAll();
  const other = await fixture.nova.addServer({ host: 'h1' });
  const strange = await fixture.nova.addServer({ host: 'h1', project_id: 'project-b' });
  const status = async (hints: JsonObject): Promise<string> => {
    const answer = await fixture.nova.ask('member', 'POST', 'servers', {
      version: 90,
      body: {
        server: { name: 'vm', flavorRef: '42', imageRef: fixture.image.id, networks: 'none' },
        'os:scheduler_hints': hints,
      },
    });
    return (await fixture.untilIdle(answer.body.server.id)).status;
  };
  assert.equal(await status({ same_host: other.id }), 'ACTIVE');
  assert.equal(await status({ different_host: [other.id] }), 'ERROR');
  assert.equal(await status({ different_host: strange.id }), 'ACTIVE');
  assert.equal(await status({ same_host: strange.id }), 'ERROR');
  assert.equal(await status({ query: '["<=", "$num_instances", 100]' }), 'ACTIVE');
  assert.equal(await status({ query: '[">", "$vcpus_total", 100]' }), 'ERROR');
  assert.equal(await status({ build_near_host_ip: '10.0.0.99' }), 'ACTIVE');
  assert.equal(await status({ build_near_host_ip: '10.9.0.1', cidr: '/16' }), 'ERROR');
});

it('a server of an earlier release has none', () =>
  assert.deepEqual(schedulerHintsOf({ scheduler_hints: null }), {}));

it('a filter may go by them', () => {
  const hintValues: unknown[] = [];
  const byHint: Filter = {
    name: 'by hint',
    passes: (_host, { hints }) => {
      hintValues.push(hints);
      return true;
    },
  };
  const request: PlacementRequest = {
    zone: null,
    host: null,
    excludedHosts: [],
    hints: { group: 'g' },
    hintFacts: { hostOfServer: new Map(), hosts: new Map() },
    group: null,
  };
  const host = {
    host: 'h1',
    nodeUuid: 'n1',
    zone: 'nova',
    enabled: true,
    up: true,
    busy: 0,
    candidate: { nodeUuid: 'n1', allocations: {}, capacity: {} },
  };
  selectHosts([host], request, () => 0, [byHint]);
  assert.deepEqual(hintValues, [{ group: 'g' }]);
});
