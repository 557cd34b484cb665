// Role-based access control: who may do what. Pure.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/
import type { KubeObject } from '#contracts/kube/object.ts';

export interface User {
  name: string;
  uid: string;
  groups: readonly string[];
}

/** A request in the terms of access control. */
export type Attributes =
  | {
      verb: string;
      group: string;
      resource: string;
      subresource: string;
      namespace: string;
      name: string;
    }
  | { verb: string; path: string };

export interface Rule {
  verbs: readonly string[];
  apiGroups?: readonly string[];
  resources?: readonly string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
}

interface Subject {
  kind: 'User' | 'Group' | 'ServiceAccount';
  name: string;
  namespace?: string;
}

export interface Bindings {
  /** The ClusterRoleBindings. */
  clusterRoleBindings(): Iterable<KubeObject>;
  roleBindings(namespace: string): Iterable<KubeObject>;
  rules(roleKind: 'Role' | 'ClusterRole', namespace: string, name: string): readonly Rule[];
}

/**
 * Members of this group may do everything, regardless of roles:
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles
 */
export const masters = 'system:masters';

/** The rules that apply to a user cluster-wide and in the namespace ('': cluster-wide only). */
export function rulesOf(user: User, namespace: string, bindings: Bindings): Rule[] {
  const rules: Rule[] = [];
  const gather = (binding: KubeObject, ofNamespace: string): void => {
    const subjects = (binding['subjects'] ?? []) as Subject[];
    if (!subjects.some((subject) => isSubject(user, subject, ofNamespace))) return;
    const { kind, name } = binding['roleRef'] as { kind: 'Role' | 'ClusterRole'; name: string };
    rules.push(...bindings.rules(kind, ofNamespace, name));
  };
  for (const binding of bindings.clusterRoleBindings()) gather(binding, '');
  if (namespace !== '')
    for (const binding of bindings.roleBindings(namespace)) gather(binding, namespace);
  return rules;
}

function isSubject(user: User, { kind, name, namespace }: Subject, ofNamespace: string): boolean {
  switch (kind) {
    case 'User':
      return user.name === name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${namespace ?? ofNamespace}:${name}`;
    default:
      return false;
  }
}

export function mayDo(user: User, attributes: Attributes, bindings: Bindings): boolean {
  if (user.groups.includes(masters)) return true;
  const namespace = 'path' in attributes ? '' : attributes.namespace;
  return rulesOf(user, namespace, bindings).some((rule) => allows(rule, attributes));
}

const has = (list: readonly string[] | null | undefined, value: string): boolean =>
  !!list && (list.includes('*') || list.includes(value));

export function allows(rule: Rule, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if ('path' in attributes) {
    const { path } = attributes;
    return (rule.nonResourceURLs ?? []).some((each) =>
      each.endsWith('*') ? path.startsWith(each.slice(0, -1)) : each === path,
    );
  }
  const { group, resource, subresource, name } = attributes;
  const [resources, resourceNames] = [rule.resources ?? [], rule.resourceNames ?? []];
  const isOfResource =
    resources.includes('*') ||
    (subresource === ''
      ? resources.includes(resource)
      : resources.includes(`${resource}/${subresource}`) || resources.includes(`*/${subresource}`));
  return (
    has(rule.apiGroups, group) &&
    isOfResource &&
    (resourceNames.length === 0 || (name !== '' && resourceNames.includes(name)))
  );
}

/**
 * The words of a refusal, e.g. `User "x" cannot get resource "pods" in API group "" in the
 * namespace "default"`.
 */
export function refusalWords({ name }: User, attributes: Attributes): string {
  if ('path' in attributes)
    return `User "${name}" cannot ${attributes.verb} path "${attributes.path}"`;
  const { verb, group, resource, subresource, namespace } = attributes;
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  return `User "${name}" cannot ${verb} resource "${what}" in API group "${group}"${
    namespace === '' ? ' at the cluster scope' : ` in the namespace "${namespace}"`
  }`;
}
