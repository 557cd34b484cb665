// Nobody grants what it may not do itself: a role is refused that has more rights than its writer,
// and a binding to such a one, unless the writer has the verb `escalate` or `bind`.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
import type { KubeObject } from '#contracts/kube/object.ts';
import { ruleNotHeld } from '../domain/rbac-escalation.ts';
import type { Bindings, Rule, User } from '../domain/rbac.ts';
import { masters, mayDo, rulesOf } from '../domain/rbac.ts';
import { isSameJson } from '../domain/same-json.ts';
import type { Refusal } from '../domain/status.ts';
import { forbidden } from '../domain/status.ts';
import type { Target } from './write-objects.ts';
import { subjectOf } from './write-objects.ts';

const group = 'rbac.authorization.k8s.io';

/** What a write would grant is looked at as it is to be stored; both are of the right shape. */
export function guardRoles(
  user: User,
  { resource, namespace }: Target,
  bindings: Bindings,
): ((object: KubeObject, old: KubeObject | undefined) => Refusal | undefined) | undefined {
  if (resource.group !== group || user.groups.includes(masters)) return undefined;
  const { plural } = resource;
  const may = (verb: string, of: string, name: string): boolean =>
    mayDo(user, { verb, group, resource: of, subresource: '', namespace, name }, bindings);
  return (object, old) => {
    const { name = '' } = object.metadata;
    const refuse = (rule: Rule): Refusal =>
      forbidden(
        subjectOf({ resource, name }),
        `user ${JSON.stringify(user.name)} (groups=${JSON.stringify(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${JSON.stringify(rule)}`,
      );
    const granted = plural.endsWith('bindings')
      ? grantedByBinding(object, old, { bindings, namespace, may })
      : grantedByRole(object, old, may(`escalate`, plural, name));
    const rule = ruleNotHeld(granted, rulesOf(user, namespace, bindings));
    return rule && refuse(rule);
  };
}

const everything: Rule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };

function grantedByRole(
  object: KubeObject,
  old: KubeObject | undefined,
  mayEscalate: boolean,
): readonly Rule[] {
  const granted = ({ rules, aggregationRule }: KubeObject) => [rules, aggregationRule];
  if (mayEscalate || (old && isSameJson(granted(object), granted(old)))) return [];
  // whatever other roles have, comes into it
  if (object['aggregationRule']) return [everything];
  return (object['rules'] ?? []) as Rule[];
}

interface BindingWriter {
  bindings: Bindings;
  namespace: string;
  may(verb: string, of: string, name: string): boolean;
}

function grantedByBinding(
  object: KubeObject,
  old: KubeObject | undefined,
  { bindings, namespace, may }: BindingWriter,
): readonly Rule[] {
  const granted = ({ roleRef, subjects }: KubeObject) => [roleRef, subjects];
  if (old && isSameJson(granted(object), granted(old))) return [];
  const { kind, name } = object['roleRef'] as { kind: 'Role' | 'ClusterRole'; name: string };
  if (may('bind', kind === 'Role' ? 'roles' : 'clusterroles', name)) return [];
  return bindings.rules(kind, namespace, name);
}
