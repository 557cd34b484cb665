// Placement's ids and generations: different spellings of a UUID are the same id, and generations
// are checked where the API requires it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { startPlacement, type PlacementFixture } from './placement.testing.ts';

describe('ids and generations', () => {
  let placement: PlacementFixture;
  before(async () => {
    placement = await startPlacement();
  });
  after(async () => await placement.close());

  const forms: Record<string, (uuid: string) => string> = {
    'without dashes': (uuid) => uuid.replaceAll('-', ''),
    'in capitals': (uuid) => uuid.toUpperCase(),
  };
  const claim = (provider: string, vcpus: number, generation: number | null): Json => ({
    allocations: { [provider]: { resources: { VCPU: vcpus } } },
    project_id: 'p',
    user_id: 'u',
    consumer_generation: generation,
    consumer_type: 'INSTANCE',
  });

  for (const [title, form] of Object.entries(forms)) {
    it(`a provider's id ${title} is the same provider, wherever it is written`, async () => {
      const { ask, host } = placement;
      const [uuid, aggregate] = [await host(`provider ${title}`), randomUUID()];
      const other = form(uuid);
      assert.equal(
        (await ask('POST', '/resource_providers', { name: `twice ${title}`, uuid: other })).status,
        409,
      );
      for (const path of [
        '',
        '/inventories',
        '/inventories/VCPU',
        '/aggregates',
        '/traits',
        '/usages',
        '/allocations',
      ])
        assert.equal((await ask('GET', `/resource_providers/${other}${path}`)).status, 200, path);
      for (const query of [`uuid=${other}`, `in_tree=${other}`])
        assert.deepEqual(
          (await ask('GET', `/resource_providers?${query}`)).body.resource_providers.map(
            (one: { uuid: string }) => one.uuid,
          ),
          [uuid],
          query,
        );
      assert.equal(
        (
          await ask('POST', '/resource_providers', {
            name: `child ${title}`,
            parent_provider_uuid: other,
          })
        ).body.root_provider_uuid,
        uuid,
      );
      const put = await ask('PUT', `/resource_providers/${other}/aggregates`, {
        aggregates: [form(aggregate)],
        resource_provider_generation: 1,
      });
      assert.deepEqual(put.body.aggregates, [aggregate]);
      assert.equal(
        (await ask('GET', `/resource_providers?member_of=${form(aggregate)}`)).body
          .resource_providers.length,
        1,
      );
      assert.equal(
        (await ask('PUT', `/allocations/${randomUUID()}`, claim(other, 1, null))).status,
        204,
      );
      assert.deepEqual(
        (
          await ask('GET', `/allocation_candidates?resources=VCPU:1&in_tree=${other}`)
        ).body.allocation_requests.map((one: { allocations: object }) =>
          Object.keys(one.allocations),
        ),
        [[uuid]],
      );
      const both = {
        allocations: { [uuid]: { resources: { VCPU: 1 } }, [other]: { resources: { VCPU: 1 } } },
        project_id: 'p',
        user_id: 'u',
        consumer_generation: null,
        consumer_type: 'INSTANCE',
      };
      assert.equal(
        (await ask('PUT', `/allocations/${randomUUID()}`, both)).status,
        400,
        'but not twice at once',
      );
      const reshape = {
        inventories: {
          [other]: { resource_provider_generation: 3, inventories: { VCPU: { total: 9 } } },
        },
        allocations: {},
      };
      assert.equal((await ask('POST', '/reshaper', reshape)).status, 204);
    });
    it(`a consumer's id ${title} is the same consumer`, async () => {
      const { ask, host } = placement;
      const [uuid, consumer] = [await host(`consumed ${title}`), randomUUID()];
      assert.equal(
        (await ask('PUT', `/allocations/${form(consumer)}`, claim(uuid, 1, null))).status,
        204,
      );
      assert.equal((await ask('PUT', `/allocations/${consumer}`, claim(uuid, 2, 1))).status, 204);
      assert.equal(
        (await ask('POST', '/allocations', { [form(consumer)]: claim(uuid, 3, 2) })).status,
        204,
      );
      assert.deepEqual(
        (await ask('GET', `/allocations/${form(consumer)}`)).body.allocations[uuid].resources,
        { VCPU: 3 },
      );
      assert.equal((await ask('DELETE', `/allocations/${form(consumer)}`)).status, 204);
    });
  }
  it('an invalid id is a 400, but a 404 in the path of a provider', async () => {
    const { ask, host } = placement;
    const uuid = await host('valid');
    const wrong: [HttpMethod, string, Json?][] = [
      ['POST', '/resource_providers', { name: 'x', uuid: 'nobody' }],
      ['POST', '/resource_providers', { name: 'x', parent_provider_uuid: 'nobody' }],
      ['PUT', '/allocations/nobody', claim(uuid, 1, null)],
      ['PUT', `/allocations/${randomUUID()}`, claim('nobody', 1, null)],
      ['POST', '/allocations', { nobody: claim(uuid, 1, null) }],
      ['GET', '/resource_providers?uuid=nobody'],
      ['GET', '/resource_providers?in_tree=nobody'],
      ['GET', '/resource_providers?member_of=nobody'],
      ['GET', '/allocation_candidates?resources=VCPU:1&in_tree=nobody'],
      [
        'PUT',
        `/resource_providers/${uuid}/aggregates`,
        { aggregates: ['nobody'], resource_provider_generation: 1 },
      ],
    ];
    for (const [method, path, body] of wrong)
      assert.equal((await ask(method, path, body)).status, 400, `${method} ${path}`);
    assert.equal((await ask('GET', '/resource_providers/nobody')).status, 404);
  });

  it('an inventory is added without a generation, and whatever one is sent', async () => {
    const { ask, host } = placement;
    const uuid = await host('grows');
    const path = `/resource_providers/${uuid}/inventories`;
    const added = await ask('POST', path, { resource_class: 'PCPU', total: 4 });
    assert.deepEqual(
      [
        added.status,
        added.body.resource_provider_generation,
        added.headers['location']?.endsWith(`${path}/PCPU`),
      ],
      [201, 2, true],
    );
    assert.equal(
      (
        await ask('POST', path, {
          resource_class: 'VGPU',
          total: 4,
          resource_provider_generation: 77,
        })
      ).status,
      201,
    );
    assert.deepEqual(
      [
        (await ask('POST', path, { resource_class: 'VGPU', total: 4 })).status,
        (await ask('POST', path, { resource_class: 'NO_SUCH', total: 4 })).status,
      ],
      [409, 400],
    );
    assert.equal((await ask('PUT', `${path}/VGPU`, { total: 5 })).status, 400, 'a change needs it');
    assert.equal(
      (
        await ask('PUT', path, {
          resource_provider_generation: 3,
          inventories: { VCPU: { total: 1, resource_provider_generation: 9 } },
        })
      ).status,
      200,
      'in a record it is not looked at',
    );
    const many = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        ask('POST', path, { resource_class: `CUSTOM_R${n}`, total: 1 }),
      ),
    );
    assert.deepEqual(
      [...new Set(many.map((answer) => answer.status))],
      [400],
      'classes that are not there',
    );
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => ask('PUT', `/resource_classes/CUSTOM_R${n}`)),
    );
    const once = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        ask('POST', path, { resource_class: `CUSTOM_R${n}`, total: 1 }),
      ),
    );
    assert.deepEqual(
      [...new Set(once.map((answer) => answer.status))],
      [201],
      'none is lost or refused for another',
    );
    assert.equal(Object.keys((await ask('GET', path)).body.inventories).length, 9);
  });
  it('a reshape may have no claims, but needs inventories of providers that are there', async () => {
    const { ask, host } = placement;
    const uuid = await host('reshaped');
    const reshape = (inventories: Json) =>
      ask('POST', '/reshaper', { inventories, allocations: {} });
    assert.equal((await reshape({})).status, 400);
    assert.equal(
      (await reshape({ [randomUUID()]: { resource_provider_generation: 0, inventories: {} } }))
        .status,
      400,
    );
    assert.equal(
      (await reshape({ [uuid]: { resource_provider_generation: 0, inventories: {} } })).status,
      409,
    );
    assert.equal(
      (
        await reshape({
          [uuid]: { resource_provider_generation: 1, inventories: { VCPU: { total: 2 } } },
        })
      ).status,
      204,
    );
    assert.deepEqual(
      Object.keys((await ask('GET', `/resource_providers/${uuid}/inventories`)).body.inventories),
      ['VCPU'],
    );
  });
  it('consumers that change places need no capacity beside their own', async () => {
    const { ask, host } = placement;
    const [left, right, one, two] = [
      await host('left', { VCPU: 2 }),
      await host('right', { VCPU: 2 }),
      randomUUID(),
      randomUUID(),
    ];
    await ask('PUT', `/allocations/${one}`, claim(left, 2, null));
    await ask('PUT', `/allocations/${two}`, claim(right, 2, null));
    assert.equal(
      (await ask('POST', '/allocations', { [one]: claim(right, 2, 1), [two]: claim(left, 2, 1) }))
        .status,
      204,
    );
    assert.deepEqual(Object.keys((await ask('GET', `/allocations/${one}`)).body.allocations), [
      right,
    ]);
  });
  it('is administered with a token of a project alone', async () => {
    const { ask } = placement;
    for (const token of ['system', 'domain'])
      assert.equal(
        (await ask('GET', '/resource_providers', undefined, { token })).status,
        403,
        token,
      );
  });
});
