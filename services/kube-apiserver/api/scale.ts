// The subresource `scale` of Deployments and custom resources: reads and writes the replicas.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/ (scale)
import type { KubeObject } from '#contracts/kube/object.ts';
import { applyJsonPatch, applyMergePatch } from '../domain/patches.ts';
import type { Resource } from '../domain/resource.ts';
import { valueAt } from '../domain/resource.ts';
import type { Answer } from '../domain/status.ts';
import { badRequest, isRefusal, notFound } from '../domain/status.ts';
import type { KubeDeps } from './deps.ts';
import type { Body } from './read-body.ts';
import type { Target, WriteOptions } from './write-objects.ts';
import { changeObject, placeOf, subjectOf } from './write-objects.ts';

function scaleView(object: KubeObject, { scale }: Resource): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(valueAt(object, scale?.spec ?? '') ?? 0) },
    status: {
      replicas: Number(valueAt(object, scale?.status ?? '') ?? 0),
      selector: selectorText(scale?.selector ? valueAt(object, scale.selector) : undefined),
    },
  };
}

/** The selector as text: a Deployment has a label selector object, a custom resource text. */
function selectorText(selector: unknown): string {
  if (typeof selector === 'string') return selector;
  const labels = (valueAt(selector, 'matchLabels') ?? {}) as Record<string, string>;
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

export function scaleOf({ store }: KubeDeps, target: Target): Answer<KubeObject> {
  const stored = store.get(placeOf(target));
  return stored ? scaleView(stored.object, target.resource) : notFound(subjectOf(target));
}

export async function setScale(
  deps: KubeDeps,
  target: Target,
  { type, value }: Body,
  options: WriteOptions,
): Promise<Answer<KubeObject>> {
  const outcome = await changeObject(deps, target, options, (old) => {
    const before = scaleView(old, target.resource);
    const next =
      type === 'application/json-patch+json'
        ? applyJsonPatch(before, value)
        : applyMergePatch(before, value);
    if (isRefusal(next)) return next;
    const replicas = valueAt(next, 'spec.replicas');
    if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0)
      return badRequest('spec.replicas: it must be a whole number from 0');
    const metadata = { ...old.metadata, resourceVersion: undefined };
    return withValueAt({ ...old, metadata }, target.resource.scale?.spec ?? '', replicas);
  });
  return isRefusal(outcome) ? outcome : scaleView(outcome.object, target.resource);
}

function withValueAt<T extends object>(object: T, path: string, value: unknown): T {
  const [first = '', ...rest] = path.split('.');
  const inner = (object as Record<string, unknown>)[first];
  const next =
    rest.length === 0 ? value : withValueAt((inner ?? {}) as object, rest.join('.'), value);
  return { ...object, [first]: next };
}
