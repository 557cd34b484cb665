// Placement over its API: providers, inventories, traits, aggregates, claims, candidates,
// reshaping.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { mariadbMissing, withMariadb } from '#platform/db/mariadb.testing.ts';
import type { PlacementFixture } from './placement.testing.ts';
import { newest, startPlacement } from './placement.testing.ts';

const claimOf = (
  provider: string,
  resources: Record<string, number>,
  generation: number | null = null,
) => ({
  allocations: { [provider]: { resources } },
  project_id: 'p',
  user_id: 'u',
  consumer_generation: generation,
  consumer_type: 'INSTANCE',
});

function placementSuite(title: string, open: () => Promise<PlacementFixture>): void {
  describe(title, () => {
    let placement: PlacementFixture;
    before(async () => {
      placement = await open();
    });
    after(async () => await placement.close());

    describe('providers', () => {
      it('are made, shown, renamed, found and deleted', async () => {
        const { ask } = placement;
        const created = await ask('POST', '/resource_providers', { name: 'alpha' });
        assert.equal(created.status, 200);
        const { uuid } = created.body;
        assert.deepEqual(
          [
            created.body.generation,
            created.body.parent_provider_uuid,
            created.body.root_provider_uuid,
          ],
          [0, null, uuid],
        );
        assert.equal(
          (await ask('PUT', `/resource_providers/${uuid}`, { name: 'beta' })).body.name,
          'beta',
        );
        assert.equal(
          (await ask('GET', '/resource_providers?name=beta')).body.resource_providers.length,
          1,
        );
        assert.equal(
          (await ask('GET', '/resource_providers?name=alpha')).body.resource_providers.length,
          0,
        );
        assert.equal((await ask('DELETE', `/resource_providers/${uuid}`)).status, 204);
        assert.equal((await ask('GET', `/resource_providers/${uuid}`)).status, 404);
      });
      it('have an answer without a body before 1.20, and no parent before 1.14', async () => {
        const { ask } = placement;
        const old = await ask('POST', '/resource_providers', { name: 'old' }, { version: 0 });
        assert.deepEqual([old.status, old.body], [201, undefined]);
        const uuid = old.headers['location']?.split('/').at(-1);
        assert.ok(
          !(
            'parent_provider_uuid' in
            (await ask('GET', `/resource_providers/${uuid}`, undefined, { version: 13 })).body
          ),
        );
        assert.equal(
          (
            await ask(
              'POST',
              '/resource_providers',
              { name: 'x', parent_provider_uuid: uuid ?? '' },
              { version: 13 },
            )
          ).status,
          400,
        );
      });
      it('refuse a second of the same name, unknown parents, loops, and deletion while in use', async () => {
        const { ask, host } = placement;
        const root = await host('root');
        const child = await host('child', {}, root);
        const twice = await ask('POST', '/resource_providers', { name: 'root' });
        assert.deepEqual(
          [twice.status, twice.body.errors[0].code],
          [409, 'placement.duplicate_name'],
        );
        assert.equal(
          (
            await ask('POST', '/resource_providers', {
              name: 'lost',
              parent_provider_uuid: randomUUID(),
            })
          ).status,
          400,
        );
        assert.equal(
          (
            await ask('PUT', `/resource_providers/${root}`, {
              name: 'root',
              parent_provider_uuid: child,
            })
          ).status,
          400,
        );
        assert.equal(
          (await ask('DELETE', `/resource_providers/${root}`)).body.errors[0].code,
          'placement.resource_provider.cannot_delete_parent',
        );
        await ask('PUT', `/allocations/${randomUUID()}`, claimOf(child, { VCPU: 1 }));
        assert.equal(
          (await ask('DELETE', `/resource_providers/${child}`)).body.errors[0].code,
          'placement.resource_provider.inuse',
        );
        assert.equal(
          (await ask('GET', `/resource_providers?in_tree=${child}`)).body.resource_providers.length,
          2,
        );
      });
    });

    describe('inventories', () => {
      it('move the generation, and refuse a stale one', async () => {
        const { ask } = placement;
        const { uuid } = (await ask('POST', '/resource_providers', { name: 'inv' })).body;
        const path = `/resource_providers/${uuid}/inventories`;
        const put = await ask('PUT', path, {
          resource_provider_generation: 0,
          inventories: { VCPU: { total: 4, allocation_ratio: 2 } },
        });
        assert.deepEqual(put.body, {
          resource_provider_generation: 1,
          inventories: {
            VCPU: {
              total: 4,
              reserved: 0,
              min_unit: 1,
              max_unit: 2_147_483_647,
              step_size: 1,
              allocation_ratio: 2,
            },
          },
        });
        const stale = await ask('PUT', path, { resource_provider_generation: 0, inventories: {} });
        assert.deepEqual(
          [stale.status, stale.body.errors[0].code],
          [409, 'placement.concurrent_update'],
        );
        assert.equal(
          (await ask('PUT', `${path}/VCPU`, { resource_provider_generation: 1, total: 6 })).body
            .total,
          6,
        );
        assert.equal(
          (
            await ask('POST', path, {
              resource_class: 'DISK_GB',
              resource_provider_generation: 2,
              total: 10,
            })
          ).status,
          201,
        );
        assert.equal((await ask('DELETE', `${path}/DISK_GB`)).status, 204);
        assert.equal((await ask('GET', `${path}/DISK_GB`)).status, 404);
      });
      it('refuse unknown classes, more reserved than there is, and to lose what is in use', async () => {
        const { ask, host } = placement;
        const uuid = await host('used');
        const path = `/resource_providers/${uuid}/inventories`;
        assert.equal(
          (
            await ask('PUT', path, {
              resource_provider_generation: 1,
              inventories: { NO_SUCH: { total: 1 } },
            })
          ).status,
          400,
        );
        assert.equal(
          (
            await ask('PUT', path, {
              resource_provider_generation: 1,
              inventories: { VCPU: { total: 1, reserved: 2 } },
            })
          ).status,
          400,
        );
        assert.equal(
          (
            await ask(
              'PUT',
              path,
              { resource_provider_generation: 1, inventories: { VCPU: { total: 1, reserved: 1 } } },
              { version: 25 },
            )
          ).status,
          400,
        );
        await ask('PUT', `/allocations/${randomUUID()}`, claimOf(uuid, { VCPU: 1 }));
        const lost = await ask('PUT', path, { resource_provider_generation: 2, inventories: {} });
        assert.deepEqual(
          [lost.status, lost.body.errors[0].code],
          [409, 'placement.inventory.inuse'],
        );
        assert.equal(
          (await ask('GET', path)).body.resource_provider_generation,
          2,
          'a refused change moves no generation',
        );
      });
    });

    it('keeps custom classes and traits, and the standard ones from harm', async () => {
      const { ask, host } = placement;
      assert.equal((await ask('PUT', '/resource_classes/CUSTOM_GOLD')).status, 201);
      assert.equal((await ask('PUT', '/resource_classes/CUSTOM_GOLD')).status, 204);
      assert.equal((await ask('POST', '/resource_classes', { name: 'CUSTOM_GOLD' })).status, 409);
      assert.equal((await ask('DELETE', '/resource_classes/VCPU')).status, 400);
      assert.equal((await ask('DELETE', '/resource_classes/CUSTOM_GOLD')).status, 204);
      assert.equal((await ask('PUT', '/traits/CUSTOM_FAST')).status, 201);
      assert.equal((await ask('PUT', '/traits/HW_FAST')).status, 400);
      const uuid = await host('traits');
      const traits = await ask('PUT', `/resource_providers/${uuid}/traits`, {
        resource_provider_generation: 1,
        traits: ['CUSTOM_FAST', 'HW_CPU_X86_AVX'],
      });
      assert.deepEqual(traits.body.traits, ['CUSTOM_FAST', 'HW_CPU_X86_AVX']);
      assert.equal(
        (
          await ask('PUT', `/resource_providers/${uuid}/traits`, {
            resource_provider_generation: 2,
            traits: ['NO_SUCH'],
          })
        ).status,
        400,
      );
      assert.equal((await ask('DELETE', '/traits/CUSTOM_FAST')).status, 409);
      assert.deepEqual((await ask('GET', '/traits?name=startswith:CUSTOM_')).body.traits, [
        'CUSTOM_FAST',
      ]);
      assert.equal((await ask('GET', '/traits/CUSTOM_NONE')).status, 404);
    });

    describe('claims', () => {
      it('take capacity, are shown, counted and given back', async () => {
        const { ask, host } = placement;
        const [uuid, consumer] = [await host('claims'), randomUUID()];
        assert.equal(
          (await ask('PUT', `/allocations/${consumer}`, claimOf(uuid, { VCPU: 2, MEMORY_MB: 512 })))
            .status,
          204,
        );
        const shown = (await ask('GET', `/allocations/${consumer}`)).body;
        assert.deepEqual(
          [
            shown.allocations[uuid].resources,
            shown.project_id,
            shown.consumer_generation,
            shown.consumer_type,
          ],
          [{ VCPU: 2, MEMORY_MB: 512 }, 'p', 1, 'INSTANCE'],
        );
        assert.deepEqual((await ask('GET', `/resource_providers/${uuid}/usages`)).body.usages, {
          VCPU: 2,
          MEMORY_MB: 512,
          DISK_GB: 0,
        });
        assert.deepEqual(
          Object.keys(
            (await ask('GET', `/resource_providers/${uuid}/allocations`)).body.allocations,
          ),
          [consumer],
        );
        assert.equal((await ask('DELETE', `/allocations/${consumer}`)).status, 204);
        assert.equal((await ask('DELETE', `/allocations/${consumer}`)).status, 404);
        assert.deepEqual((await ask('GET', `/allocations/${consumer}`)).body, { allocations: {} });
      });
      it('refuse what does not fit, wrong units, unknown providers and stale consumers, and change nothing then', async () => {
        const { ask, host } = placement;
        const [uuid, consumer] = [await host('tight', { VCPU: 4 }), randomUUID()];
        assert.equal(
          (await ask('PUT', `/allocations/${consumer}`, claimOf(uuid, { VCPU: 5 }))).status,
          409,
        );
        assert.equal(
          (await ask('PUT', `/allocations/${consumer}`, claimOf(uuid, { VCPU: 0 }))).status,
          400,
        );
        assert.equal(
          (await ask('PUT', `/allocations/${consumer}`, claimOf(randomUUID(), { VCPU: 1 }))).status,
          400,
        );
        assert.equal(
          (await ask('PUT', `/allocations/${consumer}`, claimOf(uuid, { NO_SUCH: 1 }))).status,
          400,
        );
        assert.equal(
          (await ask('PUT', `/allocations/${consumer}`, claimOf(uuid, { VCPU: 1 }))).status,
          204,
        );
        const stale = await ask('PUT', `/allocations/${consumer}`, claimOf(uuid, { VCPU: 2 }));
        assert.deepEqual(
          [stale.status, stale.body.errors[0].code],
          [409, 'placement.concurrent_update'],
        );
        assert.equal(
          (await ask('PUT', `/allocations/${consumer}`, claimOf(uuid, { VCPU: 4 }, 1))).status,
          204,
          'its own share counts as free',
        );
        assert.equal((await ask('GET', `/resource_providers/${uuid}/usages`)).body.usages.VCPU, 4);
      });
      it('never give the same capacity twice, however many ask at once', async () => {
        const { ask, host } = placement;
        const uuid = await host('race', { VCPU: 8 });
        const answers = await Promise.all(
          Array.from(
            { length: 24 },
            async () =>
              (await ask('PUT', `/allocations/${randomUUID()}`, claimOf(uuid, { VCPU: 1 }))).status,
          ),
        );
        assert.deepEqual(
          [
            answers.filter((status) => status === 204).length,
            answers.filter((status) => status === 409).length,
          ],
          [8, 16],
        );
        assert.equal((await ask('GET', `/resource_providers/${uuid}/usages`)).body.usages.VCPU, 8);
      });
      it('move together or not at all', async () => {
        const { ask, host } = placement;
        const [from, to, one, two] = [
          await host('from', { VCPU: 2 }),
          await host('to', { VCPU: 2 }),
          randomUUID(),
          randomUUID(),
        ];
        await ask('PUT', `/allocations/${one}`, claimOf(from, { VCPU: 2 }));
        const swap = (vcpus: number) => ({
          [one]: { ...claimOf(to, { VCPU: vcpus }, 1) },
          [two]: claimOf(from, { VCPU: 2 }),
        });
        assert.equal((await ask('POST', '/allocations', swap(3))).status, 409);
        assert.equal((await ask('GET', `/resource_providers/${to}/usages`)).body.usages.VCPU, 0);
        assert.equal(
          (await ask('PUT', `/allocations/${one}`, claimOf(to, { VCPU: 2 }, 1))).status,
          204,
        );
        assert.equal(
          (await ask('PUT', `/allocations/${two}`, claimOf(from, { VCPU: 2 }))).status,
          204,
        );
      });
    });

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

    it('reshapes inventories and claims together', async () => {
      const { ask, host } = placement;
      const [root, consumer] = [
        await host('reshape', { VCPU: 4, MEMORY_MB: 0, DISK_GB: 0 }),
        randomUUID(),
      ];
      const { uuid: child } = (
        await ask('POST', '/resource_providers', {
          name: 'reshape-child',
          parent_provider_uuid: root,
        })
      ).body;
      await ask('PUT', `/allocations/${consumer}`, claimOf(root, { VCPU: 3 }));
      const inventories = (rootGeneration: number) => ({
        [root]: { resource_provider_generation: rootGeneration, inventories: {} },
        [child]: { resource_provider_generation: 0, inventories: { VCPU: { total: 4 } } },
      });
      const allocations = { [consumer]: claimOf(child, { VCPU: 3 }, 1) };
      assert.equal(
        (await ask('POST', '/reshaper', { inventories: inventories(0), allocations })).status,
        409,
      );
      assert.equal(
        (await ask('POST', '/reshaper', { inventories: inventories(2), allocations })).status,
        204,
      );
      assert.deepEqual(
        (await ask('GET', `/resource_providers/${root}/inventories`)).body.inventories,
        {},
      );
      assert.deepEqual((await ask('GET', `/resource_providers/${child}/usages`)).body.usages, {
        VCPU: 3,
      });
    });

    it("is for admins and services, but for a project's own usage", async () => {
      const { ask } = placement;
      assert.equal(
        (await ask('GET', '/resource_providers', undefined, { token: 'reader' })).status,
        403,
      );
      assert.equal(
        (await ask('GET', '/resource_providers', undefined, { token: 'service' })).status,
        200,
      );
      assert.equal(
        (await ask('GET', '/usages?project_id=p', undefined, { token: 'reader' })).status,
        200,
      );
      assert.equal(
        (await ask('GET', '/usages?project_id=other', undefined, { token: 'reader' })).status,
        403,
      );
      assert.equal(
        (await ask('GET', '/resource_providers', undefined, { token: 'nobody' })).status,
        401,
      );
    });

    it('names its versions', async () => {
      const { ask } = placement;
      assert.equal((await ask('GET', '/')).body.versions[0].max_version, `1.${newest}`);
      const high = await ask('GET', '/resource_providers', undefined, { version: newest + 1 });
      assert.deepEqual([high.status, high.body.errors[0].max_version], [406, `1.${newest}`]);
    });
  });
}

placementSuite('Placement on SQLite', async () => await startPlacement());

describe('on MariaDB', { skip: await mariadbMissing() }, () => {
  it('keeps the same promises: claims under concurrency', async () => {
    await withMariadb(async (server) => {
      const placement = await startPlacement(await server.createDatabase('placement'));
      try {
        const uuid = await placement.host('race', { VCPU: 8 });
        const answers = await Promise.all(
          Array.from(
            { length: 24 },
            async () =>
              (
                await placement.ask(
                  'PUT',
                  `/allocations/${randomUUID()}`,
                  claimOf(uuid, { VCPU: 1 }),
                )
              ).status,
          ),
        );
        assert.equal(answers.filter((status) => status === 204).length, 8, answers.join());
        assert.equal(
          (await placement.ask('GET', `/resource_providers/${uuid}/usages`)).body.usages.VCPU,
          8,
        );
      } finally {
        await placement.close();
      }
    });
  });
});
