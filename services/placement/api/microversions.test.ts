// Each change of Placement's published microversion history is effective from its version on, and
// not before.
// https://docs.openstack.org/placement/latest/placement-api-microversion-history.html
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { stepsAbout, type About } from './microversion-steps.testing.ts';
import { newest, startPlacement, type PlacementFixture } from './placement.testing.ts';

describe('microversions', () => {
  let placement: PlacementFixture;
  const about: About = { root: '', child: '', consumer: randomUUID(), aggregate: randomUUID() };
  let serial = 0;
  const fresh = (): string => `CUSTOM_N${(serial += 1)}`;

  before(async () => {
    placement = await startPlacement();
    const { ask, host } = placement;
    about.root = await host('root', { VCPU: 8, MEMORY_MB: 0, DISK_GB: 0 });
    about.child = await host('child', { VCPU: 0, MEMORY_MB: 4096, DISK_GB: 0 }, about.root);
    await ask('PUT', '/traits/CUSTOM_A');
    await ask('PUT', `/resource_providers/${about.root}/traits`, {
      traits: ['CUSTOM_A'],
      resource_provider_generation: 1,
    });
    await ask('PUT', `/resource_providers/${about.root}/aggregates`, {
      aggregates: [about.aggregate],
      resource_provider_generation: 2,
    });
    await ask('PUT', `/allocations/${about.consumer}`, {
      allocations: { [about.root]: { resources: { VCPU: 1 } } },
      project_id: 'p',
      user_id: 'u',
      consumer_generation: null,
      consumer_type: 'INSTANCE',
    });
  });
  after(async () => await placement.close());

  for (const {
    since,
    what,
    ask: [method, path, body],
    before: old,
    from,
    until = newest,
  } of stepsAbout(about, fresh)) {
    it(`1.${since}: ${what}`, async () => {
      // The versions right before and after the change, and the first and last one.
      for (const version of new Set([0, Math.max(0, since - 1), since, until])) {
        const answer = await placement.ask(method, path(), body?.(), { version });
        const expected = version < since ? old : from;
        const met = typeof expected === 'number' ? answer.status === expected : expected(answer);
        assert.ok(
          met,
          `1.${version}: ${answer.status} ${JSON.stringify(answer.body)?.slice(0, 300)}`,
        );
        if (answer.status === 204 && path().startsWith('/allocations')) await giveBack();
      }
    });
  }
  /** Deletes the allocations that a step has made; otherwise the provider would run full. */
  async function giveBack(): Promise<void> {
    const { body } = await placement.ask('GET', `/resource_providers/${about.root}/allocations`);
    for (const uuid of Object.keys(body.allocations))
      if (uuid !== about.consumer) await placement.ask('DELETE', `/allocations/${uuid}`);
  }

  it('1.5: all inventories of a provider are deleted at once', async () => {
    const uuid = await placement.host('emptied');
    assert.ok(
      (
        await placement.ask('DELETE', `/resource_providers/${uuid}/inventories`, undefined, {
          version: 4,
        })
      ).status >= 400,
    );
    assert.equal(
      (
        await placement.ask('DELETE', `/resource_providers/${uuid}/inventories`, undefined, {
          version: 5,
        })
      ).status,
      204,
    );
  });
  it('1.2 to 1.6: a PUT gives a resource class another name, wherever it is used', async () => {
    const { ask, host } = placement;
    const [from, to, uuid] = [fresh(), fresh(), await host('renamed')];
    await ask('PUT', `/resource_classes/${from}`);
    await ask('POST', `/resource_providers/${uuid}/inventories`, {
      resource_class: from,
      total: 5,
    });
    const at = { version: 6 };
    assert.equal((await ask('PUT', '/resource_classes/VCPU', { name: fresh() }, at)).status, 400);
    assert.equal(
      (await ask('PUT', `/resource_classes/${fresh()}`, { name: fresh() }, at)).status,
      404,
    );
    assert.equal((await ask('PUT', `/resource_classes/${from}`, { name: from }, at)).status, 409);
    assert.equal((await ask('PUT', `/resource_classes/${from}`, { name: to }, at)).body.name, to);
    assert.equal((await ask('GET', `/resource_providers/${uuid}/inventories/${to}`)).body.total, 5);
    assert.equal((await ask('GET', `/resource_classes/${from}`)).status, 404);
  });
  it('1.15: what is shown says when it changed, and that it must not be kept', async () => {
    const { ask } = placement;
    const shown: [HttpMethod, string, Json?][] = [
      ['GET', '/'],
      ['GET', '/resource_providers'],
      ['GET', `/resource_providers/${about.root}`],
      ['GET', `/resource_providers/${about.root}/inventories`],
      ['GET', `/resource_providers/${about.root}/inventories/VCPU`],
      ['GET', `/resource_providers/${about.root}/aggregates`],
      ['GET', `/resource_providers/${about.root}/traits`],
      ['GET', `/resource_providers/${about.root}/usages`],
      ['GET', `/resource_providers/${about.root}/allocations`],
      ['GET', '/traits'],
      ['GET', '/traits/CUSTOM_A'],
      ['PUT', '/traits/CUSTOM_A'],
      ['GET', '/resource_classes'],
      ['GET', '/resource_classes/VCPU'],
      ['GET', `/allocations/${about.consumer}`],
      ['GET', '/usages?project_id=p'],
      ['GET', '/allocation_candidates?resources=VCPU:1'],
      ['PUT', `/resource_providers/${about.root}`, { name: 'root' }],
    ];
    for (const [method, path, body] of shown) {
      const [old, now] = [
        await ask(method, path, body, { version: 14 }),
        await ask(method, path, body, { version: 15 }),
      ];
      assert.deepEqual(
        [old.headers['cache-control'], old.headers['last-modified']],
        [undefined, undefined],
        `${method} ${path} in 1.14`,
      );
      assert.equal(now.headers['cache-control'], 'no-cache', `${method} ${path} in 1.15`);
      assert.match(
        now.headers['last-modified'] ?? '',
        /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
        path,
      );
    }
    for (const [method, path] of [
      ['DELETE', `/allocations/${randomUUID()}`],
      ['GET', '/traits/CUSTOM_NONE'],
    ] as const) {
      assert.equal(
        (await ask(method, path, undefined, { version: 15 })).headers['cache-control'],
        undefined,
        'not of a fault',
      );
    }
  });
  it('a version outside of the range is a 406 everywhere, the root included, and a malformed one a 400', async () => {
    for (const path of ['/', '/resource_providers'])
      assert.equal(
        (await placement.ask('GET', path, undefined, { version: newest + 1 })).status,
        406,
        path,
      );
    assert.equal((await placement.ask('GET', '/', undefined, { version: NaN })).status, 400);
  });
});
