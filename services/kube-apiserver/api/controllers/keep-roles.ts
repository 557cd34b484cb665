// Keeps the default roles of every cluster in place with at least their default rules, and computes
// the rules of aggregated roles.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
import type { KubeObject } from '#contracts/kube/object.ts';
import {
  aggregatedRules,
  bootstrapBindings,
  bootstrapRoles,
} from '../../domain/bootstrap-roles.ts';
import { storageKey } from '../../domain/resource.ts';
import { isSameJson } from '../../domain/same-json.ts';
import type { KubeDeps } from '../deps.ts';
import { createObject } from '../write-objects.ts';
import type { Controller } from './controller.ts';
import { itself } from './controller.ts';

const group = 'rbac.authorization.k8s.io';
const rolesKind = storageKey({ group, plural: 'clusterroles' });
const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';

/**
 * Creates or completes the built-in roles and their bindings. To be called before requests are
 * served: without these roles nobody may even use discovery.
 */
export async function bootstrapAccess(deps: KubeDeps): Promise<void> {
  for (const wanted of bootstrapRoles) await ensure(deps, 'clusterroles', wanted, 'rules');
  for (const wanted of bootstrapBindings)
    await ensure(deps, 'clusterrolebindings', wanted, 'subjects');
  await aggregate(deps);
}

export function keepRoles(deps: KubeDeps): Controller {
  return {
    name: 'keep-roles',
    concerns: ({ kind }) => kind === rolesKind,
    reconcile: async () => await aggregate(deps),
  };
}

/**
 * Creates the object, or adds the missing entries of `field`, unless the annotation `autoupdate`
 * has been switched off.
 */
async function ensure(
  deps: KubeDeps,
  plural: string,
  wanted: { metadata: { name: string } } & Record<string, unknown>,
  field: 'rules' | 'subjects',
): Promise<void> {
  const { store, registry } = deps;
  const resource = registry.find(group, 'v1', plural);
  if (!resource) return;
  const place = { kind: storageKey(resource), namespace: '', name: wanted.metadata.name };
  const stored = store.get(place);
  if (!stored) {
    await createObject(deps, { resource, namespace: '' }, wanted, itself);
    return;
  }
  const { object } = stored;
  if (object.metadata.annotations?.[autoupdate] !== 'true' || wanted['aggregationRule']) return;
  const there = (object[field] ?? []) as unknown[];
  const missing = (wanted[field] as unknown[]).filter(
    (each) => !there.some((other) => isSameJson(each, other)),
  );
  if (missing.length > 0)
    await store.replace(place, { ...object, [field]: [...there, ...missing] }, stored.revision);
}

/**
 * Writes the rules of all aggregated roles; repeated until nothing changes, at most ten times,
 * because an aggregated role may itself be part of another.
 */
async function aggregate({ store }: KubeDeps): Promise<void> {
  let isChanged = true;
  for (let round = 0; isChanged && round < 10; round += 1) {
    isChanged = false;
    const all = store.list(rolesKind);
    const objects = all.map(({ object }): KubeObject => object);
    for (const [index, object] of objects.entries()) {
      const stored = all[index];
      if (!object['aggregationRule'] || !stored) continue;
      const rules = aggregatedRules(object, objects);
      if (isSameJson(rules, object['rules'] ?? [])) continue;
      const place = { kind: rolesKind, namespace: '', name: stored.name };
      await store.replace(place, { ...object, rules }, stored.revision);
      isChanged = true;
    }
  }
}
