// OpenAPI v3 documents for each group and version, with which kubectl validates and explains
// objects.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
import { createHash } from 'node:crypto';
import type { Resource } from '../domain/resource.ts';
import type { Schema } from '../domain/structural-schema/schema.ts';
import type { Registry } from './registry.ts';

const pathOf = (group: string, version: string): string =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

const documents = new WeakMap<readonly Resource[], Map<string, string>>();

/**
 * The document for `api/v1` or `apis/GROUP/VERSION`; undefined: this group or version is not
 * served.
 */
export function openapiDocument(registry: Registry, path: string): string | undefined {
  const all = registry.all();
  const texts = documents.get(all) ?? new Map<string, string>();
  documents.set(all, texts);
  const cached = texts.get(path);
  if (cached !== undefined) return cached;
  const resources = all.filter(({ group, version }) => pathOf(group, version) === path);
  if (resources.length === 0) return undefined;
  const text = JSON.stringify(documentOf(resources, path));
  texts.set(path, text);
  return text;
}

export function openapiIndex(registry: Registry): unknown {
  const paths = new Set(registry.all().map(({ group, version }) => pathOf(group, version)));
  return {
    paths: Object.fromEntries(
      [...paths].sort().map((path) => {
        const text = openapiDocument(registry, path) ?? '';
        const hash = createHash('sha512').update(text).digest('hex').toUpperCase();
        return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
      }),
    ),
  };
}

const metaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/**
 * The name of a resource's schema, e.g. `io.k8s.api.core.v1.Pod`, `cloud.sap.kvm.v1.Hypervisor`.
 */
function schemaName({ group, version, kind, isCustom }: Resource): string {
  if (isCustom) return `${group.split('.').reverse().join('.')}.${version}.${kind}`;
  const part = group === '' ? 'core' : (group.split('.')[0] ?? group);
  return `io.k8s.api.${part}.${version}.${kind}`;
}

function documentOf(resources: readonly Resource[], path: string) {
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: Object.assign({}, ...resources.map((resource) => pathsOf(resource, path))) as object,
    components: {
      schemas: {
        ...Object.fromEntries(
          resources.map((resource) => [schemaName(resource), publishedSchema(resource)]),
        ),
        [metaName]: {
          type: 'object',
          description: 'ObjectMeta is metadata that all persisted resources must have.',
          properties: metaProperties,
        },
      },
    },
  };
}

const text = (description: string) => ({ type: 'string', description });
const textMap = (description: string) => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string', default: '' },
});
const metaProperties = {
  name: text('Name must be unique within a namespace.'),
  generateName: text('The beginning of a name that the server makes.'),
  namespace: text('The space within which each name must be unique.'),
  uid: text('Unique in time and space; written by the server.'),
  resourceVersion: text('The version of the object; written by the server.'),
  generation: {
    type: 'integer',
    format: 'int64',
    description: 'Counts changes of what is wanted.',
  },
  creationTimestamp: { type: 'string', format: 'date-time', description: 'Written by the server.' },
  deletionTimestamp: { type: 'string', format: 'date-time', description: 'Written by the server.' },
  deletionGracePeriodSeconds: { type: 'integer', format: 'int64' },
  labels: textMap('Key value pairs by which objects are selected.'),
  annotations: textMap('Key value pairs of tools.'),
  finalizers: {
    type: 'array',
    items: { type: 'string', default: '' },
    'x-kubernetes-list-type': 'set',
  },
  ownerReferences: { type: 'array', items: { type: 'object' } },
  managedFields: { type: 'array', items: { type: 'object' } },
  selfLink: text('Not used any more.'),
};

function publishedSchema(resource: Resource): object {
  const { group, version, kind, schema } = resource;
  const own: Schema = schema ?? {
    type: 'object',
    description: `${kind}: kept as it is sent.`,
    'x-kubernetes-preserve-unknown-fields': true,
  };
  return {
    ...own,
    properties: {
      ...own.properties,
      apiVersion: text('The versioned schema of this representation of an object.'),
      kind: text('The REST resource that this object represents.'),
      metadata: { allOf: [{ $ref: `#/components/schemas/${metaName}` }], default: {} },
    },
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  };
}

const query = (
  name: string,
  description: string,
  type: 'string' | 'boolean' | 'integer' = 'string',
) => ({
  name,
  in: 'query',
  description,
  schema: { type, uniqueItems: true },
});
const writeParameters = [
  query('dryRun', 'All: nothing is stored.'),
  query('fieldManager', 'Who makes the change.'),
  query('fieldValidation', 'Ignore, Warn or Strict: what happens to unknown fields.'),
];

function pathsOf(resource: Resource, root: string): object {
  const { group, version, kind, plural, namespaced } = resource;
  const gvk = { group, version, kind };
  const reference = { $ref: `#/components/schemas/${schemaName(resource)}` };
  const operation = (action: string, parameters: readonly object[], types: readonly string[]) => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
    tags: [`${group.split('.')[0] || 'core'}_${version}`],
    parameters,
    ...(types.length > 0
      ? {
          requestBody: {
            content: Object.fromEntries(types.map((type) => [type, { schema: reference }])),
          },
        }
      : {}),
    responses: {
      '200': { description: 'OK', content: { 'application/json': { schema: reference } } },
    },
  });
  const base = `/${root}/${namespaced ? 'namespaces/{namespace}/' : ''}${plural}`;
  const namespaceParameter = {
    name: 'namespace',
    in: 'path',
    required: true,
    schema: { type: 'string', uniqueItems: true },
  };
  const patches = [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    ...(resource.isCustom ? [] : ['application/strategic-merge-patch+json']),
  ];
  const collection = {
    get: operation(
      'list',
      [query('labelSelector', 'Labels.'), query('fieldSelector', 'Fields.')],
      [],
    ),
    post: operation('post', writeParameters, ['*/*']),
    ...(namespaced ? { parameters: [namespaceParameter] } : {}),
  };
  const single = {
    get: operation('get', [], []),
    put: operation('put', writeParameters, ['*/*']),
    patch: operation(
      'patch',
      [...writeParameters, query('force', 'Takes fields from others.', 'boolean')],
      patches,
    ),
    delete: operation('delete', [query('dryRun', 'All: nothing is deleted.')], ['*/*']),
    parameters: [
      { name: 'name', in: 'path', required: true, schema: { type: 'string', uniqueItems: true } },
      ...(namespaced ? [namespaceParameter] : []),
    ],
  };
  if (resource.verbs.length === 1) return { [base]: { post: collection.post } };
  return {
    [base]: collection,
    [`${base}/{name}`]: single,
    ...(resource.hasStatus
      ? {
          [`${base}/{name}/status`]: {
            get: single.get,
            put: single.put,
            patch: single.patch,
            parameters: single.parameters,
          },
        }
      : {}),
  };
}
