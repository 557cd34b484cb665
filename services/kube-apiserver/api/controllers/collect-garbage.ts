// Garbage collection by owner references: an object that has lost all its owners is deleted; an
// owner deleted with foreground propagation waits for its dependents; with orphan propagation its
// dependents are released first.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/
import type { KubeObject, OwnerReference } from '#contracts/kube/object.ts';
import type { Resource } from '../../domain/resource.ts';
import { storageKey } from '../../domain/resource.ts';
import type { Stored } from '../../store/object-store.ts';
import { deleteObject, propagationFinalizer } from '../delete-objects.ts';
import type { KubeDeps } from '../deps.ts';
import type { Controller } from './controller.ts';

interface Owned {
  resource: Resource;
  stored: Stored;
  object: KubeObject;
}

export function collectGarbage(deps: KubeDeps): Controller {
  const { store, registry } = deps;
  return {
    name: 'collect-garbage',
    concerns: ({ type, current, previous }) =>
      type === 'DELETED' ||
      (current.text.includes('"deletionTimestamp"') &&
        !previous?.text.includes('"deletionTimestamp"')) ||
      (type === 'ADDED' && current.text.includes('"ownerReferences"')),
    async reconcile() {
      const uids = new Set<string>();
      const related: Owned[] = [];
      for (const resource of registry.all()) {
        if (resource.version !== resource.storageVersion) continue;
        for (const stored of store.list(storageKey(resource))) {
          uids.add(stored.uid);
          // Only objects with owners or a deletion in progress are parsed.
          if (/"(ownerReferences|deletionTimestamp)"/.test(stored.text))
            related.push({ resource, stored, object: stored.object });
        }
      }
      for (const owned of related) await collectLost(deps, owned, uids);
      for (const owner of related) await settleOwner(deps, owner, related);
    },
  };
}

async function collectLost(
  deps: KubeDeps,
  { resource, stored, object }: Owned,
  uids: ReadonlySet<string>,
): Promise<void> {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length === 0 || owners.some(({ uid }) => uids.has(uid))) {
    await forgetLostOwners(deps, { resource, stored, object }, owners, uids);
    return;
  }
  const { namespace, name } = stored;
  await deleteObject(
    deps,
    { resource, namespace, name },
    {
      dryRun: false,
      propagation: 'Background',
      preconditions: { uid: object.metadata.uid, resourceVersion: String(stored.revision) },
    },
  );
}

/** Removes deleted owners from the references of an object that still has other owners. */
async function forgetLostOwners(
  deps: KubeDeps,
  owned: Owned,
  owners: readonly OwnerReference[],
  uids: ReadonlySet<string>,
): Promise<void> {
  const living = owners.filter(({ uid }) => uids.has(uid));
  if (living.length !== owners.length) await keepOwners(deps, owned, living);
}

async function keepOwners(
  { store }: KubeDeps,
  { resource, stored, object }: Owned,
  ownerReferences: readonly OwnerReference[],
): Promise<void> {
  const { namespace, name, revision } = stored;
  const { ownerReferences: _, ...metadata } = object.metadata;
  await store.replace(
    { kind: storageKey(resource), namespace, name },
    {
      ...object,
      metadata: {
        ...metadata,
        ...(ownerReferences.length > 0 ? { ownerReferences: [...ownerReferences] } : {}),
      },
    },
    revision,
  );
}

async function settleOwner(deps: KubeDeps, owner: Owned, all: readonly Owned[]): Promise<void> {
  const { metadata } = owner.object;
  if (metadata.deletionTimestamp === undefined) return;
  const finalizers = metadata.finalizers ?? [];
  const refersTo = ({ uid }: OwnerReference): boolean => uid === metadata.uid;
  const dependents = all.filter(({ object }) => object.metadata.ownerReferences?.some(refersTo));
  if (finalizers.includes(propagationFinalizer.Orphan)) {
    for (const each of dependents)
      await keepOwners(
        deps,
        each,
        (each.object.metadata.ownerReferences ?? []).filter((reference) => !refersTo(reference)),
      );
    await dropFinalizer(deps, owner, propagationFinalizer.Orphan);
    return;
  }
  if (!finalizers.includes(propagationFinalizer.Foreground)) return;
  for (const { resource, stored, object } of dependents) {
    const others = (object.metadata.ownerReferences ?? []).filter((each) => !refersTo(each));
    if (others.length > 0) continue;
    const { namespace, name } = stored;
    await deleteObject(
      deps,
      { resource, namespace, name },
      { dryRun: false, propagation: 'Foreground' },
    );
  }
  const isBlocked = dependents.some(({ object, resource, stored }) => {
    const blocks = object.metadata.ownerReferences?.some(
      (each) => refersTo(each) && each.blockOwnerDeletion === true,
    );
    const { namespace, name } = stored;
    return blocks && deps.store.get({ kind: storageKey(resource), namespace, name }) !== undefined;
  });
  if (!isBlocked) await dropFinalizer(deps, owner, propagationFinalizer.Foreground);
}

async function dropFinalizer(
  { store }: KubeDeps,
  { resource, stored, object }: Owned,
  finalizer: string,
): Promise<void> {
  const { namespace, name, revision } = stored;
  const place = { kind: storageKey(resource), namespace, name };
  const { finalizers: before = [], ...metadata } = object.metadata;
  const finalizers = before.filter((each) => each !== finalizer);
  if (finalizers.length === 0) await store.remove(place, revision);
  else await store.replace(place, { ...object, metadata: { ...metadata, finalizers } }, revision);
}
