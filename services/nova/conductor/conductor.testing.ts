// A fixture for tests that follow servers from the API through the sagas. Database, bus and saga
// runner are real; other services are doubles at the HTTP boundary, agents are doubles on the bus.
import assert from 'node:assert/strict';
import type { Json } from '#contracts/common/json.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import { computeTopic } from '#contracts/nova/compute-agent-rpc.ts';
import type { Answer, Loose } from '#openstack/http/api.testing.ts';
import type { CannedAnswer } from '#openstack/http/canned-http-client.testing.ts';
import type { HttpCall } from '#openstack/http/client.ts';
import { rpcServer } from '#platform/bus/contract.ts';
import type { HandlersOf } from '#platform/bus/contract.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { SagaRunner } from '#platform/saga/runner.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { NovaFixture } from '../api/nova-api.testing.ts';
import { startNova } from '../api/nova-api.testing.ts';
import type { NovaConfig } from '../deps.ts';
import { seedFlavors } from '../store/seed.ts';

export interface ConductorFixture {
  nova: NovaFixture;
  /** Glance's answer for the image that servers are built from. */
  image: { id: string } & Record<string, Json>;
  /** Answers for Placement: every host always has room. */
  placement(call: HttpCall): CannedAnswer;
  post(server: Record<string, Json>, version?: number): Promise<Answer>;
  /** The server as an administrator sees it; undefined once it is deleted. */
  show(id: string): Promise<Loose>;
  /** Waits until no operation on the server is in progress, then shows it. */
  untilIdle(id: string): Promise<Loose>;
  buildServer(server?: Record<string, Json>): Promise<Loose>;
  deleteServer(id: string): Promise<void>;
  removeAll(): Promise<void>;
  startSagas(): Promise<void>;
  stopSagas(): Promise<void>;
  wakeSagas(): void;
  /** Runs the periodic task `name` once. */
  runTask(name: string): Promise<void>;
  close(): Promise<void>;
}

export const settleMs = 10_000;
export const message = (answer: Answer): string =>
  (Object.values(answer.body)[0] as { message: string }).message;

/**
 * Starts the fixture. `agent`: the agent's handlers that the tests reach, the same on each host.
 * `server`: fields that are part of every create request.
 */
export async function startConductor({
  hosts,
  agent,
  server: common = {},
  config = {},
}: {
  hosts: readonly string[];
  agent: Partial<Record<keyof ComputeAgentRpc, unknown>>;
  server?: Record<string, Json>;
  config?: Partial<NovaConfig>;
}): Promise<ConductorFixture> {
  let sagas: SagaRunner;
  const nova = await startNova({ config, clock: systemClock, wakeSagas: () => sagas.wake() });
  const { deps, roles, tasks } = nova;
  const { db } = deps.database;
  const { bus, clock, ids } = deps;
  const startSagas = async (): Promise<void> => {
    sagas = new SagaRunner({
      db,
      definitions: roles.conductor.sagas,
      owner: 'test',
      clock,
      ids,
      log: silentLog,
      events: deps.sagas.events,
    });
    await sagas.start();
  };
  const none = async () => null;
  for (const host of hosts) {
    await nova.addHost(host);
    const handlers = {
      stopGuest: none,
      startGuest: none,
      abandonBuild: none,
      guestState: async () => ({ state: 'running' }),
      ...agent,
    } as unknown as HandlersOf<ComputeAgentRpc>; // only the handlers that the tests reach
    const served = rpcServer<ComputeAgentRpc>(computeTopic(host), handlers);
    bus.serve(served.topic, served.handlers);
  }
  const nodes = (await db.selectFrom('compute_nodes').select('uuid').execute()).map(
    ({ uuid }) => uuid,
  );
  await seedFlavors(deps);
  await startSagas();

  const image = {
    id: ids.uuid(),
    name: 'i',
    status: 'active',
    disk_format: 'raw',
    size: 1,
    os_hash_value: '',
    min_disk: 0,
    min_ram: 0,
  };
  const summary = {
    resources: {
      VCPU: { capacity: 64, used: 0 },
      MEMORY_MB: { capacity: 65_536, used: 0 },
      DISK_GB: { capacity: 999, used: 0 },
    },
  };
  const fixture: ConductorFixture = {
    nova,
    image,
    startSagas,
    placement: ({ method, path }) =>
      path.startsWith('/allocation_candidates')
        ? {
            status: 200,
            body: {
              allocation_requests: nodes.map((id) => ({
                allocations: { [id]: { resources: { VCPU: 1 } } },
              })),
              provider_summaries: Object.fromEntries(nodes.map((id) => [id, summary])),
            },
          }
        : { status: method === 'GET' ? 200 : 204, body: {} },
    post: async (server, version = 90) =>
      await nova.ask('member', 'POST', 'servers', {
        version,
        body: { server: { name: 'vm', flavorRef: '42', imageRef: image.id, ...common, ...server } },
      }),
    show: async (id) =>
      (await nova.ask('admin', 'GET', `servers/${id}`, { version: 90 })).body.server,
    async untilIdle(id) {
      await eventually(async () => !(await deps.sagas.isBusy(db, `server:${id}`)), {
        withinMs: settleMs,
        what: 'its sagas have ended',
      });
      return await fixture.show(id);
    },
    async buildServer(server = {}) {
      const answer = await fixture.post(server);
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      return await fixture.untilIdle(answer.body.server.id);
    },
    async deleteServer(id) {
      assert.equal((await nova.ask('member', 'DELETE', `servers/${id}`)).status, 204);
      await eventually(async () => (await fixture.show(id)) === undefined, {
        withinMs: settleMs,
        what: 'the server is gone',
      });
    },
    async removeAll() {
      for (const { id } of (await nova.ask('admin', 'GET', 'servers?all_tenants=1')).body.servers)
        await fixture.deleteServer(id);
    },
    async runTask(name) {
      const task = tasks.find((each) => each.name === name);
      assert.ok(task, name);
      await task.run(new AbortController().signal);
    },
    stopSagas: async () => await sagas.stop(),
    wakeSagas: () => sagas.wake(),
    async close() {
      await sagas.stop();
      await nova.close();
    },
  };
  return fixture;
}
