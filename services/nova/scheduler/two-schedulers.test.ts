// The policies of server groups hold although two schedulers, each with its own database
// connection, decide for many members concurrently.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { cortexTopic } from '#contracts/cortex/cortex-rpc.ts';
import type { Wanted } from '#contracts/nova/scheduler-rpc.ts';
import type { ServerGroupPolicy } from '#contracts/nova/server-groups.ts';
import type { CannedAnswer } from '#openstack/http/canned-http-client.testing.ts';
import type { HttpCall } from '#openstack/http/client.ts';
import { systemClock } from '#platform/clock.ts';
import type { DatabaseConfig } from '#platform/db/database.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import type { NovaFixture } from '../api/nova-api.testing.ts';
import { startNova } from '../api/nova-api.testing.ts';
import {
  countByHost,
  insertServerGroup,
  locatedMembers,
  reserveHost,
} from '../store/server-groups.ts';
import { changeServer } from '../store/servers.ts';
import type { Schedule } from './schedule-server.ts';
import { createScheduling } from './schedule-server.ts';
import { groupView } from './server-groups.ts';

const hosts = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];
let dir: string;
let novas: NovaFixture[];
let schedulers: Schedule[];
/** Allocations as Placement has them: consumer -> node. */
let claims: Map<string, string>;
/** Hosts on which Placement refuses every claim. */
let full: Set<string>;

const nova = (): NovaFixture => novas[0] ?? assert.fail('no API');
const db = () => nova().deps.database.db;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cobalt-schedulers-'));
  const database: DatabaseConfig = await testDatabase({
    dialect: 'sqlite',
    path: join(dir, 'nova.db'),
  });
  novas = [];
  for (let at = 0; at < 2; at += 1) novas.push(await startNova({ database, clock: systemClock }));
  for (const host of hosts) await nova().addHost(host);
  claims = new Map();
  full = new Set();
  const nodes = await db().selectFrom('compute_nodes').select(['uuid', 'host']).execute();
  for (const each of novas) each.answerCalls((call) => placement(call, nodes));
  schedulers = novas.map(({ deps }) => createScheduling(deps));
});
afterEach(async () => {
  for (const each of novas) await each.close();
  await rm(dir, { recursive: true });
});

function placement(
  { method, path, body }: HttpCall,
  nodes: readonly { uuid: string; host: string }[],
): CannedAnswer {
  if (path.startsWith('/allocation_candidates'))
    return {
      status: 200,
      body: {
        allocation_requests: nodes.map(({ uuid }) => ({
          allocations: { [uuid]: { resources: { VCPU: 1 } } },
        })),
        provider_summaries: {},
      },
    };
  const consumer = path.split('/').at(-1) ?? '';
  if (method !== 'PUT') return { status: 200, body: { consumer_generation: 1 } };
  const [node = ''] = Object.keys((body as { allocations: object }).allocations);
  if (full.has(nodes.find(({ uuid }) => uuid === node)?.host ?? ''))
    return { status: 409, body: {} };
  claims.set(consumer, node);
  return { status: 204, body: {} };
}

async function group(policy: ServerGroupPolicy, maxPerHost: number | null = null): Promise<string> {
  const id = nova().deps.ids.uuid();
  const row = {
    id,
    project_id: 'project-a',
    user_id: 'member',
    name: 'g',
    policy,
    max_server_per_host: maxPerHost,
    created_at_ms: 0,
  };
  await insertServerGroup(db(), row, { project: -1, user: -1 });
  return id;
}

const building = async (groupId: string) =>
  await nova().addServer({
    server_group_id: groupId,
    host: null,
    vm_state: 'building',
    task_state: 'scheduling',
  });

const anywhere: Wanted = { zone: null, host: null, excludedHosts: [] };
async function place(ids: readonly string[], wanted = anywhere) {
  return await Promise.all(
    ids.map(async (id, index) => {
      const decide = schedulers[index % schedulers.length];
      assert.ok(decide);
      const deadlineMs = systemClock.now() + 60_000;
      return await decide({ serverId: id, wanted }, { requestId: 'req-1', deadlineMs });
    }),
  );
}
const many = async (groupId: string, count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let at = 0; at < count; at += 1) ids.push((await building(groupId)).id);
  return ids;
};
const chosen = (decisions: Awaited<ReturnType<typeof place>>): string[] =>
  decisions.flatMap((decision) => (isFault(decision) ? [] : [decision.host])).sort();

describe('two schedulers at once', () => {
  it('put no two members of an anti-affinity group on one host', async () => {
    const decisions = await place(await many(await group('anti-affinity'), 14));
    assert.deepEqual(chosen(decisions), hosts);
    for (const decision of decisions)
      if (isFault(decision)) {
        assert.equal(decision.kind, 'conflict');
        assert.match(decision.message, /the filter "anti-affinity" left none/);
      }
    assert.equal(claims.size, hosts.length, 'the others have claimed nothing');
  });

  it('put as many on one as its rule allows', async () => {
    const decisions = await place(await many(await group('anti-affinity', 2), 14));
    assert.deepEqual(chosen(decisions), [...hosts, ...hosts].sort());
  });

  it('keep an affinity group together', async () => {
    const decisions = await place(await many(await group('affinity'), 10));
    assert.equal(chosen(decisions).length, 10);
    assert.equal(new Set(chosen(decisions)).size, 1);
  });

  it('spread and gather by soft policies, and place all', async () => {
    const apart = chosen(await place(await many(await group('soft-anti-affinity'), 12)));
    assert.deepEqual(apart, [...hosts, ...hosts].sort());
    const together = chosen(await place(await many(await group('soft-affinity'), 8)));
    assert.equal(together.length, 8);
    assert.equal(new Set(together).size, 1);
  });

  it('pass over hosts that Placement finds full', async () => {
    full = new Set(['h1', 'h2', 'h3']);
    const id = await group('anti-affinity');
    const servers = await many(id, 3);
    assert.deepEqual(chosen(await place(servers)), ['h4', 'h5', 'h6']);
    assert.deepEqual([...countByHost(await locatedMembers(db(), id, ''))].sort(), [
      ['h4', 1],
      ['h5', 1],
      ['h6', 1],
    ]);
  });
});

describe('two schedulers that ask Cortex', () => {
  const asking = (): void => {
    schedulers = novas.map(({ deps }) =>
      createScheduling({ ...deps, config: { ...deps.config, asksCortex: true } }),
    );
  };

  it('place by themselves where nobody answers', async () => {
    asking();
    const decisions = await place(await many(await group('anti-affinity'), 8));
    assert.deepEqual(chosen(decisions), hosts);
  });

  it('take what it names, the best first, and say its reason where it names none', async () => {
    asking();
    const answers = [['h5', 'h2'], ['h2'], []];
    const changed: string[] = [];
    for (const { deps } of novas)
      deps.bus.serve(cortexTopic, {
        chooseHosts: async () => ({ hosts: answers.shift() ?? [], noHost: 'All are painted red.' }),
        choiceDropped: async () => undefined,
        allocationsChanged: async ({ nodeUuid }) => {
          changed.push(`${nodeUuid as string}`);
          return undefined;
        },
      });
    full = new Set(['h5']);
    const [first, second] = [(await nova().addServer({})).id, (await nova().addServer({})).id];
    const [placed] = await place([first]);
    assert.ok(placed && !isFault(placed));
    assert.equal(placed.host, 'h2');
    assert.deepEqual(changed, [placed.nodeUuid]);
    const [refused] = await place([second]);
    assert.ok(isFault(refused));
    assert.equal(refused.message, 'No valid host was found. All are painted red.');
  });
});

describe('a member', () => {
  const only = { ...anywhere, host: 'h1' };
  const placed = async (id: string): Promise<boolean> => !isFault((await place([id], only))[0]);

  it('counts where it is to be, until that fails, moves or is deleted', async () => {
    const id = await group('anti-affinity');
    const [first, second] = await many(id, 2);
    assert.ok(first && second);
    const change = async (what: Parameters<typeof changeServer>[2]) =>
      await changeServer(db(), first, what, 0);
    assert.ok(await placed(first));
    assert.ok(await placed(first), 'it does not stand in its own way');
    assert.equal(await placed(second), false, 'while it is being built');
    await change({ host: 'h1', task_state: null, vm_state: 'active' });
    assert.equal(await placed(second), false, 'when it is there');
    await change({ host: 'h2', vm_state: 'resized' });
    assert.equal(await placed(second), false, 'while it may come back');
    await change({ vm_state: 'active' });
    assert.ok(await placed(second), 'when it has moved for good');
    await change({ host: null, task_state: 'scheduling', reserved_host: 'h1' });
    await changeServer(db(), second, { reserved_host: null }, 0);
    assert.equal(await placed(second), false, 'while it is built again');
    await change({ vm_state: 'error', task_state: null });
    assert.ok(await placed(second), 'after its build failed');
    await changeServer(db(), second, { reserved_host: null }, 0);
    await change({ host: 'h1' });
    assert.equal(await placed(second), false);
    await change({ deleted_at_ms: 1 });
    assert.ok(await placed(second), 'after it was deleted');
  });

  it('that may end on one of two hosts keeps its affinity group from growing', async () => {
    const id = await group('affinity');
    const [first = '', second = ''] = await many(id, 2);
    const resized = { host: 'h2', task_state: null, vm_state: 'resized', reserved_host: 'h1' };
    await changeServer(db(), first, resized as Parameters<typeof changeServer>[2], 0);
    const [refused] = await place([second]);
    assert.ok(isFault(refused));
    assert.match(refused.message, new RegExp(`its member ${first} moves or has a resize`));
    assert.equal(claims.size, 0);
    await changeServer(db(), first, { vm_state: 'active', reserved_host: null }, 0);
    const [placed] = await place([second]);
    assert.ok(placed && !isFault(placed));
    assert.equal(placed.host, 'h2');
  });

  it('of an affinity group is evacuated to where those before it go', async () => {
    const id = await group('affinity');
    const [first = '', second = ''] = await many(id, 2);
    for (const each of [first, second])
      await changeServer(db(), each, { host: 'h1', task_state: null, vm_state: 'active' }, 0);
    const viewOf = async (server: string, failedHost: string | null) =>
      (await groupView(db(), { id: server, server_group_id: id }, failedHost)) ?? assert.fail();
    const alone = await viewOf(first, 'h1');
    assert.equal(alone.membersOn.size, 0, 'the members on the host that failed do not hold it');
    assert.ok(await reserveHost(db(), first, alone, 'h3'));
    await changeServer(db(), first, { task_state: 'rebuilding' }, 0);
    const after = await viewOf(second, 'h1');
    assert.deepEqual([...after.membersOn], [['h3', 1]]);
    assert.equal(after.undecidedMember, undefined);
    assert.equal((await viewOf(second, null)).undecidedMember, first, 'any other move must wait');
  });

  it('is not placed for a caller that has given up', async () => {
    const id = await group('anti-affinity');
    const server = await building(id);
    const outcome = await schedulers[0]?.(
      { serverId: server.id, wanted: anywhere },
      { requestId: 'req-1', deadlineMs: systemClock.now() + 1000 },
    );
    assert.ok(isFault(outcome) && outcome.kind === 'timeout');
    assert.equal((await locatedMembers(db(), id, '')).length, 0);
  });
});
