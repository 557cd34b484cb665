// Placement over its API: claims, also many at once, and reshaping.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { mariadbMissing, withMariadb } from '#platform/db/mariadb.testing.ts';
import { claimOf, startPlacement, type PlacementFixture } from './placement.testing.ts';

describe('allocations', () => {
  let placement: PlacementFixture;
  before(async () => {
    placement = await startPlacement();
  });
  after(async () => await placement.close());

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
        Object.keys((await ask('GET', `/resource_providers/${uuid}/allocations`)).body.allocations),
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
});

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
