// The default roles and bindings of every cluster, limited to the resources served here. Pure.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
import type { KubeObject } from '#contracts/kube/object.ts';
import type { Rule } from './rbac.ts';

const group = 'rbac.authorization.k8s.io';
const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const of = (apiGroup: string, verbs: readonly string[], ...resources: string[]): Rule => ({
  verbs,
  apiGroups: [apiGroup],
  resources,
});
const paths = (...nonResourceURLs: string[]): Rule => ({ verbs: ['get'], nonResourceURLs });

const metadata = (name: string, labels: Record<string, string> = {}) => ({
  name,
  annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
});

/** The label that adds a role's rules to the aggregated role `admin`, `edit` or `view`. */
const aggregatesTo = (role: string) => `${group}/aggregate-to-${role}`;

const role = (name: string, rules: readonly Rule[], partOf?: string) => ({
  metadata: metadata(name, partOf === undefined ? {} : { [aggregatesTo(partOf)]: 'true' }),
  rules: [...rules],
});

/** An aggregated role: it gets the rules of all roles with its label. */
const sumOf = (name: string, partOf?: string) => ({
  ...role(name, [], partOf),
  aggregationRule: {
    clusterRoleSelectors: [{ matchLabels: { [aggregatesTo(name)]: 'true' } }],
  },
});

const viewed: readonly Rule[] = [
  of('', read, 'configmaps', 'events', 'namespaces', 'pods', 'pods/status', 'serviceaccounts'),
  of('', read, 'services', 'services/status'),
  of('apps', read, 'daemonsets', 'daemonsets/status', 'deployments', 'deployments/scale'),
  of('apps', read, 'deployments/status'),
  of('policy', read, 'poddisruptionbudgets', 'poddisruptionbudgets/status'),
];
const edited: readonly Rule[] = [
  of('', read, 'secrets'),
  of('', ['impersonate'], 'serviceaccounts'),
  of('', write, 'pods', 'configmaps', 'secrets', 'serviceaccounts', 'services'),
  of('', write, 'events'),
  of('', ['create'], 'serviceaccounts/token'),
  of('apps', write, 'daemonsets', 'deployments', 'deployments/scale'),
  of('policy', write, 'poddisruptionbudgets'),
  of('coordination.k8s.io', [...read, ...write], 'leases'),
];
const administered: readonly Rule[] = [
  of('authorization.k8s.io', ['create'], 'localsubjectaccessreviews'),
  of(group, [...read, ...write], 'roles', 'rolebindings'),
];
const discovered = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'];
const health = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

export const bootstrapRoles = [
  role('cluster-admin', [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]),
  role('system:aggregate-to-view', viewed, 'view'),
  role('system:aggregate-to-edit', edited, 'edit'),
  role('system:aggregate-to-admin', administered, 'admin'),
  sumOf('view', 'edit'),
  sumOf('edit', 'admin'),
  sumOf('admin'),
  role('system:discovery', [paths(...discovered, ...health)]),
  role('system:public-info-viewer', [paths(...health)]),
  role('system:basic-user', [
    of('authorization.k8s.io', ['create'], 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
    of('authentication.k8s.io', ['create'], 'selfsubjectreviews'),
  ]),
  role('system:auth-delegator', [
    of('authentication.k8s.io', ['create'], 'tokenreviews'),
    of('authorization.k8s.io', ['create'], 'subjectaccessreviews'),
  ]),
];

const binding = (name: string, ...groups: string[]) => ({
  metadata: metadata(name),
  roleRef: { apiGroup: group, kind: 'ClusterRole', name },
  subjects: groups.map((each) => ({ apiGroup: group, kind: 'Group', name: each })),
});

export const bootstrapBindings = [
  binding('cluster-admin', 'system:masters'),
  binding('system:discovery', 'system:authenticated'),
  binding('system:basic-user', 'system:authenticated'),
  binding('system:public-info-viewer', 'system:authenticated', 'system:unauthenticated'),
];

/**
 * The rules of an aggregated role: those of all roles that its selectors match, without duplicates.
 */
export function aggregatedRules(
  { metadata: { name }, aggregationRule }: KubeObject,
  all: readonly KubeObject[],
): Rule[] {
  const { clusterRoleSelectors } = aggregationRule as {
    clusterRoleSelectors?: { matchLabels?: Record<string, string> }[] | null;
  };
  const isNamed = ({ metadata: other }: KubeObject): boolean =>
    other.name !== name &&
    (clusterRoleSelectors ?? []).some(({ matchLabels = {} }) =>
      Object.entries(matchLabels).every(([key, value]) => other.labels?.[key] === value),
    );
  const rules = all.filter(isNamed).flatMap((each) => (each['rules'] ?? []) as Rule[]);
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
