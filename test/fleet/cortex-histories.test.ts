// `History` resources in our Kubernetes API: what is kept of Cortex's decisions, and for how long.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { HistoryResource } from '#contracts/cortex/resources.ts';
import { histories } from '#contracts/cortex/resources.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import { seededIds, systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { FakeClock } from '#platform/testing/fake-clock.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { Kube } from '#ports/kube.ts';
import type { LoggedDecision } from '#services/cortex/domain/decision-log.ts';
import {
  decide,
  fleetOf,
  host,
  pipelineOf,
  requestFor,
} from '#services/cortex/domain/small-fleet.testing.ts';
import type { HistoryWriter } from '#services/cortex/write-histories.ts';
import { historyBounds, writeHistories } from '#services/cortex/write-histories.ts';
import type { TestApiserver } from '#services/kube-apiserver/api/apiserver.testing.ts';
import { startCortexResources } from './cortex-resources.testing.ts';

let server: TestApiserver;
let kube: Kube;
let clock: FakeClock;
let writer: HistoryWriter;
let writes: number;

beforeEach(async () => {
  const started = await startCortexResources();
  ({ server } = started);
  const client = started.kube;
  writes = 0;
  kube = {
    ...client,
    async patch(...request) {
      writes += 1;
      return await client.patch(...request);
    },
  };
  clock = createFakeClock();
  writer = writeHistories({ kube, clock, log: silentLog });
});
afterEach(async () => {
  await writer.stop();
  clock.stop();
  await server.close();
});

const fleet = fleetOf(host('a'), host('b', { memoryGib: [128, 256] }));
const loggedDecision = (serverId: string, memoryGib = 8): LoggedDecision => {
  const decision = decide(
    fleet,
    requestFor({ serverId, memoryGib, zone: 'az1', intent: 'create' }),
  );
  const noHost = { cause: 'capacity', text: 'No host has that much.' } as const;
  return {
    atMs: clock.now(),
    pipeline: pipelineOf(),
    decision,
    noHost: decision.hostsOut === 0 ? noHost : undefined,
  };
};
const note = (one: LoggedDecision): void =>
  writer.note(
    one,
    one.decision.targets.map(({ name }) => name),
  );
async function all(): Promise<HistoryResource[]> {
  const found = await kube.list(histories);
  assert.ok(!isFault(found));
  return found;
}
async function shown(serverId: string): Promise<HistoryResource> {
  const found = await kube.get(histories, { name: `nova-${serverId}` });
  assert.ok(!isFault(found));
  return found;
}

describe('histories of decisions', () => {
  test('have the last decision on a server, and ten before it', async () => {
    const id = systemIds.uuid();
    note(loggedDecision(id));
    await clock.sleep(1_500);
    const first = await shown(id);
    assert.deepEqual(first.spec, {
      schedulingDomain: 'nova',
      resourceID: id,
      availabilityZone: 'az1',
    });
    const { current } = first.status ?? {};
    assert.equal(current?.targetHost, 'a');
    assert.deepEqual(current?.orderedHosts, ['a', 'b']);
    assert.equal(current?.intent, 'create');
    assert.match(
      current?.explanation ?? '',
      /^2 of 2 hosts fit\. b is behind by 0\.\d+: kvm_binpack\.$/,
    );
    assert.equal(conditionOf(first, 'Ready')?.reason, 'SchedulingSucceeded');

    note(loggedDecision(id, 1_000));
    await clock.sleep(1_500);
    const failed = await shown(id);
    assert.equal(failed.status?.current?.successful, false);
    assert.equal(failed.status?.current?.explanation, 'No host has that much.');
    assert.equal(conditionOf(failed, 'Ready')?.reason, 'NoHostFound');
    assert.deepEqual(failed.status?.history, [current]);

    for (let turn = 0; turn < 20; turn += 1) note(loggedDecision(id));
    await clock.sleep(1_500);
    assert.equal((await shown(id)).status?.history?.length, 10);
  });

  test('are written at a bounded rate, and the newest are kept of more than that', async () => {
    const ids = seededIds(1);
    const servers = Array.from({ length: 3_000 }, () => ids.uuid());
    for (const id of servers) note(loggedDecision(id));
    note(loggedDecision('not a uuid'));
    await clock.sleep(10_500);
    assert.equal(writes, 200);
    await clock.sleep(60_000);
    assert.equal(writes, 1_000);
    assert.deepEqual(
      (await all()).map(({ spec }) => spec.resourceID).sort(),
      servers.slice(-1_000).sort(),
    );
  });

  test('go after their time', async () => {
    await writer.stop();
    const hourMs = 3_600_000;
    const bounds = { ...historyBounds, keptMs: hourMs };
    writer = writeHistories({ kube, clock, log: silentLog }, bounds);
    const [old, fresh] = [systemIds.uuid(), systemIds.uuid()];
    note(loggedDecision(old));
    await clock.sleep(0.8 * hourMs);
    note(loggedDecision(fresh));
    await clock.sleep(0.4 * hourMs);
    assert.deepEqual(
      (await all()).map(({ spec }) => spec.resourceID),
      [fresh],
    );
  });
});
