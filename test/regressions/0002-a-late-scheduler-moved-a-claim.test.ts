// A scheduler process was paused for longer than its caller waited. The caller gave the build to
// another scheduler and went on; when the first one resumed, it claimed a second host for the same
// server, and Placement and Nova disagreed for good. Found by the simulation of two processes, seed
// 50.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { placementAudit } from '#compose/roles/placement.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { SchedulerRpc } from '#contracts/nova/scheduler-rpc.ts';
import { schedulerTopic } from '#contracts/nova/scheduler-rpc.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { startSimCloud } from '../sim/sim-cloud.ts';

it('a scheduler whose caller has given up claims nothing', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'cobalt-sim-'));
  const cloud = await startSimCloud({ dir, hosts: 2, inMemory: true });
  try {
    const id = await cloud.createServer('vm', { networks: 'none' });
    const server = await eventually(
      async () => {
        const shown = await cloud.show(id);
        return shown?.status === 'ACTIVE' ? shown : undefined;
      },
      { withinMs: 10_000, what: 'the server is active' },
    );
    const host = server['OS-EXT-SRV-ATTR:host'] ?? '';
    const allocations = async () =>
      (await placementAudit(cloud.plane.process)).allocations.filter(
        ({ consumer }) => consumer === id,
      );
    const before = await allocations();
    assert.ok(before.length > 0);
    const outcome = await rpcClient<SchedulerRpc>(cloud.control.bus, schedulerTopic).call(
      'selectHost',
      { serverId: id, wanted: { zone: null, host: null, excludedHosts: [host] } },
      { timeoutMs: 2_000, requestId: 'req-late' },
    );
    assert.ok(isFault(outcome) && outcome.kind === 'timeout');
    assert.deepEqual(await allocations(), before);
  } finally {
    await cloud.stop();
    await rm(dir, { recursive: true });
  }
});
