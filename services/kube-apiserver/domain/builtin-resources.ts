// The kinds that exist without a CustomResourceDefinition. They have no schema: their objects are
// stored as they are sent. https://kubernetes.io/docs/reference/kubernetes-api/
import type { KubeObject } from '#contracts/kube/object.ts';
import { age, translateTimestamp } from './age.ts';
import { crdCauses, fillCrd } from './custom-resource.ts';
import { bindingCauses, roleCauses } from './rbac-objects.ts';
import type { Column, Resource } from './resource.ts';
import { valueAt, verbs } from './resource.ts';
import { isSameJson } from './same-json.ts';
import type { Cause } from './status.ts';
import { isObject } from './structural-schema/schema.ts';

type Row = Pick<Resource, 'kind' | 'plural'> & Partial<Resource>;

const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  cell: ({ metadata }) => metadata.name ?? '',
};
const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  cell: ({ metadata }, nowMs) => translateTimestamp(metadata.creationTimestamp, nowMs),
};
const text =
  (path: string, missing = '') =>
  (object: KubeObject): string => {
    const value = valueAt(object, path);
    return value === undefined || value === null ? missing : String(value as string);
  };
const count =
  (path: string) =>
  (object: KubeObject): number =>
    Object.keys((valueAt(object, path) as object | undefined) ?? {}).length;

const column = (
  name: string,
  cell: Column['cell'],
  type: Column['type'] = 'string',
  priority = 0,
): Column => ({ name, type, cell, priority });

/**
 * Merge keys of the lists in a pod spec. Lists that are missing here, such as tolerations, are
 * replaced as a whole.
 */
const podMergeKeys = (spec: string): Record<string, string> => ({
  [`${spec}.containers`]: 'name',
  [`${spec}.initContainers`]: 'name',
  [`${spec}.volumes`]: 'name',
  [`${spec}.containers.env`]: 'name',
  [`${spec}.containers.ports`]: 'containerPort',
  [`${spec}.containers.volumeMounts`]: 'mountPath',
  [`${spec}.tolerations`]: '',
  'status.conditions': 'type',
});

const rolesOf = ({ metadata }: KubeObject): string =>
  Object.keys(metadata.labels ?? {})
    .filter((key) => key.startsWith('node-role.kubernetes.io/'))
    .map((key) => key.slice('node-role.kubernetes.io/'.length))
    .sort()
    .join(',') || '<none>';

/**
 * The objects of a list in `object`. Built-in kinds are not validated, so the value may be
 * anything.
 */
const objectsAt = (object: KubeObject, path: string): Record<string, unknown>[] => {
  const value = valueAt(object, path);
  return Array.isArray(value) ? value.filter(isObject) : [];
};

function nodeStatus(node: KubeObject): string {
  const ready = objectsAt(node, 'status.conditions').find(({ type }) => type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (valueAt(node, 'spec.unschedulable') === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function nodeAddress(node: KubeObject): string {
  const internal = objectsAt(node, 'status.addresses').find(({ type }) => type === 'InternalIP');
  return typeof internal?.['address'] === 'string' ? internal['address'] : '<none>';
}

const keepsData =
  (field: string) =>
  (object: KubeObject, old: KubeObject | undefined): Cause[] =>
    old?.['immutable'] === true &&
    !isSameJson([old[field], old['binaryData']], [object[field], object['binaryData']])
      ? [
          {
            reason: 'FieldValueForbidden',
            field,
            message: 'Forbidden: field is immutable when `immutable` is set',
          },
        ]
      : [];

const core: Row[] = [
  {
    kind: 'Namespace',
    plural: 'namespaces',
    shortNames: ['ns'],
    namespaced: false,
    nameRule: 'label',
    hasStatus: true,
    selectableFields: ['status.phase'],
    columns: [nameColumn, column('Status', text('status.phase')), ageColumn],
    fill: fillNamespace,
    verbs: verbs.filter((verb) => verb !== 'deletecollection'),
  },
  {
    kind: 'Node',
    plural: 'nodes',
    shortNames: ['no'],
    namespaced: false,
    hasStatus: true,
    selectableFields: ['spec.unschedulable'],
    columns: [
      nameColumn,
      column('Status', nodeStatus),
      column('Roles', rolesOf),
      ageColumn,
      column('Version', text('status.nodeInfo.kubeletVersion')),
      column('Internal-IP', nodeAddress, 'string', 1),
      column('OS-Image', text('status.nodeInfo.osImage', '<unknown>'), 'string', 1),
      column('Kernel-Version', text('status.nodeInfo.kernelVersion', '<unknown>'), 'string', 1),
    ],
    mergeKeys: {
      'spec.taints': 'key',
      'status.conditions': 'type',
      'status.addresses': 'type',
    },
  },
  {
    kind: 'Pod',
    plural: 'pods',
    shortNames: ['po'],
    categories: ['all'],
    hasStatus: true,
    selectableFields: ['spec.nodeName', 'status.phase', 'spec.serviceAccountName'],
    columns: [
      nameColumn,
      column('Ready', readyContainers),
      column('Status', text('status.phase')),
      column('Restarts', restarts, 'integer'),
      ageColumn,
      column('IP', text('status.podIP', '<none>'), 'string', 1),
      column('Node', text('spec.nodeName', '<none>'), 'string', 1),
    ],
    mergeKeys: podMergeKeys('spec'),
  },
  {
    kind: 'Secret',
    plural: 'secrets',
    selectableFields: ['type'],
    columns: [
      nameColumn,
      column('Type', text('type', 'Opaque')),
      column('Data', count('data'), 'integer'),
      ageColumn,
    ],
    hasGeneration: false,
    fill: fillSecret,
    validate: keepsData('data'),
  },
  {
    kind: 'ConfigMap',
    plural: 'configmaps',
    shortNames: ['cm'],
    columns: [nameColumn, column('Data', count('data'), 'integer'), ageColumn],
    hasGeneration: false,
    validate: keepsData('data'),
  },
  {
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    shortNames: ['sa'],
    columns: [nameColumn, column('Secrets', count('secrets'), 'integer'), ageColumn],
    hasGeneration: false,
    mergeKeys: { secrets: 'name' },
  },
  {
    kind: 'Service',
    plural: 'services',
    shortNames: ['svc'],
    categories: ['all'],
    nameRule: 'label',
    hasStatus: true,
    columns: [nameColumn, column('Type', text('spec.type', 'ClusterIP')), ageColumn],
    hasGeneration: false,
    mergeKeys: { 'spec.ports': 'port' },
  },
  {
    kind: 'Event',
    plural: 'events',
    shortNames: ['ev'],
    hasGeneration: false,
    selectableFields: [
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'involvedObject.apiVersion',
      'involvedObject.resourceVersion',
      'involvedObject.fieldPath',
      'reason',
      'reportingComponent',
      'source',
      'type',
    ],
    columns: [
      column('Last Seen', lastSeen),
      column('Type', text('type')),
      column('Reason', text('reason')),
      column(
        'Object',
        (event) =>
          `${text('involvedObject.kind')(event).toLowerCase()}/${text('involvedObject.name')(event)}`,
      ),
      column('Message', text('message')),
      column('Source', text('source.component'), 'string', 1),
      column('Count', (event) => Number(valueAt(event, 'count') ?? 1), 'integer', 1),
      { ...nameColumn, priority: 1 },
    ],
  },
];

const readyReplicas = (object: KubeObject): string =>
  `${Number(valueAt(object, 'status.readyReplicas') ?? 0)}/${Number(valueAt(object, 'spec.replicas') ?? 1)}`;

const apps: Row[] = [
  {
    kind: 'Deployment',
    plural: 'deployments',
    shortNames: ['deploy'],
    categories: ['all'],
    hasStatus: true,
    scale: { spec: 'spec.replicas', status: 'status.replicas', selector: 'spec.selector' },
    columns: [
      nameColumn,
      column('Ready', readyReplicas),
      column(
        'Up-to-date',
        (object) => Number(valueAt(object, 'status.updatedReplicas') ?? 0),
        'integer',
      ),
      column(
        'Available',
        (object) => Number(valueAt(object, 'status.availableReplicas') ?? 0),
        'integer',
      ),
      ageColumn,
    ],
    mergeKeys: podMergeKeys('spec.template.spec'),
  },
  {
    kind: 'DaemonSet',
    plural: 'daemonsets',
    shortNames: ['ds'],
    categories: ['all'],
    hasStatus: true,
    columns: [
      nameColumn,
      column(
        'Desired',
        (object) => Number(valueAt(object, 'status.desiredNumberScheduled') ?? 0),
        'integer',
      ),
      column('Ready', (object) => Number(valueAt(object, 'status.numberReady') ?? 0), 'integer'),
      ageColumn,
    ],
    mergeKeys: podMergeKeys('spec.template.spec'),
  },
];

const rbac: Row[] = [
  { kind: 'Role', plural: 'roles', validate: roleCauses },
  { kind: 'ClusterRole', plural: 'clusterroles', namespaced: false, validate: roleCauses },
  { kind: 'RoleBinding', plural: 'rolebindings', validate: bindingCauses },
  {
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    namespaced: false,
    validate: bindingCauses,
  },
].map((row) => ({
  ...row,
  nameRule: 'pathSegment' as const,
  hasGeneration: false,
  columns: [
    nameColumn,
    ...(row.kind.endsWith('Binding')
      ? [
          column(
            'Role',
            (object) => `${text('roleRef.kind')(object)}/${text('roleRef.name')(object)}`,
          ),
          ageColumn,
        ]
      : [column('Created At', (object) => object.metadata.creationTimestamp ?? null, 'date')]),
  ],
}));

const reviews = (group: string, kinds: readonly [string, string, boolean][]): Resource[] =>
  kinds.map(([kind, plural, namespaced]) =>
    resource(group, 'v1', { kind, plural, namespaced, verbs: ['create'], hasGeneration: false }),
  );

/** Every built-in kind. */
export const builtinResources: readonly Resource[] = [
  ...core.map((row) => resource('', 'v1', row)),
  ...apps.map((row) => resource('apps', 'v1', row)),
  resource('policy', 'v1', {
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    shortNames: ['pdb'],
    hasStatus: true,
    columns: [
      nameColumn,
      column('Min Available', text('spec.minAvailable', 'N/A')),
      column('Max Unavailable', text('spec.maxUnavailable', 'N/A')),
      column(
        'Allowed Disruptions',
        (object) => Number(valueAt(object, 'status.disruptionsAllowed') ?? 0),
        'integer',
      ),
      ageColumn,
    ],
  }),
  resource('coordination.k8s.io', 'v1', {
    kind: 'Lease',
    plural: 'leases',
    hasGeneration: false,
    columns: [nameColumn, column('Holder', text('spec.holderIdentity')), ageColumn],
  }),
  ...rbac.map((row) => resource('rbac.authorization.k8s.io', 'v1', row)),
  resource('apiextensions.k8s.io', 'v1', {
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    namespaced: false,
    hasStatus: true,
    fill: fillCrd,
    validate: crdCauses,
    columns: [
      nameColumn,
      column('Created At', (object) => object.metadata.creationTimestamp ?? null, 'date'),
    ],
  }),
  ...reviews('authorization.k8s.io', [
    ['SelfSubjectAccessReview', 'selfsubjectaccessreviews', false],
    ['SelfSubjectRulesReview', 'selfsubjectrulesreviews', false],
    ['SubjectAccessReview', 'subjectaccessreviews', false],
    ['LocalSubjectAccessReview', 'localsubjectaccessreviews', true],
  ]),
  ...reviews('authentication.k8s.io', [
    ['TokenReview', 'tokenreviews', false],
    ['SelfSubjectReview', 'selfsubjectreviews', false],
  ]),
];

function resource(group: string, version: string, row: Row): Resource {
  return {
    group,
    version,
    listKind: `${row.kind}List`,
    singular: row.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    nameRule: 'subdomain',
    hasStatus: false,
    hasGeneration: true,
    verbs,
    selectableFields: [],
    columns: [nameColumn, ageColumn],
    mergeKeys: {},
    storageVersion: version,
    ...row,
  };
}

function readyContainers(pod: KubeObject): string {
  const isReady = ({ ready }: Record<string, unknown>): boolean => ready === true;
  const statuses = objectsAt(pod, 'status.containerStatuses');
  return `${statuses.filter(isReady).length}/${objectsAt(pod, 'spec.containers').length}`;
}

function restarts(pod: KubeObject): number {
  return objectsAt(pod, 'status.containerStatuses').reduce(
    (sum, { restartCount }) => sum + (Number(restartCount) || 0),
    0,
  );
}

function lastSeen(event: KubeObject, nowMs: number): string {
  const timestamp =
    valueAt(event, 'lastTimestamp') ??
    valueAt(event, 'eventTime') ??
    event.metadata.creationTimestamp;
  return typeof timestamp === 'string' ? age(nowMs - Date.parse(timestamp)) : '<unknown>';
}

/**
 * Keeps a deleted namespace until it is empty.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
 */
export const namespaceFinalizer = 'kubernetes';

function fillNamespace(namespace: KubeObject): KubeObject {
  const { metadata } = namespace;
  const spec = isObject(namespace['spec']) ? namespace['spec'] : {};
  const finalizers = spec['finalizers'];
  return {
    ...namespace,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name ?? '' },
    },
    spec: {
      ...spec,
      finalizers: Array.isArray(finalizers) ? finalizers.map(String) : [namespaceFinalizer],
    },
    status: { phase: 'Active', ...(isObject(namespace['status']) ? namespace['status'] : {}) },
  };
}

/** Moves the plain text of `stringData` to `data`, in base64. */
function fillSecret({ stringData, ...secret }: KubeObject): KubeObject {
  const type = (secret['type'] as string | undefined) ?? 'Opaque';
  if (typeof stringData !== 'object' || stringData === null)
    return { ...(secret as KubeObject), type };
  const encodedEntries = Object.entries(stringData as Record<string, unknown>).map(
    ([key, value]) => [key, Buffer.from(String(value)).toString('base64')],
  );
  return {
    ...(secret as KubeObject),
    type,
    data: { ...(secret['data'] as object | undefined), ...Object.fromEntries(encodedEntries) },
  };
}
