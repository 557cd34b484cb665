// Table of the changes in Placement's published microversion history, one row each.
// microversions.test.ts checks them.
// https://docs.openstack.org/placement/latest/placement-api-microversion-history.html
import { randomUUID } from 'node:crypto';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { PlacementFixture } from './placement.testing.ts';

type Answer = Awaited<ReturnType<PlacementFixture['ask']>>;

export interface Step {
  since: number;
  what: string;
  ask: [HttpMethod, () => string, (() => Json)?];
  /** Expected status, or check of the answer, in versions below `since`. */
  before: number | ((answer: Answer) => boolean);
  /** The same in versions from `since` on. */
  from: number | ((answer: Answer) => boolean);
  /** The last version to which `from` applies; default: the latest. */
  until?: number;
}

/** The objects that the steps refer to. Members may be set after the steps were built. */
export interface About {
  /** A provider with VCPU, the trait CUSTOM_A and the aggregate. */
  root: string;
  /** A provider below `root`, with MEMORY_MB. */
  child: string;
  /** A consumer that holds VCPU of `root`. */
  consumer: string;
  aggregate: string;
}

export function stepsAbout(about: About, fresh: () => string): readonly Step[] {
  const links = (rel: string) => (answer: Answer) =>
    (answer.body as { links: { rel: string }[] }).links.some((link) => link.rel === rel);
  const not = (check: (answer: Answer) => boolean) => (answer: Answer) =>
    answer.status < 300 && !check(answer);
  const has =
    (...keys: string[]) =>
    (answer: Answer) =>
      keys.every((key) => key in (answer.body as object));
  const claim = (extra: Record<string, Json> = {}): Json => ({
    allocations: { [about.root]: { resources: { VCPU: 1 } } },
    project_id: 'p',
    user_id: 'u',
    ...extra,
  });
  const listClaim = (extra: Record<string, Json> = {}): Json => ({
    allocations: [{ resource_provider: { uuid: about.root }, resources: { VCPU: 1 } }],
    ...extra,
  });
  const provider =
    (suffix = '') =>
    () =>
      `/resource_providers/${about.root}${suffix}`;
  const candidates = (query: string) => () => `/allocation_candidates?resources=VCPU:1${query}`;
  const requests = (answer: Answer): { allocations: Record<string, unknown> }[] =>
    answer.body.allocation_requests;
  const summary = (answer: Answer): Record<string, unknown> =>
    answer.body.provider_summaries[about.root];

  return [
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
      ask: ['GET', () => `/resource_providers?member_of=${about.aggregate}`],
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
      ask: ['GET', () => `/allocations/${about.consumer}`],
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
      ask: ['GET', () => `/resource_providers?in_tree=${about.root}`],
      before: 400,
      from: 200,
    },
    {
      since: 14,
      what: 'new providers with a parent',
      ask: [
        'POST',
        () => '/resource_providers',
        () => ({ name: fresh(), parent_provider_uuid: about.root }),
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
      ask: ['GET', candidates(`&member_of=${about.aggregate}`)],
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
      ask: [
        'GET',
        () => `/resource_providers?member_of=${about.aggregate}&member_of=${about.aggregate}`,
      ],
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
        () => `/resource_providers/${about.child}/inventories`,
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
        Object.keys(answer.body.provider_summaries[about.child].resources).join() === 'MEMORY_MB',
      from: (answer) => 'DISK_GB' in answer.body.provider_summaries[about.child].resources,
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
      ask: ['GET', () => `/allocations/${about.consumer}`],
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
      ask: ['GET', () => `/allocation_candidates?resources=VCPU:1&in_tree=${about.child}`],
      before: (answer) => answer.status >= 400,
      from: 200,
    },
    {
      since: 32,
      what: 'forbidden aggregates',
      ask: ['GET', () => `/resource_providers?member_of=!${about.aggregate}`],
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
      ask: ['GET', () => `/allocations/${about.consumer}`],
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
}
