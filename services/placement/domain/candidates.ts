// Finds the ways to satisfy a request, tree by tree. Pure: snapshot in, candidates out.
import type { Provider } from './provider.ts';
import { fits } from './provider.ts';
import type { CandidateRequest, GroupRequest } from './resource-request.ts';

export interface Candidate {
  /** Provider -> resource class -> amount. */
  allocations: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Group suffix -> the providers that satisfy the group. */
  mappings: ReadonlyMap<string, readonly string[]>;
  rootUuid: string;
}

/** A provider with this trait shares its resources with the members of its aggregates. */
const sharingTrait = 'MISC_SHARES_VIA_AGGREGATE';
// Upper bound, because the number of combinations in a tree can explode; further ones would be of
// no use to a scheduler.
const maxWaysPerTree = 1000;

interface Way {
  /** The amounts taken, in the order of the group's resource classes. */
  picks: readonly { provider: Provider; resourceClass: string; amount: number }[];
  providers: readonly Provider[];
}

/** The candidates in the order of the trees; at most `request.limit`. */
export function findCandidates(
  trees: ReadonlyMap<string, readonly Provider[]>,
  request: CandidateRequest,
): Candidate[] {
  const candidates: Candidate[] = [];
  const sharing: Provider[] = [];
  for (const tree of trees.values())
    for (const provider of tree) if (provider.traits.has(sharingTrait)) sharing.push(provider);
  const sole = request.groups.length === 1 ? request.groups[0] : undefined;
  for (const [rootUuid, tree] of trees) {
    if (!rootFits(tree, request)) continue;
    const [root] = tree;
    if (sole && sharing.length === 0 && tree.length === 1 && root) {
      // Fast path: nearly every tree is a single host and nearly every request a single group, so
      // there is nothing to combine.
      if (!givesAll(sole, root)) continue;
      candidates.push({
        allocations: new Map([[rootUuid, sole.resources]]),
        mappings: new Map([[sole.suffix, [rootUuid]]]),
        rootUuid,
      });
      if (request.limit !== null && candidates.length >= request.limit) return candidates;
      continue;
    }
    const reachable =
      sharing.length === 0
        ? tree
        : [
            ...tree,
            ...sharing.filter(
              (provider) =>
                !tree.includes(provider) &&
                tree.some((member) => sharesAggregate(provider, member)),
            ),
          ];
    const sets = sole
      ? waysOf(sole, reachable).map((way) => [{ group: sole, way }])
      : combine(request, reachable);
    for (const set of sets) {
      // Skip sets in which the tree itself provides nothing: sharing providers count with their own
      // trees.
      if (!set.some(({ way }) => way.providers.some((provider) => provider.rootUuid === rootUuid)))
        continue;
      if (!request.nested && takesTwiceFromATree(set)) continue;
      candidates.push(toCandidate(rootUuid, set));
      if (request.limit !== null && candidates.length >= request.limit) return candidates;
    }
  }
  return candidates;
}

function givesAll(group: GroupRequest, provider: Provider): boolean {
  if (group.resources.size === 0) return false;
  const unconditional =
    group.required.length +
      group.forbidden.length +
      group.memberOf.length +
      group.notMemberOf.length ===
      0 && group.inTree === null;
  if (!unconditional && !(isOpen(group, provider, [provider]) && hasTraits(group, [provider])))
    return false;
  for (const [resourceClass, amount] of group.resources)
    if (!fits(provider, resourceClass, amount)) return false;
  return true;
}

function rootFits(tree: readonly Provider[], request: CandidateRequest): boolean {
  if (request.rootRequired.length + request.rootForbidden.length === 0) return true;
  const [root] = tree;
  return (
    root !== undefined &&
    request.rootRequired.every((trait) => root.traits.has(trait)) &&
    !request.rootForbidden.some((trait) => root.traits.has(trait))
  );
}

/** The ways in which the providers can satisfy one group. */
function waysOf(group: GroupRequest, providers: readonly Provider[]): Way[] {
  const open = providers.filter((provider) => isOpen(group, provider, providers));
  if (group.suffix !== '' || group.resources.size <= 1) {
    // A group with a suffix, or with one class, must be satisfied by a single provider.
    return open
      .filter(
        (provider) =>
          [...group.resources].every(([name, amount]) => fits(provider, name, amount)) &&
          hasTraits(group, [provider]),
      )
      .map((provider) => ({
        picks: [...group.resources].map(([resourceClass, amount]) => ({
          provider,
          resourceClass,
          amount,
        })),
        providers: [provider],
      }));
  }
  let ways: Way['picks'][] = [[]];
  for (const [resourceClass, amount] of group.resources) {
    const able = open.filter((provider) => fits(provider, resourceClass, amount));
    if (able.length === 0) return [];
    ways = ways
      .flatMap((picks) => able.map((provider) => [...picks, { provider, resourceClass, amount }]))
      .slice(0, maxWaysPerTree);
  }
  return ways
    .map((picks) => ({ picks, providers: [...new Set(picks.map(({ provider }) => provider))] }))
    .filter((way) => hasTraits(group, way.providers));
}

function isOpen(group: GroupRequest, provider: Provider, reachable: readonly Provider[]): boolean {
  if (group.forbidden.some((trait) => provider.traits.has(trait))) return false;
  if (group.inTree !== null && provider.rootUuid !== rootOf(group.inTree, reachable)) return false;
  // For the unsuffixed group a root's aggregates apply to its whole tree.
  const root = reachable.find((candidate) => candidate.uuid === provider.rootUuid);
  const member = (uuid: string): boolean =>
    provider.aggregates.has(uuid) || (group.suffix === '' && (root?.aggregates.has(uuid) ?? false));
  return group.memberOf.every((any) => any.some(member)) && !group.notMemberOf.some(member);
}

const rootOf = (uuid: string, reachable: readonly Provider[]): string | undefined =>
  reachable.find((provider) => provider.uuid === uuid)?.rootUuid;
const hasTraits = (group: GroupRequest, providers: readonly Provider[]): boolean =>
  group.required.every((any) =>
    any.some((trait) => providers.some((provider) => provider.traits.has(trait))),
  );
const sharesAggregate = (a: Provider, b: Provider): boolean =>
  [...a.aggregates].some((uuid) => b.aggregates.has(uuid));

type Chosen = { group: GroupRequest; way: Way };

/** All valid combinations of the groups' ways. */
function combine(request: CandidateRequest, providers: readonly Provider[]): Chosen[][] {
  let sets: Chosen[][] = [[]];
  for (const group of request.groups) {
    const ways =
      group.resources.size === 0
        ? waysWithoutResources(group, providers)
        : waysOf(group, providers);
    sets = sets
      .flatMap((set) => ways.map((way) => [...set, { group, way }]))
      .filter((set) => keepsApart(set, request))
      .slice(0, maxWaysPerTree);
  }
  return sets.filter(
    (set) =>
      capacityHolds(set) &&
      request.sameSubtree.every((suffixes) => inSameSubtree(set, suffixes, providers)),
  );
}

/**
 * Whether a candidate takes resources from two providers of one tree. Callers before 1.29 do not
 * know trees, so such candidates are not offered to them.
 */
function takesTwiceFromATree(set: readonly Chosen[]): boolean {
  const givers = new Map(
    set.flatMap(({ way }) => way.picks).map(({ provider }) => [provider.uuid, provider.rootUuid]),
  );
  return new Set(givers.values()).size < givers.size;
}

const waysWithoutResources = (group: GroupRequest, providers: readonly Provider[]): Way[] =>
  providers
    .filter((provider) => isOpen(group, provider, providers) && hasTraits(group, [provider]))
    .map((provider) => ({ picks: [], providers: [provider] }));

function keepsApart(set: readonly Chosen[], request: CandidateRequest): boolean {
  if (!request.isolate) return true;
  const granular = set
    .filter(({ group }) => group.suffix !== '')
    .map(({ way }) => way.providers[0]?.uuid);
  return new Set(granular).size === granular.length;
}

/** Whether the sum of what the groups take of each provider fits there. */
function capacityHolds(set: readonly Chosen[]): boolean {
  const sums = new Map<string, { provider: Provider; resourceClass: string; amount: number }>();
  for (const { provider, resourceClass, amount } of set.flatMap(({ way }) => way.picks)) {
    const key = `${provider.uuid}/${resourceClass}`;
    sums.set(key, { provider, resourceClass, amount: (sums.get(key)?.amount ?? 0) + amount });
  }
  return [...sums.values()].every(({ provider, resourceClass, amount }) =>
    fits(provider, resourceClass, amount),
  );
}

/** Whether one provider of these groups is an ancestor of all the others (or the same). */
function inSameSubtree(
  set: readonly Chosen[],
  suffixes: readonly string[],
  providers: readonly Provider[],
): boolean {
  const chosenProviders = set
    .filter(({ group }) => suffixes.includes(group.suffix))
    .flatMap(({ way }) => way.providers);
  const parentOf = new Map(providers.map((provider) => [provider.uuid, provider.parentUuid]));
  const isUnder = (uuid: string, ancestor: string): boolean => {
    for (let at: string | null | undefined = uuid; at != null; at = parentOf.get(at))
      if (at === ancestor) return true;
    return false;
  };
  return chosenProviders.some((top) =>
    chosenProviders.every((provider) => isUnder(provider.uuid, top.uuid)),
  );
}

function toCandidate(rootUuid: string, set: readonly Chosen[]): Candidate {
  const allocations = new Map<string, Map<string, number>>();
  const mappings = new Map<string, string[]>();
  for (const { group, way } of set) {
    mappings.set(
      group.suffix,
      way.providers.map((provider) => provider.uuid),
    );
    for (const { provider, resourceClass, amount } of way.picks) {
      const resources = allocations.get(provider.uuid) ?? new Map<string, number>();
      resources.set(resourceClass, (resources.get(resourceClass) ?? 0) + amount);
      allocations.set(provider.uuid, resources);
    }
  }
  return { allocations, mappings, rootUuid };
}
