// Placement one microversion at a time: what each version of its published history brought is there
// from that version on and not before.
// https://docs.openstack.org/placement/latest/placement-api-microversion-history.html
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { newest, startPlacement, type PlacementFixture } from './placement.testing.ts';

type Answer = Awaited<ReturnType<PlacementFixture['ask']>>;

interface Step {
  since: number;
  what: string;
  ask: [HttpMethod, () => string, (() => Json)?];
  /** Status before the version and from it on; `until` is the last version of the later one. */
  before: number | ((answer: Answer) => boolean);
  from: number | ((answer: Answer) => boolean);
  until?: number;
}

describe('microversions', () => {
  let placement: PlacementFixture;
  let root: string;
  let child: string;
  let consumer: string;
  const aggregate = randomUUID();
  let serial = 0;
  const fresh = (): string => `CUSTOM_N${(serial += 1)}`;

  before(async () => {
    placement = await startPlacement();
    const { ask, host } = placement;
    root = await host('root', { VCPU: 8, MEMORY_MB: 0, DISK_GB: 0 });
    child = await host('child', { VCPU: 0, MEMORY_MB: 4096, DISK_GB: 0 }, root);
    consumer = randomUUID();
    await ask('PUT', '/traits/CUSTOM_A');
    await ask('PUT', `/resource_providers/${root}/traits`, {
      traits: ['CUSTOM_A'],
      resource_provider_generation: 1,
    });
    await ask('PUT', `/resource_providers/${root}/aggregates`, {
      aggregates: [aggregate],
      resource_provider_generation: 2,
    });
    await ask('PUT', `/allocations/${consumer}`, {
      allocations: { [root]: { resources: { VCPU: 1 } } },
      project_id: 'p',
      user_id: 'u',
      consumer_generation: null,
      consumer_type: 'INSTANCE',
    });
  });
  after(async () => await placement.close());

  const links = (rel: string) => (answer: Answer) =>
    (answer.body as { links: { rel: string }[] }).links.some((link) => link.rel === rel);
  const not = (check: (answer: Answer) => boolean) => (answer: Answer) =>
    answer.status < 300 && !check(answer);
  const has =
    (...keys: string[]) =>
    (answer: Answer) =>
      keys.every((key) => key in (answer.body as object));
  const claim = (extra: Record<string, Json> = {}): Json => ({
    allocations: { [root]: { resources: { VCPU: 1 } } },
    project_id: 'p',
    user_id: 'u',
    ...extra,
  });
  const listClaim = (extra: Record<string, Json> = {}): Json => ({
    allocations: [{ resource_provider: { uuid: root }, resources: { VCPU: 1 } }],
    ...extra,
  });
  const provider =
    (suffix = '') =>
    () =>
      `/resource_providers/${root}${suffix}`;
  const candidates = (query: string) => () => `/allocation_candidates?resources=VCPU:1${query}`;
  const requests = (answer: Answer): { allocations: Record<string, unknown> }[] =>
    answer.body.allocation_requests;
  const summary = (answer: Answer): Record<string, unknown> => answer.body.provider_summaries[root];

  const steps: Step[] = [
    {
      since: 1,
      what: 'aggregates of a provider',
      ask: ['GET', provider('/aggregates')],
      before: 404,
      from: 200,
    },
    {
      since: 1,
      what: 'the link to aggregates',
      ask: ['GET', provider()],
      before: not(links('aggregates')),
      from: links('aggregates'),
    },
    {
      since: 2,
      what: 'resource classes',
      ask: ['GET', () => '/resource_classes'],
      before: 404,
      from: 200,
    },
    {
      since: 2,
      what: 'new resource classes',
      ask: ['POST', () => '/resource_classes', () => ({ name: fresh() })],
      before: 404,
      from: 201,
    },
    {
      since: 3,
      what: 'providers by member_of',
      ask: ['GET', () => `/resource_providers?member_of=${aggregate}`],
      before: 400,
      from: 200,
    },
    {
      since: 4,
      what: 'providers by resources',
      ask: ['GET', () => '/resource_providers?resources=VCPU:1'],
      before: 400,
      from: 200,
    },
    { since: 6, what: 'traits', ask: ['GET', () => '/traits'], before: 404, from: 200 },
    {
      since: 6,
      what: 'the link to traits',
      ask: ['GET', provider()],
      before: not(links('traits')),
      from: links('traits'),
    },
    {
      since: 7,
      what: 'classes ensured by PUT',
      ask: ['PUT', () => `/resource_classes/${fresh()}`],
      before: (answer) => answer.status >= 400,
      from: 201,
    },
    {
      since: 8,
      what: 'the owner of a claim',
      ask: [
        'PUT',
        () => `/allocations/${randomUUID()}`,
        () => listClaim({ project_id: 'p', user_id: 'u' }),
      ],
      before: 400,
      from: 204,
      until: 11,
    },
    {
      since: 9,
      what: 'usages of a project',
      ask: ['GET', () => '/usages?project_id=p'],
      before: 404,
      from: 200,
    },
    { since: 10, what: 'candidates', ask: ['GET', candidates('')], before: 404, from: 200 },
    {
      since: 11,
      what: 'the link to allocations',
      ask: ['GET', provider()],
      before: not(links('allocations')),
      from: links('allocations'),
    },
    {
      since: 12,
      what: 'claims as a dictionary',
      ask: ['PUT', () => `/allocations/${randomUUID()}`, () => claim()],
      before: 400,
      from: 204,
      until: 27,
    },
    {
      since: 12,
      what: 'the owner of shown claims',
      ask: ['GET', () => `/allocations/${consumer}`],
      before: not(has('project_id', 'user_id')),
      from: has('project_id', 'user_id'),
    },
    {
      since: 13,
      what: 'many claims at once',
      ask: ['POST', () => '/allocations', () => ({ [randomUUID()]: claim() })],
      before: 404,
      from: 204,
      until: 27,
    },
    {
      since: 14,
      what: 'parents and roots',
      ask: ['GET', provider()],
      before: not(has('parent_provider_uuid', 'root_provider_uuid')),
      from: has('parent_provider_uuid', 'root_provider_uuid'),
    },
    {
      since: 14,
      what: 'providers by tree',
      ask: ['GET', () => `/resource_providers?in_tree=${root}`],
      before: 400,
      from: 200,
    },
    {
      since: 14,
      what: 'new providers with a parent',
      ask: [
        'POST',
        () => '/resource_providers',
        () => ({ name: fresh(), parent_provider_uuid: root }),
      ],
      before: 400,
      from: (answer) => answer.status < 300,
    },
    {
      since: 16,
      what: 'a limit of candidates',
      ask: ['GET', candidates('&limit=1')],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 17,
      what: 'required traits of candidates',
      ask: ['GET', candidates('&required=CUSTOM_A')],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 17,
      what: 'traits in summaries',
      ask: ['GET', candidates('')],
      before: (answer) => answer.status === 404 || !('traits' in summary(answer)),
      from: (answer) => 'traits' in summary(answer),
    },
    {
      since: 18,
      what: 'providers by traits',
      ask: ['GET', () => '/resource_providers?required=CUSTOM_A'],
      before: 400,
      from: 200,
    },
    {
      since: 19,
      what: 'the generation of aggregates',
      ask: ['GET', provider('/aggregates')],
      before: (answer) => answer.status === 404 || !('resource_provider_generation' in answer.body),
      from: has('resource_provider_generation'),
    },
    {
      since: 20,
      what: 'a body for a new provider',
      ask: ['POST', () => '/resource_providers', () => ({ name: fresh() })],
      before: 201,
      from: 200,
    },
    {
      since: 21,
      what: 'candidates by aggregate',
      ask: ['GET', candidates(`&member_of=${aggregate}`)],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 22,
      what: 'forbidden traits of candidates',
      ask: ['GET', candidates('&required=!CUSTOM_A')],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 22,
      what: 'forbidden traits of providers',
      ask: ['GET', () => '/resource_providers?required=!CUSTOM_A'],
      before: 400,
      from: 200,
    },
    {
      since: 23,
      what: 'codes of faults',
      ask: ['GET', () => `/resource_providers/${randomUUID()}`],
      before: (answer) => !('code' in answer.body.errors[0]),
      from: (answer) => answer.body.errors[0].code === 'placement.undefined_code',
    },
    {
      since: 24,
      what: 'member_of more than once',
      ask: ['GET', () => `/resource_providers?member_of=${aggregate}&member_of=${aggregate}`],
      before: 400,
      from: 200,
    },
    {
      since: 25,
      what: 'numbered groups',
      ask: ['GET', candidates('&resources1=MEMORY_MB:1')],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 25,
      what: 'a group policy',
      ask: ['GET', candidates('&group_policy=none')],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 26,
      what: 'everything reserved',
      ask: [
        'POST',
        () => `/resource_providers/${child}/inventories`,
        () => ({ resource_class: 'DISK_GB', total: 1, reserved: 1 }),
      ],
      before: 400,
      from: (answer) => answer.status === 201 || answer.status === 409,
    },
    {
      since: 27,
      what: 'all classes in summaries',
      ask: ['GET', () => '/allocation_candidates?resources=MEMORY_MB:1'],
      before: (answer) =>
        answer.status === 404 ||
        Object.keys(answer.body.provider_summaries[child].resources).join() === 'MEMORY_MB',
      from: (answer) => 'DISK_GB' in answer.body.provider_summaries[child].resources,
    },
    {
      since: 28,
      what: 'generations of consumers',
      ask: [
        'PUT',
        () => `/allocations/${randomUUID()}`,
        () => claim({ consumer_generation: null }),
      ],
      before: 400,
      from: 204,
      until: 37,
    },
    {
      since: 28,
      what: 'generations of shown consumers',
      ask: ['GET', () => `/allocations/${consumer}`],
      before: not(has('consumer_generation')),
      from: has('consumer_generation'),
    },
    {
      since: 28,
      what: 'claims given back by PUT',
      ask: [
        'PUT',
        () => `/allocations/${randomUUID()}`,
        () => ({ allocations: {}, project_id: 'p', user_id: 'u', consumer_generation: null }),
      ],
      before: 400,
      from: 204,
      until: 37,
    },
    {
      since: 29,
      what: 'candidates from several providers of a tree',
      ask: ['GET', candidates(',MEMORY_MB:1')],
      before: (answer) => answer.status === 404 || requests(answer).length === 0,
      from: (answer) => requests(answer).length === 1,
    },
    {
      since: 29,
      what: 'the tree in summaries',
      ask: ['GET', candidates('')],
      before: (answer) => answer.status === 404 || !('root_provider_uuid' in summary(answer)),
      from: (answer) => 'root_provider_uuid' in summary(answer),
    },
    {
      since: 30,
      what: 'the reshaper, also without claims',
      ask: [
        'POST',
        () => '/reshaper',
        () => ({
          inventories: { [randomUUID()]: { resource_provider_generation: 0, inventories: {} } },
          allocations: {},
        }),
      ],
      before: 404,
      from: 400,
    },
    {
      since: 31,
      what: 'candidates by tree',
      ask: ['GET', () => `/allocation_candidates?resources=VCPU:1&in_tree=${child}`],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 32,
      what: 'forbidden aggregates',
      ask: ['GET', () => `/resource_providers?member_of=!${aggregate}`],
      before: 400,
      from: 200,
    },
    {
      since: 33,
      what: 'groups with names',
      ask: ['GET', candidates('&resources_NET=MEMORY_MB:1')],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 34,
      what: 'mappings',
      ask: ['GET', candidates('')],
      before: (answer) => answer.status === 404 || !('mappings' in (requests(answer)[0] ?? {})),
      from: (answer) => 'mappings' in (requests(answer)[0] ?? {}),
    },
    {
      since: 35,
      what: 'required traits of the root',
      ask: ['GET', candidates('&root_required=CUSTOM_A')],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 36,
      what: 'one subtree',
      ask: [
        'GET',
        () =>
          '/allocation_candidates?resources1=VCPU:1&resources2=MEMORY_MB:1&group_policy=none&same_subtree=1,2',
      ],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 38,
      what: 'consumer types',
      ask: [
        'PUT',
        () => `/allocations/${randomUUID()}`,
        () => claim({ consumer_generation: null, consumer_type: 'INSTANCE' }),
      ],
      before: 400,
      from: (answer) => answer.status === 204 || answer.status === 409,
    },
    {
      since: 38,
      what: 'usages by consumer type',
      ask: ['GET', () => '/usages?project_id=p&consumer_type=INSTANCE'],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 38,
      what: 'shown consumer types',
      ask: ['GET', () => `/allocations/${consumer}`],
      before: not(has('consumer_type')),
      from: has('consumer_type'),
    },
    {
      since: 39,
      what: 'any of some traits',
      ask: ['GET', () => '/resource_providers?required=in:CUSTOM_A,HW_CPU_X86_AVX'],
      before: 400,
      from: 200,
    },
    {
      since: 39,
      what: 'any of some traits for candidates',
      ask: ['GET', candidates('&required=in:CUSTOM_A,HW_CPU_X86_AVX')],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
  ];

  for (const {
    since,
    what,
    ask: [method, path, body],
    before: old,
    from,
    until = newest,
  } of steps) {
    it(`1.${since}: ${what}`, async () => {
      // The versions on both sides of the change, and those farthest from it.
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
  /** Claims of the table would fill the provider. */
  async function giveBack(): Promise<void> {
    const { body } = await placement.ask('GET', `/resource_providers/${root}/allocations`);
    for (const uuid of Object.keys(body.allocations))
      if (uuid !== consumer) await placement.ask('DELETE', `/allocations/${uuid}`);
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
      ['GET', `/resource_providers/${root}`],
      ['GET', `/resource_providers/${root}/inventories`],
      ['GET', `/resource_providers/${root}/inventories/VCPU`],
      ['GET', `/resource_providers/${root}/aggregates`],
      ['GET', `/resource_providers/${root}/traits`],
      ['GET', `/resource_providers/${root}/usages`],
      ['GET', `/resource_providers/${root}/allocations`],
      ['GET', '/traits'],
      ['GET', '/traits/CUSTOM_A'],
      ['PUT', '/traits/CUSTOM_A'],
      ['GET', '/resource_classes'],
      ['GET', '/resource_classes/VCPU'],
      ['GET', `/allocations/${consumer}`],
      ['GET', '/usages?project_id=p'],
      ['GET', '/allocation_candidates?resources=VCPU:1'],
      ['PUT', `/resource_providers/${root}`, { name: 'root' }],
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
