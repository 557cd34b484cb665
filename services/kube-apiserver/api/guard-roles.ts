// Prevents privilege escalation: a user may create or change a role, or bind one, only if the user
// holds all the rights it grants, or has the verb `escalate` or `bind`.
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

/**
 * The check for a write to a role or binding; it is called with the valid object as it would be
 * stored. undefined: the resource or the user needs no check.
 */
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
  // An aggregated role may take in the rules of any other role, so its writer must hold all rights.
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
