// Parses the query of GET /allocation_candidates, by microversion. Pure.
// https://docs.openstack.org/api-ref/placement/#list-allocation-candidates
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Query } from '#platform/http/messages.ts';
import {
  badQuery,
  parseMemberOf,
  parseResources,
  parseTraits,
  parseUuid,
  unknownParameter,
  type Parameters,
} from './query-values.ts';

export interface GroupRequest {
  /** '' for the unsuffixed group, whose resources may come from several providers of a tree. */
  suffix: string;
  resources: ReadonlyMap<string, number>;
  /** Each entry is a list of alternatives: at least one of these traits is required. */
  required: readonly (readonly string[])[];
  forbidden: readonly string[];
  /** Each entry is a list of alternatives: the provider must be in one of these aggregates. */
  memberOf: readonly (readonly string[])[];
  notMemberOf: readonly string[];
  inTree: string | null;
}

export interface CandidateRequest {
  groups: readonly GroupRequest[];
  isolate: boolean;
  limit: number | null;
  rootRequired: readonly string[];
  rootForbidden: readonly string[];
  sameSubtree: readonly (readonly string[])[];
  /** False before 1.29: then no candidate takes from two providers of one tree. */
  nested: boolean;
}

const wide: Parameters = { limit: 16, group_policy: 25, root_required: 35, same_subtree: 36 };
/** Parameters of a request group, by the minor microversion that introduced them. */
const ofGroup: Parameters = { resources: 10, required: 17, member_of: 21, in_tree: 31 };
/** Microversion from which on these may have a number as suffix, e.g. `resources1`. */
const groupsSince = 25;
/** Microversion from which on the suffix may be any name, e.g. `resources_NET`. */
const namedGroupsSince = 33;
/** Microversion from which on a group may request no resources. */
const resourcelessSince = 36;

/** Kind and suffix of a group parameter in this microversion; undefined: not a group parameter. */
function groupKey(key: string, version: number): { kind: string; suffix: string } | undefined {
  const kind = Object.keys(ofGroup).find(
    (name) => key.startsWith(name) && (ofGroup[name] ?? 0) <= version,
  );
  if (kind === undefined) return undefined;
  const suffix = key.slice(kind.length);
  const isSuffix =
    suffix === '' ||
    (version >= namedGroupsSince
      ? /^[a-zA-Z0-9_-]{1,64}$/
      : version >= groupsSince
        ? /^[1-9][0-9]*$/
        : /^$/
    ).test(suffix);
  return isSuffix ? { kind, suffix } : undefined;
}

export function parseCandidateRequest(query: Query, version: number): Outcome<CandidateRequest> {
  const bySuffix = new Map<string, Map<string, readonly string[]>>();
  const others: Record<string, readonly string[]> = Object.create(null) as Record<
    string,
    readonly string[]
  >; // parameter names are chosen by the caller
  for (const [key, values] of Object.entries(query)) {
    const parameter = groupKey(key, version);
    if (!parameter) {
      others[key] = values;
      continue;
    }
    const group = bySuffix.get(parameter.suffix) ?? new Map<string, readonly string[]>();
    bySuffix.set(parameter.suffix, group.set(parameter.kind, values));
  }
  const stranger = unknownParameter(others, wide, version);
  if (stranger) return stranger;
  if (version < groupsSince && !bySuffix.get('')?.has('resources'))
    return badQuery("'resources' is a required property");
  const groups: GroupRequest[] = [];
  for (const [suffix, parameters] of bySuffix) {
    const group = parseGroup(suffix, parameters, version);
    if (isFault(group)) return group;
    groups.push(group);
  }
  const whole = parseWide(others, version);
  if (isFault(whole)) return whole;
  const wrong =
    wrongGroups(groups, whole.sameSubtree, version) ?? wrongPolicy(groups, others['group_policy']);
  return wrong ?? { groups, ...whole };
}

function parseGroup(
  suffix: string,
  parameters: ReadonlyMap<string, readonly string[]>,
  version: number,
): Outcome<GroupRequest> {
  const [amounts, tree] = [parameters.get('resources')?.at(-1), parameters.get('in_tree')?.at(-1)];
  const resources = amounts === undefined ? new Map<string, number>() : parseResources(amounts);
  if (isFault(resources)) return resources;
  const traits = parseTraits(parameters.get('required') ?? [], version, `required${suffix}`);
  if (isFault(traits)) return traits;
  const members = parseMemberOf(parameters.get('member_of') ?? [], version, `member_of${suffix}`);
  if (isFault(members)) return members;
  const inTree = tree === undefined ? null : parseUuid(tree, `in_tree${suffix}`);
  return isFault(inTree) ? inTree : { suffix, resources, ...traits, ...members, inTree };
}

function parseWide(query: Query, version: number): Outcome<Omit<CandidateRequest, 'groups'>> {
  const [limit, policy, root] = [
    query['limit']?.[0],
    query['group_policy']?.[0],
    query['root_required'] ?? [],
  ];
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit))
    return badQuery(`'${limit}' does not match '^[1-9][0-9]*$': limit is a whole number from 1.`);
  if (policy !== undefined && policy !== 'isolate' && policy !== 'none')
    return badQuery(`'${policy}' is not one of ['none', 'isolate']: group_policy.`);
  if (root.length > 1)
    return fault('badRequest', "Query parameter 'root_required' may be specified only once.", {
      code: 'placement.query.duplicate_key',
    });
  // Parsed as in 1.38: root_required never allows alternatives (`in:`), which 1.39 introduced.
  const rootTraits = parseTraits(root, Math.min(version, 38), 'root_required');
  if (isFault(rootTraits)) return rootTraits;
  const both = rootTraits.required.flat().filter((trait) => rootTraits.forbidden.includes(trait));
  if (both.length > 0)
    return fault(
      'badRequest',
      `Conflicting required and forbidden traits found in root_required: ${both.join(', ')}`,
      { code: 'placement.query.bad_value' },
    );
  const sameSubtree = (query['same_subtree'] ?? []).map((value) =>
    value.split(',').map((suffix) => suffix.trim()),
  );
  if (sameSubtree.flat().includes(''))
    return fault(
      'badRequest',
      'Empty string (unsuffixed group) can not be specified in `same_subtree`',
      { code: 'placement.query.bad_value' },
    );
  return {
    isolate: policy === 'isolate',
    limit: limit === undefined ? null : Number(limit),
    rootRequired: rootTraits.required.flat(),
    rootForbidden: rootTraits.forbidden,
    sameSubtree,
    nested: version >= 29,
  };
}

/**
 * Checks the groups of the request. badRequest: a group has no resources. Since 1.36 a group that
 * `same_subtree` names needs none.
 */
function wrongGroups(
  groups: readonly GroupRequest[],
  sameSubtree: readonly (readonly string[])[],
  version: number,
): Fault | undefined {
  const empty = groups.filter((group) => group.resources.size === 0);
  if (groups.length === 0 && version < resourcelessSince)
    return fault(
      'badRequest',
      'At least one request group (`resources` or `resources{$S}`) is required.',
    );
  if (version < resourcelessSince) {
    const traits = empty
      .filter((group) => group.required.length > 0)
      .map(({ suffix }) => `required${suffix}`);
    if (traits.length > 0)
      return fault(
        'badRequest',
        `All traits parameters must be associated with resources.  Found the following orphaned traits keys: ${traits.join(', ')}`,
      );
    const members = empty
      .filter((group) => group.memberOf.length + group.notMemberOf.length > 0)
      .map(({ suffix }) => `member_of${suffix}`);
    if (members.length > 0)
      return fault(
        'badRequest',
        `All member_of parameters must be associated with resources. Found the following orphaned member_of keys: ${members.join(', ')}`,
      );
    if (empty.length > 0) return fault('badRequest', 'All request groups must specify resources.');
  } else {
    const named = new Set(sameSubtree.flat());
    if (empty.length === groups.length)
      return fault(
        'badRequest',
        'There must be at least one resources or resources[$S] parameter.',
        { code: 'placement.query.missing_value' },
      );
    const unnamed = empty.filter(({ suffix }) => !named.has(suffix)).map(({ suffix }) => suffix);
    if (unnamed.length > 0)
      return fault(
        'badRequest',
        `Resourceless suffixed group request should be specified in \`same_subtree\` query param: bad group(s) - ${unnamed.join(', ')}.`,
        { code: 'placement.query.bad_value' },
      );
    const missing = [...named].filter((suffix) => groups.every((group) => group.suffix !== suffix));
    if (missing.length > 0)
      return fault(
        'badRequest',
        `Real suffixes should be specified in \`same_subtree\`: ${missing.join(', ')} not found.`,
        { code: 'placement.query.bad_value' },
      );
  }
  const both = groups.flatMap(({ suffix, required, forbidden }) =>
    required
      .filter((any) => any.every((trait) => forbidden.includes(trait)))
      .map((any) => `required${suffix}: (${any.join(', ')})`),
  );
  return both.length === 0
    ? undefined
    : fault(
        'badRequest',
        `Conflicting required and forbidden traits found in the following traits keys: ${both.sort().join(', ')}`,
      );
}

function wrongPolicy(
  groups: readonly GroupRequest[],
  policy: readonly string[] | undefined,
): Fault | undefined {
  const granular = groups.filter(({ suffix }) => suffix !== '').length;
  if (granular <= 1 || policy !== undefined) return undefined;
  return fault(
    'badRequest',
    'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.',
  );
}
