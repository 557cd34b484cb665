// How Cortex's decisions follow `Pipeline` resources in our Kubernetes API.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';
import type { PipelineResource } from '#contracts/cortex/resources.ts';
import { pipelines } from '#contracts/cortex/resources.ts';
import { conditionOf, isTrue } from '#contracts/kube/conditions.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Followed, Kube } from '#ports/kube.ts';
import { cortexDefaults } from '#services/cortex/deps.ts';
import { defaultPipelines } from '#services/cortex/domain/pipeline/default-pipelines.ts';
import { generalPurpose, hanaBinPacking } from '#services/cortex/domain/request/infer-pipeline.ts';
import { Scheduling } from '#services/cortex/domain/scheduling.ts';
import { fleetOf, host } from '#services/cortex/domain/small-fleet.testing.ts';
import { followPipelines } from '#services/cortex/follow-pipelines.ts';
import type { TestApiserver } from '#services/kube-apiserver/api/apiserver.testing.ts';
import { patches } from '#services/kube-apiserver/api/apiserver.testing.ts';
import { startCortexResources } from './cortex-resources.testing.ts';

const path = `/apis/cortex.cloud/v1alpha1/pipelines/${generalPurpose}`;
const request: NovaExternalRequest = {
  spec: {
    'nova_object.data': {
      instance_uuid: 'server',
      project_id: 'project',
      flavor: { 'nova_object.data': { name: 'f', vcpus: 1, memory_mb: 1_024 } },
    },
  },
  hosts: [],
  weights: {},
  options: { read_only: true },
};

let server: TestApiserver;
let kube: Kube;
let scheduling: Scheduling;
let followed: Pick<Followed<never>, 'ready' | 'stop'>;

beforeEach(async () => {
  ({ server, kube } = await startCortexResources());
  await start();
});
afterEach(async () => {
  await followed.stop();
  await server.close();
});

/** A Cortex that has just started, as createCortex makes it. */
async function start(): Promise<void> {
  const fleet = fleetOf(host('full', { memoryGib: [128, 256] }), host('empty'));
  scheduling = new Scheduling(fleet, { ...cortexDefaults, limitHostsToRequest: false });
  for (const [name, spec] of Object.entries(defaultPipelines)) scheduling.setPipeline(name, spec);
  followed = followPipelines({ kube, scheduling, clock: systemClock, log: silentLog });
  await followed.ready;
}

function best(pipeline?: string): string {
  const choice = scheduling.decideNova({ ...request, ...(pipeline && { pipeline }) }, 0);
  return isFault(choice) ? choice.message : (choice.hosts[0] ?? 'none');
}
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(isSo, { withinMs: 5_000, everyMs: 5, what });
}
const shown = async (name = generalPurpose): Promise<PipelineResource> => {
  const object = await kube.get(pipelines, { name });
  assert.ok(!isFault(object));
  return object;
};
const readyMessage = async (name?: string): Promise<string> =>
  conditionOf(await shown(name), 'Ready')?.message ?? '';

/** Changes only the weight of the weigher binpack, as `kubectl edit` would. */
async function setBinpack(multiplier: unknown): Promise<number> {
  const { spec } = await shown();
  const weighers = spec.weighers?.map((one) =>
    one.name === 'kvm_binpack' ? { ...one, multiplier } : one,
  );
  const body = { spec: { weighers } };
  return (await server.ask('PATCH', path, { body, type: patches.merge })).status;
}

describe('pipelines of Cortex', () => {
  test('are there from the start, as the defaults, and are valid', async () => {
    for (const name of [generalPurpose, hanaBinPacking]) {
      assert.deepEqual((await shown(name)).spec, defaultPipelines[name]);
      await until('the conditions are written', async () => {
        const object = await shown(name);
        return ['Ready', 'AllStepsReady', 'AllStepsIndexed'].every((one) => isTrue(object, one));
      });
    }
    assert.equal(best(), 'empty');
  });

  test('decide by what an operator has written, from the next decision on and after a start', async () => {
    assert.equal(await setBinpack(5), 200);
    await until('servers are packed', () => best() === 'full');
    const excluded = { key: 'excludedHosts', stringListValue: ['full'] };
    const filters = (await shown()).spec.filters?.map((one) =>
      one.name === 'filter_exclude_hosts' ? { ...one, params: [excluded] } : one,
    );
    await server.must('PATCH', path, { body: { spec: { filters } }, type: patches.merge });
    await until('the host is out', () => best() === 'empty');
    await followed.stop();
    await start();
    assert.equal(best(), 'empty');
    assert.equal(await setBinpack(5), 200);
    await server.must('PATCH', path, { body: { spec: { filters: [] } }, type: patches.merge });
    await until('no filter is left', () => best() === 'full');
  });

  test('are refused by the definition, or named as wrong while the last good one decides', async () => {
    assert.equal(await setBinpack('much'), 422);
    assert.equal(await setBinpack(5), 200);
    await until('servers are packed', () => best() === 'full');
    for (const [params, status] of [
      [[{ key: 'resourceWeights' }], 422],
      [[{ key: 'resourceWeights', floatValue: 1, stringValue: 'x' }], 422],
      [[{ key: 'resourceWeights', floatValue: 1 }], 200],
    ] as const) {
      const weighers = [{ name: 'kvm_binpack', multiplier: -9, params }];
      const body = { spec: { weighers } };
      const answer = await server.ask('PATCH', path, { body, type: patches.merge });
      assert.equal(answer.status, status, JSON.stringify(answer.body));
    }
    await until('the condition names the field', async () =>
      /^spec\.weighers\[0\]\.params: kvm_binpack: resourceWeights is given as floatMapValue\. In force: an earlier version\.$/.test(
        await readyMessage(),
      ),
    );
    assert.equal(conditionOf(await shown(), 'AllStepsIndexed')?.status, 'True');
    assert.equal(best(), 'full');

    const weighers = [{ name: 'kvm_wishes' }];
    await server.must('PATCH', path, { body: { spec: { weighers } }, type: patches.merge });
    await until('the condition names the unknown step', async () =>
      (await readyMessage()).startsWith('spec.weighers[0].name: There is no weigher kvm_wishes.'),
    );
    assert.equal(conditionOf(await shown(), 'AllStepsIndexed')?.status, 'False');
    assert.equal(best(), 'full');
  });

  test('of an operator have names of their own, and a default that is deleted comes back', async () => {
    const spec = {
      schedulingDomain: 'nova',
      type: 'filter-weigher',
      ignorePreselection: true,
    } as const;
    await kube.apply(pipelines, { metadata: { name: 'mine' }, spec });
    await until('it decides', () => ['full', 'empty'].includes(best('mine')));
    await kube.apply(pipelines, {
      metadata: { name: 'of-cinder' },
      spec: { ...spec, schedulingDomain: 'cinder' },
    });
    await until('it is not for Nova', async () =>
      (await readyMessage('of-cinder')).startsWith('spec.schedulingDomain: '),
    );
    assert.equal(best('of-cinder'), 'pipeline of-cinder not found');
    assert.ok(!isFault(await kube.remove(pipelines, { name: 'mine' })));
    await until('it is gone', () => best('mine') === 'pipeline mine not found');

    assert.equal(await setBinpack(5), 200);
    await until('servers are packed', () => best() === 'full');
    assert.ok(!isFault(await kube.remove(pipelines, { name: generalPurpose })));
    await until('the default decides', () => best() === 'empty');
    await until(
      'it is written again',
      async () => !isFault(await kube.get(pipelines, { name: generalPurpose })),
    );
  });

  test('have their conditions written once, not for ever', async () => {
    await until('the conditions are written', async () => isTrue(await shown(), 'Ready'));
    const { resourceVersion } = (await shown()).metadata;
    for (let turn = 0; turn < 20; turn += 1) best();
    await followed.stop();
    await start();
    assert.equal((await shown()).metadata.resourceVersion, resourceVersion);
  });
});
