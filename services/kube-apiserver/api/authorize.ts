// Decides by the stored roles and bindings whether a user may make a request, and answers access
// reviews.
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/
import type { KubeObject } from '#contracts/kube/object.ts';
import type { Attributes, Bindings, Rule, User } from '../domain/rbac.ts';
import { mayDo, rulesOf } from '../domain/rbac.ts';
import type { Resource } from '../domain/resource.ts';
import type { Answer } from '../domain/status.ts';
import { badRequest } from '../domain/status.ts';
import { isObject } from '../domain/structural-schema/schema.ts';
import type { Stored } from '../store/object-store.ts';
import type { KubeDeps } from './deps.ts';

const rbacKind = (plural: string): string => `${plural}.rbac.authorization.k8s.io`;

/** Cache of parsed roles and bindings, which every request reads. */
const parsed = new WeakMap<Stored, KubeObject>();

function objectOf(stored: Stored): KubeObject {
  const cached = parsed.get(stored);
  if (cached) return cached;
  const { object } = stored;
  parsed.set(stored, object);
  return object;
}

export function bindingsIn({ store }: Pick<KubeDeps, 'store'>): Bindings {
  return {
    clusterRoleBindings: () => store.list(rbacKind('clusterrolebindings')).map(objectOf),
    roleBindings: (namespace) => store.list(rbacKind('rolebindings'), namespace).map(objectOf),
    rules(roleKind, namespace, name) {
      const place =
        roleKind === 'ClusterRole'
          ? { kind: rbacKind('clusterroles'), namespace: '', name }
          : { kind: rbacKind('roles'), namespace, name };
      const stored = store.get(place);
      return ((stored && objectOf(stored)['rules']) ?? []) as Rule[];
    },
  };
}

/** Answers a review (SubjectAccessReview and the like), which is not stored. */
export function review(
  deps: Pick<KubeDeps, 'store' | 'tokens'>,
  resource: Resource,
  body: unknown,
  user: User,
): Answer<KubeObject> {
  if (!isObject(body)) return badRequest('the body is no object');
  const spec = isObject(body['spec']) ? body['spec'] : {};
  const answer = (status: object): KubeObject => ({
    ...body,
    apiVersion: `${resource.group}/${resource.version}`,
    kind: resource.kind,
    metadata: { ...(body['metadata'] as object | undefined), creationTimestamp: null },
    status: status as Record<string, unknown>,
  });
  const bindings = bindingsIn(deps);
  switch (resource.kind) {
    case 'SelfSubjectReview':
      return answer({ userInfo: { username: user.name, uid: user.uid, groups: user.groups } });
    case 'SelfSubjectAccessReview':
      return answer(accessStatus(user, spec, bindings));
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview':
      return answer(
        accessStatus(
          {
            name: textOf(spec, 'user'),
            uid: '',
            groups: Array.isArray(spec['groups']) ? (spec['groups'] as string[]) : [],
          },
          spec,
          bindings,
        ),
      );
    case 'SelfSubjectRulesReview':
      return answer(rulesStatus(user, textOf(spec, 'namespace'), bindings));
    case 'TokenReview':
      return answer(tokenStatus(deps, spec));
    default:
      return badRequest(`${resource.kind} is answered by no one here`);
  }
}

function tokenStatus({ tokens }: Pick<KubeDeps, 'tokens'>, spec: Record<string, unknown>): object {
  const named = Array.isArray(spec['audiences']) ? spec['audiences'].map(String) : [];
  const checked = tokens.check(textOf(spec, 'token'), named.length > 0 ? named : undefined);
  if (!checked) return { authenticated: false, user: {}, error: 'invalid bearer token' };
  const { name: username, uid, groups } = checked.user;
  return { authenticated: true, user: { username, uid, groups }, audiences: checked.audiences };
}

function accessStatus(user: User, spec: Record<string, unknown>, bindings: Bindings): object {
  const attributes = attributesOf(spec);
  const isAllowed = attributes !== undefined && mayDo(user, attributes, bindings);
  return { allowed: isAllowed, ...(isAllowed ? {} : { reason: '' }) };
}

function textOf(holder: Record<string, unknown>, name: string): string {
  const value = holder[name];
  return typeof value === 'string' ? value : '';
}

function attributesOf(spec: Record<string, unknown>): Attributes | undefined {
  const { resourceAttributes: of, nonResourceAttributes: path } = spec;
  if (isObject(of))
    return {
      verb: textOf(of, 'verb'),
      group: textOf(of, 'group'),
      resource: textOf(of, 'resource'),
      subresource: textOf(of, 'subresource'),
      namespace: textOf(of, 'namespace'),
      name: textOf(of, 'name'),
    };
  return isObject(path) ? { verb: textOf(path, 'verb'), path: textOf(path, 'path') } : undefined;
}

function rulesStatus(user: User, namespace: string, bindings: Bindings): object {
  const isMaster = user.groups.includes('system:masters');
  const rules: Rule[] = isMaster
    ? [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ]
    : rulesOf(user, namespace, bindings);
  return {
    incomplete: false,
    resourceRules: rules.filter(({ resources }) => resources !== undefined),
    nonResourceRules: rules.filter(({ nonResourceURLs }) => nonResourceURLs !== undefined),
  };
}
