// A process was paused between reading a server and claiming resources for it. Meanwhile another
// process had built the server, and it was deleted; the late claim then held a host's resources for
// a server that did not exist, for ever. Found by the simulation of two processes, seed 353.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { placementAudit } from '#compose/roles/placement.ts';
import { isFault } from '#contracts/common/fault.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { startSimCloud } from '../sim/sim-cloud.ts';

it('a claim that arrives after its server was deleted is given back', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'cobalt-sim-'));
  const cloud = await startSimCloud({ dir, hosts: 1, inMemory: true });
  const { process, roles } = cloud.plane;
  const consumers = async () =>
    (await placementAudit(process)).allocations.map(({ consumer }) => consumer);
  try {
    const [keptServer, id] = [
      await cloud.createServer('kept', { networks: 'none' }),
      await cloud.createServer('vm', { networks: 'none' }),
    ];
    await cloud.quiet(10_000);
    assert.equal((await cloud.compute('DELETE', `/servers/${id}`)).status, 204);
    await eventually(async () => !(await consumers()).includes(id), {
      withinMs: 10_000,
      what: 'the claim is given back',
    });
    const placement = placementClient(
      { http: process.http, session: process.session('nova') },
      { token: null, requestId: 'req-late' },
    );
    const candidates = await placement.candidates(
      { VCPU: 1, MEMORY_MB: 128, DISK_GB: 1 },
      { required: [], forbidden: [] },
    );
    assert.ok(!isFault(candidates) && candidates[0]);
    const [candidate] = candidates;
    const late = await placement.claim({ id, projectId: 'p', userId: 'u' }, candidate, () => true);
    assert.ok(!isFault(late));
    assert.ok((await consumers()).includes(id));
    const reaper = roles
      .flatMap(({ tasks }) => tasks)
      .find(({ name }) => name === 'nova.reap-claims');
    await reaper?.run(new AbortController().signal);
    assert.deepEqual([...new Set(await consumers())], [keptServer], 'and no other is');
  } finally {
    await cloud.stop();
    await rm(dir, { recursive: true });
  }
});
