// Creates in each namespace the ServiceAccount `default` and the ConfigMap with the API server's
// CA, and removes a deleted namespace once it is empty.
import type { KubeObject } from '#contracts/kube/object.ts';
import { namespaceFinalizer } from '../../domain/builtin-resources.ts';
import { storageKey } from '../../domain/resource.ts';
import { isRefusal } from '../../domain/status.ts';
import { deleteObject } from '../delete-objects.ts';
import type { KubeDeps } from '../deps.ts';
import { createObject } from '../write-objects.ts';
import type { Controller } from './controller.ts';
import { itself } from './controller.ts';

const initial: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
export function keepNamespaces(deps: KubeDeps, options: { authority: string }): Controller {
  const { store, registry } = deps;
  const kinds = ['namespaces', 'serviceaccounts', 'configmaps'];
  return {
    name: 'keep-namespaces',
    concerns: ({ kind, type }) => kinds.includes(kind) || type === 'DELETED',
    async reconcile() {
      const namespaces = registry.find('', 'v1', 'namespaces');
      for (const name of initial)
        if (namespaces && !store.get({ kind: 'namespaces', namespace: '', name }))
          await createObject(
            deps,
            { resource: namespaces, namespace: '' },
            { metadata: { name } },
            itself,
          );
      for (const { object, name, revision } of store.list('namespaces')) {
        if (object.metadata.deletionTimestamp === undefined)
          await furnish(deps, name, options.authority);
        else if (await emptied(deps, name)) await release(deps, object, revision);
      }
    },
  };
}

async function furnish(deps: KubeDeps, namespace: string, authority: string): Promise<void> {
  const { store, registry } = deps;
  const wanted = [
    { plural: 'serviceaccounts', name: 'default', content: {} },
    { plural: 'configmaps', name: 'kube-root-ca.crt', content: { data: { 'ca.crt': authority } } },
  ];
  for (const { plural, name, content } of wanted) {
    const resource = registry.find('', 'v1', plural);
    if (!resource || store.get({ kind: plural, namespace, name })) continue;
    await createObject(deps, { resource, namespace }, { metadata: { name }, ...content }, itself);
  }
}

/** Deletes all objects in the namespace; true when none is left waiting for its finalizers. */
async function emptied(deps: KubeDeps, namespace: string): Promise<boolean> {
  const { store, registry } = deps;
  let isEmpty = true;
  for (const resource of registry.all()) {
    if (!resource.namespaced || resource.version !== resource.storageVersion) continue;
    for (const { name } of store.list(storageKey(resource), namespace)) {
      const outcome = await deleteObject(
        deps,
        { resource, namespace, name },
        { dryRun: false, propagation: 'Background' },
      );
      if (!isRefusal(outcome) && !outcome.isGone) isEmpty = false;
    }
  }
  return isEmpty;
}

async function release(
  { store }: KubeDeps,
  namespace: KubeObject,
  revision: number,
): Promise<void> {
  const place = { kind: 'namespaces', namespace: '', name: namespace.metadata.name ?? '' };
  const spec = (namespace['spec'] ?? {}) as { finalizers?: string[] };
  const rest = (spec.finalizers ?? []).filter((each) => each !== namespaceFinalizer);
  const isFree = rest.length === 0 && (namespace.metadata.finalizers ?? []).length === 0;
  if (isFree) await store.remove(place, revision);
  else if (rest.length !== (spec.finalizers ?? []).length)
    await store.replace(place, { ...namespace, spec: { ...spec, finalizers: rest } }, revision);
}
