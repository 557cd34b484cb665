// The resources that are served at the moment: the built-in ones, and those of established
// CustomResourceDefinitions.
import { builtinResources } from '../domain/builtin-resources.ts';
import type { Crd } from '../domain/custom-resource.ts';
import { isEstablished, resourcesOf } from '../domain/custom-resource.ts';
import type { Resource } from '../domain/resource.ts';
import type { ObjectStore } from '../store/object-store.ts';

export const crdKind = 'customresourcedefinitions.apiextensions.k8s.io';

export interface Registry {
  all(): readonly Resource[];
  find(group: string, version: string, plural: string): Resource | undefined;
  /** The resource of a kind in any served version, e.g. for an owner reference. */
  ofKind(group: string, kind: string): Resource | undefined;
  groups(): readonly { group: string; versions: readonly string[] }[];
  /** Increases whenever the served resources change. */
  version(): number;
}

export function createRegistry(store: ObjectStore): Registry {
  let resources: readonly Resource[] = [];
  let byPath = new Map<string, Resource>();
  let version = 0;
  const read = (): void => {
    const custom = store
      .list(crdKind)
      .map(({ object }) => object as Crd) // validated when written
      .filter((crd) => isEstablished(crd))
      .flatMap(resourcesOf);
    resources = [...builtinResources, ...custom];
    byPath = new Map(
      resources.map((each) => [`${each.group}/${each.version}/${each.plural}`, each]),
    );
    version += 1;
  };
  read();
  store.onChange(({ kind }) => {
    if (kind === crdKind) read();
  });
  return {
    all: () => resources,
    find: (group, apiVersion, plural) => byPath.get(`${group}/${apiVersion}/${plural}`),
    ofKind: (group, kind) =>
      resources.find((each) => each.group === group && each.kind === kind && each.verbs.length > 1),
    groups() {
      const groups = new Map<string, Set<string>>();
      for (const { group, version: served } of resources)
        groups.set(group, (groups.get(group) ?? new Set()).add(served));
      return [...groups].map(([group, versions]) => ({
        group,
        versions: [...versions].sort(byPriority),
      }));
    },
    version: () => version,
  };
}

/** Version order as in Kubernetes: v2, v1, v1beta1, then all others. */
function byPriority(a: string, b: string): number {
  const rank = (version: string): number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (!match) return [-1, 0, 0];
    const stage = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
    return [stage, Number(match[1]), Number(match[3] ?? 0)];
  };
  const [left, right] = [rank(a), rank(b)];
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    if (value !== other) return other - value;
  }
  return a < b ? -1 : 1;
}
