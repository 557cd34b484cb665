// Discovery: which resources are served, as one aggregated document and as the older documents for
// each group and version.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
import type { Resource } from '../domain/resource.ts';
import { storageKey } from '../domain/resource.ts';
import type { Registry } from './registry.ts';

/** The release of Kubernetes whose API this server speaks. */
const [major, minor] = ['1', '32'];

export const versionDocument = (release: string) => ({
  major,
  minor,
  gitVersion: `v${major}.${minor}.0+cobaltcore-${release}`,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: `${process.platform}/${process.arch}`,
});

export function discovery(
  registry: Registry,
  { group, version }: { group: string | undefined; version: string | undefined },
  { isAggregated, address }: { isAggregated: boolean; address: string },
): unknown {
  if (group === undefined)
    return isAggregated
      ? aggregated(
          registry,
          registry.groups().filter((each) => each.group !== ''),
        )
      : groupList(registry);
  if (version !== undefined) return resourceList(registry, group, version);
  if (group === '')
    return isAggregated
      ? aggregated(
          registry,
          registry.groups().filter((each) => each.group === ''),
        )
      : {
          kind: 'APIVersions',
          versions: ['v1'],
          serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
        };
  const apiGroup = registry.groups().find((each) => each.group === group);
  return apiGroup && { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(apiGroup) };
}

function groupDocument({ group, versions }: { group: string; versions: readonly string[] }) {
  const named = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: named, preferredVersion: named[0] };
}

const groupList = (registry: Registry) => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: registry
    .groups()
    .filter(({ group }) => group !== '')
    .map(groupDocument),
});

const inVersion = (registry: Registry, group: string, version: string): readonly Resource[] =>
  registry.all().filter((each) => each.group === group && each.version === version);

/** The subresources that a resource serves. */
const subresourcesOf = ({ hasStatus, scale, kind }: Resource): string[] => [
  ...(hasStatus ? ['status'] : []),
  ...(scale ? ['scale'] : []),
  ...(kind === 'Namespace' ? ['finalize'] : []),
  ...(kind === 'ServiceAccount' ? ['token'] : []),
];

export const hasSubresource = (resource: Resource, name: string): boolean =>
  subresourcesOf(resource).includes(name);

function resourceList(registry: Registry, group: string, version: string): unknown {
  const resources = inVersion(registry, group, version);
  if (resources.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: resources.flatMap((resource) => [
      {
        name: resource.plural,
        singularName: resource.singular,
        namespaced: resource.namespaced,
        kind: resource.kind,
        verbs: resource.verbs,
        ...(resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {}),
        ...(resource.categories.length > 0 ? { categories: resource.categories } : {}),
        storageVersionHash: Buffer.from(storageKey(resource)).toString('base64').slice(0, 11) + '=',
      },
      ...subresourcesOf(resource).map((name) => ({
        name: `${resource.plural}/${name}`,
        singularName: '',
        namespaced: resource.namespaced,
        ...kindOfSubresource(resource, name),
        verbs: verbsOfSubresource(name),
      })),
    ]),
  };
}

/**
 * Whether a subresource serves a verb; an object cannot be deleted by its status path, for example.
 */
export const servesVerb = (subresource: string, verb: string): boolean =>
  verbsOfSubresource(subresource).includes(verb);

const verbsOfSubresource = (name: string): readonly string[] =>
  name === 'token' ? ['create'] : name === 'finalize' ? ['update'] : ['get', 'patch', 'update'];

function kindOfSubresource({ kind }: Resource, name: string) {
  if (name === 'scale') return { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  if (name === 'token')
    return { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
  return { kind };
}

function aggregated(
  registry: Registry,
  groups: readonly { group: string; versions: readonly string[] }[],
) {
  const responseKind = ({
    group,
    version,
    kind,
  }: {
    group: string;
    version: string;
    kind: string;
  }) => ({
    group,
    version,
    kind,
  });
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        freshness: 'Current',
        resources: inVersion(registry, group, version).map((resource) => ({
          resource: resource.plural,
          responseKind: responseKind(resource),
          scope: resource.namespaced ? 'Namespaced' : 'Cluster',
          singularResource: resource.singular,
          verbs: resource.verbs,
          ...(resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {}),
          ...(resource.categories.length > 0 ? { categories: resource.categories } : {}),
          subresources: subresourcesOf(resource).map((name) => ({
            subresource: name,
            responseKind: responseKind({
              group: resource.group,
              version: resource.version,
              ...kindOfSubresource(resource, name),
            }),
            verbs: verbsOfSubresource(name),
          })),
        })),
      })),
    })),
  };
}
