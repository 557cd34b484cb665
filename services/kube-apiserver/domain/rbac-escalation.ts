// Whether a writer holds all the rights that a role or binding would grant. Pure.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
import type { Rule } from './rbac.ts';

/**
 * Limit of comparisons (verbs x groups x resources x names x held rules) for one rule; a larger
 * rule counts as not held.
 */
const maxRights = 100_000;

/** The first granted rule that is not covered by `ownRules`; undefined: all are covered. */
export function ruleNotHeld(granted: readonly Rule[], ownRules: readonly Rule[]): Rule | undefined {
  return granted.find((rule) => !isHeld(rule, ownRules));
}

function isHeld(rule: Rule, ownRules: readonly Rule[]): boolean {
  const { verbs } = rule;
  const [groups, resources, urls] = [rule.apiGroups, rule.resources, rule.nonResourceURLs].map(
    (each) => each ?? [],
  ) as [readonly string[], readonly string[], readonly string[]];
  const resourceNames = rule.resourceNames ?? [];
  const names = resourceNames.length === 0 ? [undefined] : resourceNames;
  const count =
    verbs.length *
    (groups.length * resources.length * names.length + urls.length) *
    Math.max(1, ownRules.length);
  if (count > maxRights) return false;
  return verbs.every(
    (verb) =>
      urls.every((url) => ownRules.some((each) => holdsUrl(each, verb, url))) &&
      groups.every((group) =>
        resources.every((resource) =>
          names.every((name) =>
            ownRules.some((each) => holds(each, { verb, group, resource, name })),
          ),
        ),
      ),
  );
}

const has = (list: readonly string[] | undefined, value: string): boolean =>
  !!list && (list.includes('*') || list.includes(value));

interface Right {
  verb: string;
  group: string;
  resource: string;
  /** undefined: objects of any name. */
  name: string | undefined;
}

function holds(rule: Rule, { verb, group, resource, name }: Right): boolean {
  const { resources } = rule;
  const resourceNames = rule.resourceNames ?? [];
  const [, subresource] = resource.split('/');
  return (
    has(rule.verbs, verb) &&
    has(rule.apiGroups, group) &&
    (has(resources, resource) ||
      (subresource !== undefined && (resources?.includes(`*/${subresource}`) ?? false))) &&
    (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name)))
  );
}

const holdsUrl = ({ verbs, nonResourceURLs }: Rule, verb: string, url: string): boolean =>
  has(verbs, verb) &&
  (nonResourceURLs ?? []).some((each) =>
    each.endsWith('*') ? url.startsWith(each.slice(0, -1)) : each === url,
  );
