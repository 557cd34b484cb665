// Establishes a CustomResourceDefinition if its names are not taken by another kind, and deletes
// its objects when it is deleted.
import type { Crd, NamesInUse } from '../../domain/custom-resource.ts';
import {
  cleanupFinalizer,
  definitionStatus,
  isEstablished,
  resourcesOf,
} from '../../domain/custom-resource.ts';
import { timestamp } from '../../domain/object-meta.ts';
import { storageKey } from '../../domain/resource.ts';
import { isSameJson } from '../../domain/same-json.ts';
import type { Stored } from '../../store/object-store.ts';
import { deleteObject } from '../delete-objects.ts';
import type { KubeDeps } from '../deps.ts';
import { crdKind } from '../registry.ts';
import type { Controller } from './controller.ts';

export function establishCrds(deps: KubeDeps): Controller {
  const { store, clock } = deps;
  return {
    name: 'establish-crds',
    // Deleted objects matter too: a definition that is being deleted waits until its objects are
    // gone.
    concerns: ({ kind, type }) => kind === crdKind || type === 'DELETED',
    async reconcile() {
      for (const stored of store.list(crdKind)) {
        const crd = stored.object as Crd; // validated when written
        const { deletionTimestamp, finalizers = [] } = crd.metadata;
        if (deletionTimestamp === undefined) {
          const status = definitionStatus(crd, namesBeside(deps, crd), timestamp(clock.now()));
          if (!isSameJson(status, crd.status))
            await store.replace(placeOf(stored), { ...crd, status }, stored.revision);
        } else if (finalizers.includes(cleanupFinalizer) && (await isEmptied(deps, crd)))
          await release(deps, stored, crd);
      }
    },
  };
}

const placeOf = ({ name }: Stored) => ({ kind: crdKind, namespace: '', name });

/**
 * Names that are taken in the definition's group, by built-in kinds and by established definitions.
 */
function namesBeside({ store, registry }: KubeDeps, { spec, metadata }: Crd): NamesInUse {
  const builtin = registry
    .all()
    .filter(({ group, isCustom }) => group === spec.group && isCustom !== true);
  const others = store
    .list(crdKind)
    .filter(({ name }) => name !== metadata.name)
    .map(({ object }) => object as Crd) // validated when written
    .filter((crd) => crd.spec.group === spec.group && isEstablished(crd))
    .flatMap(resourcesOf);
  const all = [...builtin, ...others];
  return {
    plurals: new Set(all.flatMap(({ plural, singular }) => [plural, singular])),
    kinds: new Set(all.flatMap(({ kind, listKind }) => [kind, listKind])),
    shortNames: new Set(all.flatMap(({ shortNames }) => shortNames)),
  };
}

/** Deletes all objects of the definition; true when none is left waiting for its finalizers. */
async function isEmptied(deps: KubeDeps, crd: Crd): Promise<boolean> {
  const { store } = deps;
  // If the names were never accepted, objects stored under them belong to another definition.
  const [resource] = isEstablished(crd) ? resourcesOf(crd) : [];
  if (!resource) return true;
  // New objects are refused from now on, but a create may still be in progress: wait for it.
  await store.settled();
  for (const { namespace, name } of store.list(storageKey(resource)))
    await deleteObject(
      deps,
      { resource, namespace, name },
      { dryRun: false, propagation: 'Background' },
    );
  return store.list(storageKey(resource)).length === 0;
}

async function release({ store }: KubeDeps, stored: Stored, crd: Crd): Promise<void> {
  const rest = (crd.metadata.finalizers ?? []).filter((each) => each !== cleanupFinalizer);
  if (rest.length === 0) await store.remove(placeOf(stored), stored.revision);
  else
    await store.replace(
      placeOf(stored),
      { ...crd, metadata: { ...crd.metadata, finalizers: rest } },
      stored.revision,
    );
}
