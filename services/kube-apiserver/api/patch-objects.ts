// PATCH by its content type: JSON patch, merge patch, strategic merge patch, server-side apply.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
import type { KubeObject } from '#contracts/kube/object.ts';
import { asObject } from '../domain/object-meta.ts';
import { applyJsonPatch, applyMergePatch } from '../domain/patches.ts';
import type { Resource } from '../domain/resource.ts';
import type { Answer } from '../domain/status.ts';
import { Refusal, badRequest, isRefusal } from '../domain/status.ts';
import { applyStrategicMergePatch } from '../domain/strategic-merge-patch.ts';
import type { KubeDeps } from './deps.ts';
import type { Body } from './read-body.ts';
import type { Target, WriteOptions, Written } from './write-objects.ts';
import { applyObject, changeObject } from './write-objects.ts';

const applyType = 'application/apply-patch+yaml';

export async function patchObject(
  deps: KubeDeps,
  target: Target,
  { type, value }: Body,
  options: WriteOptions & { force: boolean; hasManager: boolean },
): Promise<Answer<Written>> {
  const { resource } = target;
  if (type === applyType) {
    if (!options.hasManager)
      return badRequest(
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      );
    return await applyObject(deps, target, value, options);
  }
  const patch = patchOf(type, resource);
  if (!patch)
    return new Refusal(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, ${resource.isCustom ? '' : 'application/strategic-merge-patch+json, '}${applyType}`,
    );
  if (options.force)
    return badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    );
  return await changeObject(deps, target, options, (old) => {
    const patched = patch(old, value);
    if (isRefusal(patched)) return patched;
    const object = asObject(patched, resource);
    if (isRefusal(object)) return object;
    const { name, namespace } = object.metadata;
    if (name !== old.metadata.name || namespace !== old.metadata.namespace)
      return badRequest(
        `the name of the object (${name ?? ''}) does not match the name on the URL (${old.metadata.name})`,
      );
    // A patch that does not set resourceVersion applies to any version of the object, so the one
    // copied from `old` is no precondition.
    const { resourceVersion } = object.metadata;
    return resourceVersion === old.metadata.resourceVersion
      ? { ...object, metadata: { ...object.metadata, resourceVersion: versionIn(value) } }
      : object;
  });
}

const versionIn = (patch: unknown): string | undefined =>
  (patch as Partial<KubeObject> | null)?.metadata?.resourceVersion;

type Patch = (object: KubeObject, patch: unknown) => Answer<unknown>;

function patchOf(type: string, resource: Resource): Patch | undefined {
  switch (type) {
    case 'application/json-patch+json':
      return applyJsonPatch;
    case 'application/merge-patch+json':
      return applyMergePatch;
    case 'application/strategic-merge-patch+json':
      return resource.isCustom
        ? undefined
        : (object, patch) => applyStrategicMergePatch(object, patch, resource.mergeKeys);
    default:
      return undefined;
  }
}
