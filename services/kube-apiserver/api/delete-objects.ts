// Deletes objects: at once, or after their finalizers have been removed. Dependents are left to the
// garbage collection (controllers/collect-garbage.ts).
import type { KubeObject } from '#contracts/kube/object.ts';
import { namespaceFinalizer } from '../domain/builtin-resources.ts';
import { cleanupFinalizer } from '../domain/custom-resource.ts';
import { timestamp } from '../domain/object-meta.ts';
import type { Answer } from '../domain/status.ts';
import { conflict, isRefusal, notFound } from '../domain/status.ts';
import type { KubeDeps } from './deps.ts';
import { crdKind } from './registry.ts';
import type { Target } from './write-objects.ts';
import { placeOf, shownAs, subjectOf } from './write-objects.ts';

export type Propagation = 'Background' | 'Foreground' | 'Orphan';

export interface DeleteOptions {
  dryRun: boolean;
  propagation: Propagation;
  preconditions?: { uid?: string; resourceVersion?: string };
}

/**
 * The result of a deletion. `isGone`: the object was removed; false: it is marked as deleted and
 * waits for the finalizers in `object`.
 */
export interface Deleted {
  object: KubeObject;
  isGone: boolean;
}

/**
 * Finalizers for foreground deletion (the owner waits for its dependents) and for orphaning (the
 * dependents are released first).
 */
export const propagationFinalizer = {
  Foreground: 'foregroundDeletion',
  Orphan: 'orphan',
} as const;

const maxAttempts = 10;

export async function deleteObject(
  deps: KubeDeps,
  target: Target,
  options: DeleteOptions,
): Promise<Answer<Deleted>> {
  const place = placeOf(target);
  const subject = subjectOf(target);
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const stored = deps.store.get(place);
    if (!stored) return notFound(subject);
    const object = shownAs(stored.object, target.resource);
    const refusal = preconditionTrouble(object, options, target);
    if (isRefusal(refusal)) return refusal;
    const finalizers = finalizersOf(object, place.kind, options.propagation);
    const isWaiting =
      finalizers.length > 0 || (place.kind === 'namespaces' && isNamespaceInUse(object));
    if (options.dryRun) return { object, isGone: !isWaiting };
    if (!isWaiting) {
      const removal = await deps.store.remove(place, stored.revision);
      if (removal) return { object: shownAs(removal.object, target.resource), isGone: true };
      continue; // changed concurrently: try again
    }
    const isMarked =
      object.metadata.deletionTimestamp !== undefined &&
      finalizers.length === (object.metadata.finalizers ?? []).length;
    if (isMarked) return { object, isGone: false };
    const update = await deps.store.replace(
      place,
      marked(object, finalizers, deps.clock.now()),
      stored.revision,
    );
    if (update) return { object: shownAs(update.object, target.resource), isGone: false };
  }
  return conflict(subject, 'it was changed again and again meanwhile');
}

function preconditionTrouble(object: KubeObject, { preconditions }: DeleteOptions, target: Target) {
  const { uid, resourceVersion } = object.metadata;
  const { uid: wantedUid, resourceVersion: wantedVersion } = preconditions ?? {};
  if (wantedUid !== undefined && wantedUid !== uid)
    return conflict(
      subjectOf(target),
      `Precondition failed: UID in precondition: ${wantedUid}, UID in object meta: ${uid}`,
    );
  if (wantedVersion !== undefined && wantedVersion !== resourceVersion)
    return conflict(
      subjectOf(target),
      `Precondition failed: ResourceVersion in precondition: ${wantedVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  return undefined;
}

function finalizersOf(object: KubeObject, kind: string, propagation: Propagation): string[] {
  const own = object.metadata.finalizers ?? [];
  const addedFinalizers = [
    ...(propagation === 'Background' ? [] : [propagationFinalizer[propagation]]),
    ...(kind === crdKind ? [cleanupFinalizer] : []),
  ];
  const isMarked = object.metadata.deletionTimestamp !== undefined;
  return isMarked ? own : [...new Set([...own, ...addedFinalizers])];
}

function isNamespaceInUse(object: KubeObject): boolean {
  const spec = object['spec'] as { finalizers?: string[] } | undefined;
  return spec?.finalizers?.includes(namespaceFinalizer) ?? false;
}

function marked(object: KubeObject, finalizers: string[], nowMs: number): KubeObject {
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(finalizers.length > 0 ? { finalizers } : {}),
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
      deletionTimestamp: metadata.deletionTimestamp ?? timestamp(nowMs),
      deletionGracePeriodSeconds: metadata.deletionGracePeriodSeconds ?? 0,
    },
    ...(object.kind === 'Namespace' ? { status: { phase: 'Terminating' } } : {}),
  };
}
