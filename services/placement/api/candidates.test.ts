// Placement over its API: allocation candidates.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { claimOf, startPlacement, type PlacementFixture } from './placement.testing.ts';

describe('allocation candidates', () => {
  let placement: PlacementFixture;
  before(async () => {
    placement = await startPlacement();
  });
  after(async () => await placement.close());

  describe('candidates', () => {
    it('are those with capacity, the right traits, aggregates and tree, with how full they are', async () => {
      const { ask, host } = placement;
      const [small, big] = [
        await host('cand-small', { MEMORY_MB: 100_000 }),
        await host('cand-big', { MEMORY_MB: 200_000 }),
      ];
      const aggregate = randomUUID();
      await ask('PUT', `/resource_providers/${big}/traits`, {
        resource_provider_generation: 1,
        traits: ['HW_CPU_X86_VMX'],
      });
      await ask('PUT', `/resource_providers/${big}/aggregates`, {
        resource_provider_generation: 2,
        aggregates: [aggregate],
      });
      await ask('PUT', `/allocations/${randomUUID()}`, claimOf(big, { MEMORY_MB: 1000 }));
      const found = async (query: string) =>
        Object.keys(
          (
            (await ask('GET', `/allocation_candidates?resources=MEMORY_MB:100000&${query}`))
              .body as { provider_summaries: object }
          ).provider_summaries,
        ).sort();
      assert.deepEqual(await found(''), [small, big].sort());
      assert.deepEqual(await found('required=HW_CPU_X86_VMX'), [big]);
      assert.deepEqual(await found('required=!HW_CPU_X86_VMX'), [small]);
      assert.deepEqual(await found('required=in:HW_CPU_X86_VMX,HW_CPU_X86_SVM'), [big]);
      assert.deepEqual(await found(`member_of=${aggregate}`), [big]);
      assert.deepEqual(await found(`member_of=!${aggregate}`), [small]);
      assert.deepEqual(await found(`in_tree=${small}`), [small]);
      assert.equal((await found('limit=1')).length, 1);
      const { allocation_requests, provider_summaries } = (
        await ask('GET', '/allocation_candidates?resources=MEMORY_MB:199000')
      ).body;
      assert.deepEqual(allocation_requests, [
        {
          allocations: { [big]: { resources: { MEMORY_MB: 199_000 } } },
          mappings: { '': [big] },
        },
      ]);
      assert.deepEqual(provider_summaries[big].resources.MEMORY_MB, {
        capacity: 200_000,
        used: 1000,
      });
      assert.deepEqual(
        (await ask('GET', '/allocation_candidates?resources=MEMORY_MB:199001')).body,
        { allocation_requests: [], provider_summaries: {} },
      );
    });
    it('look as they did in older versions', async () => {
      const { ask, host } = placement;
      const uuid = await host('cand-old', { DISK_GB: 90_000 });
      const old = (
        await ask('GET', '/allocation_candidates?resources=DISK_GB:90000', undefined, {
          version: 10,
        })
      ).body;
      assert.deepEqual(old, {
        allocation_requests: [
          { allocations: [{ resource_provider: { uuid }, resources: { DISK_GB: 90_000 } }] },
        ],
        provider_summaries: { [uuid]: { resources: { DISK_GB: { capacity: 90_000, used: 0 } } } },
      });
      assert.equal(
        (
          await ask('GET', '/allocation_candidates?resources=DISK_GB:1', undefined, {
            version: 9,
          })
        ).status,
        404,
      );
    });
    it('name what is wrong with a question', async () => {
      const { ask } = placement;
      const questions = [
        '',
        'resources=VCPU',
        'resources=VCPU:0',
        'resources=NO_SUCH:1',
        'resources=VCPU:1&required=NO_SUCH',
        'resources=VCPU:1&required=',
        'resources=VCPU:1&limit=0',
        'resources=VCPU:1&bogus=1',
        'resources=VCPU:1&member_of=x',
        'resources1=VCPU:1&resources2=VCPU:1',
        'required1=HW_CPU_X86_AVX&resources=VCPU:1',
      ];
      for (const question of questions) {
        const answer = await ask('GET', `/allocation_candidates?${question}`);
        assert.deepEqual(
          [answer.status, typeof answer.body.errors[0].detail],
          [400, 'string'],
          question,
        );
      }
    });
    it('spread granular groups over a tree, apart when asked', async () => {
      const { ask, host } = placement;
      const root = await host('tree', { VCPU: 0, DISK_GB: 70_000, MEMORY_MB: 0 });
      const [left, right] = [
        await host('numa0', { VCPU: 300, MEMORY_MB: 0, DISK_GB: 0 }, root),
        await host('numa1', { VCPU: 300, MEMORY_MB: 0, DISK_GB: 0 }, root),
      ];
      const ways = async (policy: string): Promise<string[][]> =>
        (
          (
            await ask(
              'GET',
              `/allocation_candidates?resources=DISK_GB:70000&resources1=VCPU:200&resources2=VCPU:100&group_policy=${policy}`,
            )
          ).body as { allocation_requests: { mappings: Record<string, string[]> }[] }
        ).allocation_requests.map(({ mappings }) => [
          mappings['1']?.[0] ?? '',
          mappings['2']?.[0] ?? '',
        ]);
      assert.deepEqual(
        (await ways('isolate')).sort(),
        [
          [left, right],
          [right, left],
        ].sort(),
      );
      assert.equal((await ways('none')).length, 4);
    });
  });
});
