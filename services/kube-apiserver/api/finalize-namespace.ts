// PUT namespaces/NAME/finalize: the only request that can change a namespace's spec.finalizers.
import { asObject } from '../domain/object-meta.ts';
import type { Answer } from '../domain/status.ts';
import { isRefusal } from '../domain/status.ts';
import type { KubeDeps } from './deps.ts';
import type { Target, WriteOptions, Written } from './write-objects.ts';
import { changeObject } from './write-objects.ts';

export async function finalizeNamespace(
  deps: KubeDeps,
  target: Target,
  body: unknown,
  options: WriteOptions,
): Promise<Answer<Written>> {
  const input = asObject(body, target.resource);
  if (isRefusal(input)) return input;
  return await changeObject(deps, target, { ...options, subresource: 'finalize' }, (old) => ({
    ...old,
    metadata: { ...old.metadata, resourceVersion: input.metadata.resourceVersion },
    spec: input['spec'] ?? {},
  }));
}
