// A cloud whose scheduler asks Cortex: servers are spread, never overbooked, moved, and explained.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { runMigrations } from '#cli/run-migrations.ts';
import { adminSession } from '#compose/admin-session.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { RebalancePlan } from '#contracts/cortex/rebalance.ts';
import { systemClock } from '#platform/clock.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

const settleMs = 30_000;

describe('a cloud with Cortex', () => {
  let cloud: SimCloud;
  let dir: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cobalt-cortex-'));
    cloud = await startSimCloud({
      dir,
      hosts: 3,
      host: { vcpus: 64, memoryMib: 4_096, diskGib: 1_000 },
      agent: { ramAllocationRatio: 1, cpuAllocationRatio: 1 },
      inMemory: true,
      cortex: true,
    });
    // Until Cortex has read the hosts, Nova places without it and no decision is recorded; the
    // first recorded decision must have seen all hosts.
    await eventually(
      async () => {
        const id = await cloud.createServer('first', { flavor: '1' });
        await cloud.quiet(settleMs);
        const { status, body } = await decisionsOn(id);
        await cloud.compute('DELETE', `/servers/${id}`);
        return status === 200 && body.decisions[0].targets.length === cloud.hosts.size;
      },
      { withinMs: settleMs, everyMs: 500, what: 'Cortex decides' },
    );
  });
  beforeEach(async () => {
    for (const { id } of await cloud.list()) await cloud.compute('DELETE', `/servers/${id}`);
    assert.deepEqual(await cloud.quiet(settleMs), []);
  });
  after(async () => {
    await cloud.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function asAdmin(
    method: HttpMethod,
    path: string,
    sent?: Json,
  ): Promise<{ status: number; body: any }> {
    const { http, process, dispatcher } = cloud.plane;
    const token = await adminSession(http, systemClock, process.secrets).token();
    if (isFault(token)) throw new Error(token.message);
    const [file = '', query = ''] = path.split('?');
    const { status, body } = await dispatcher.handle({
      method,
      path: `/scheduler${file}`,
      query,
      origin: 'http://sim',
      body: sent === undefined ? null : { json: sent },
      headers: { 'x-auth-token': token },
    });
    return { status, body };
  }
  const decisionsOn = async (server: string, host?: string) =>
    await asAdmin('GET', `/decisions/${server}${host === undefined ? '' : `?host=${host}`}`);
  const create = async (count: number, flavor: string): Promise<string[]> =>
    await Promise.all(
      Array.from(
        { length: count },
        async (_, index) => await cloud.createServer(`s${index}`, { flavor }),
      ),
    );

  it('explains why a server is where it is, and why not elsewhere', async () => {
    const [id = ''] = await create(1, '1');
    const [server] = await cloud.quiet(settleMs);
    const chosen = server?.['OS-EXT-SRV-ATTR:host'] ?? '';
    const other = [...cloud.hosts.keys()].find((name) => name !== chosen);
    const { body } = await decisionsOn(id, other);
    const [{ targets, intent, why_not: whyNot }] = body.decisions;
    assert.equal(intent, 'create');
    assert.equal(targets[0].host, chosen);
    assert.ok(targets[0].weight_by_step.kvm_binpack < 0);
    assert.match(whyNot, /is number [23] of 3/);
  });

  it('spreads servers that are created at once over the hosts', async () => {
    await create(9, '1');
    const servers = await cloud.quiet(settleMs);
    for (const name of cloud.hosts.keys())
      assert.equal(
        servers.filter((server) => server['OS-EXT-SRV-ATTR:host'] === name).length,
        3,
        name,
      );
  });

  it('gives each place away once', async () => {
    await create(6, '2'); // 2 GiB: one on each host
    const servers = await cloud.quiet(settleMs);
    const active = servers.filter(({ status }) => status === 'ACTIVE');
    assert.deepEqual(
      active.map((server) => server['OS-EXT-SRV-ATTR:host']).sort(),
      [...cloud.hosts.keys()].sort(),
    );
    for (const { status, fault } of servers.filter((one) => !active.includes(one))) {
      assert.equal(status, 'ERROR');
      assert.match(fault?.message ?? '', /No valid host was found/);
    }
  });

  for (const [policy, count, expected] of [
    ['soft-anti-affinity', 6, [2, 2, 2]],
    ['anti-affinity', 3, [1, 1, 1]],
    ['affinity', 4, [4]],
  ] as const)
    it(`keeps ${policy} among servers that are created at once`, async () => {
      const creation = await cloud.compute('POST', '/os-server-groups', {
        server_group: { name: policy, policy },
      });
      const { id } = (creation.body as { server_group: { id: string } }).server_group;
      await Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const { status } = await cloud.compute('POST', '/servers', {
            server: {
              name: `g${index}`,
              flavorRef: '1',
              imageRef: cloud.imageId,
              networks: 'none',
            },
            'os:scheduler_hints': { group: id },
          });
          assert.equal(status, 202);
        }),
      );
      const counts = new Map<string, number>();
      for (const server of await cloud.quiet(settleMs)) {
        const name = server['OS-EXT-SRV-ATTR:host'] ?? 'none';
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      assert.deepEqual([...counts.values()], expected);
      await cloud.compute('DELETE', `/os-server-groups/${id}`);
    });

  it("says in the server's fault what no host has", async () => {
    await cloud.compute('POST', '/flavors', {
      flavor: { id: 'sparc', name: 'sparc', ram: 512, vcpus: 1, disk: 1 },
    });
    await cloud.compute('POST', '/flavors/sparc/os-extra_specs', {
      extra_specs: { 'capabilities:cpu_arch': 's== sparc' },
    });
    const [id = ''] = await create(1, 'sparc');
    const [server] = await cloud.quiet(settleMs);
    assert.equal(server?.status, 'ERROR');
    assert.equal(
      server.fault?.message,
      'No valid host was found. No host has the capability that the flavor requires: cpu_arch s== sparc.',
    );
    const { body } = await decisionsOn(id);
    assert.equal(body.decisions[0].no_host.cause, 'capability');
  });

  it('plans migrations for a fleet out of balance, which end in an empty plan', async () => {
    const full = 'sim0001';
    await Promise.all(
      Array.from({ length: 6 }, async (_, at) => {
        await cloud.createServer(`r${at}`, { flavor: '1', host: full });
      }),
    );
    await cloud.quiet(settleMs);
    const planned = async (rest = 0): Promise<RebalancePlan> => {
      const { status, body } = await asAdmin('POST', '/rebalance', {
        tolerance: 0.1,
        rest_minutes: rest,
      });
      assert.equal(status, 200);
      return body as RebalancePlan;
    };
    const plan = await planned();
    assert.equal(plan.migrations.length, 4);
    assert.ok(plan.migrations.every(({ from, gain_mib: gain }) => from === full && gain > 0));
    assert.equal(plan.findings.length, 3, 'one host is too full, two are too empty');
    const ends = new Map<string, string | undefined>();
    const [first, ...rest] = plan.migrations;
    assert.ok(first);
    const elsewhere = { ...first, to: 'nowhere' };
    const result = await runMigrations(
      {
        cloud: {
          send: async (_service, method, path, body) =>
            await cloud.compute(method, path.slice('/v2.1'.length), body),
        },
        clock: systemClock,
        onEnd: ({ server }, failure) => void ends.set(server, failure),
      },
      [elsewhere, ...rest],
      2,
    );
    assert.deepEqual(result.failed, [first.server], 'a host that is not there is refused');
    assert.equal(result.moved.length, 3);
    assert.match(ends.get(first.server) ?? '', /nowhere/);
    const again = await planned();
    assert.equal(again.migrations.length, 1);
    assert.equal((await planned(60)).migrations.length, 1, 'one that never moved may move');
    const [last] = again.migrations;
    assert.ok(last);
    const move = { host: last.to, block_migration: 'auto' };
    assert.equal(await cloud.act(last.server, { 'os-migrateLive': move }), 202);
    await cloud.quiet(settleMs);
    assert.deepEqual((await planned()).migrations, []);
    assert.deepEqual((await planned()).findings, []);
  });

  it('chooses where a running server moves', async () => {
    const [id = ''] = await create(1, '1');
    const [before] = await cloud.quiet(settleMs);
    assert.equal(
      await cloud.act(id, { 'os-migrateLive': { host: null, block_migration: 'auto' } }),
      202,
    );
    const [moved] = await cloud.quiet(settleMs);
    assert.equal(moved?.status, 'ACTIVE');
    assert.notEqual(moved['OS-EXT-SRV-ATTR:host'], before?.['OS-EXT-SRV-ATTR:host']);
    const { body } = await decisionsOn(id);
    assert.equal(body.decisions[0].intent, 'live_migrate');
    assert.equal(body.decisions[0].targets[0].host, moved['OS-EXT-SRV-ATTR:host']);
  });
});
