// Placement over its API: providers, inventories, custom names, access, versions.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { mariadbMissing, withMariadb } from '#platform/db/mariadb.testing.ts';
import { claimOf, newest, startPlacement, type PlacementFixture } from './placement.testing.ts';

describe('Placement', () => {
  let placement: PlacementFixture;
  before(async () => {
    placement = await startPlacement();
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

    it('that change their place at once never form a loop, nor a child of nothing', async () =>
      await changePlacesAtOnce(placement));
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
      const refusal = await ask('PUT', path, { resource_provider_generation: 2, inventories: {} });
      assert.deepEqual(
        [refusal.status, refusal.body.errors[0].code],
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

describe('on MariaDB', { skip: await mariadbMissing() }, () => {
  it('providers that change their place at once never form a loop, nor a child of nothing', async () => {
    await withMariadb(async (server) => {
      const placement = await startPlacement(await server.createDatabase('placement'));
      try {
        await changePlacesAtOnce(placement);
      } finally {
        await placement.close();
      }
    });
  });
});

async function changePlacesAtOnce({ ask, host }: PlacementFixture): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    const [one, two, three] = [`one-${round}`, `two-${round}`, `three-${round}`];
    const uuids = { [one]: await host(one), [two]: await host(two), [three]: await host(three) };
    const put = async (name: string, parent: string): Promise<number> =>
      (
        await ask('PUT', `/resource_providers/${uuids[name]}`, {
          name,
          parent_provider_uuid: uuids[parent] ?? '',
        })
      ).status;
    const moves = await Promise.all([put(one, two), put(two, one)]);
    assert.deepEqual(moves.sort(), [200, 400]);
    const [removed, added] = await Promise.all([
      ask('DELETE', `/resource_providers/${uuids[three]}`),
      ask('POST', '/resource_providers', {
        name: `late-${round}`,
        parent_provider_uuid: uuids[three] ?? '',
      }),
    ]);
    assert.ok(
      (removed.status === 204 && added.status === 400) ||
        (removed.status === 409 && added.status < 300),
      `${removed.status} ${added.status}`,
    );
  }
}
