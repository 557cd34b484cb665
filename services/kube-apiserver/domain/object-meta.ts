// The metadata that the server sets itself, and its validation. Pure.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
import type { KubeObject, ObjectMeta } from '#contracts/kube/object.ts';
import { annotationCauses, generatedName, labelCauses, nameTrouble } from './names.ts';
import type { Resource } from './resource.ts';
import { apiVersionOf } from './resource.ts';
import { isSameJson } from './same-json.ts';
import type { Answer, Cause } from './status.ts';
import { badRequest } from './status.ts';
import { isObject } from './structural-schema/schema.ts';

/** The time in RFC 3339 with whole seconds, as metav1.Time. */
export const timestamp = (nowMs: number): string =>
  `${new Date(nowMs).toISOString().slice(0, 19)}Z`;

/** Checks that a body is an object of the kind that the path names. */
export function asObject(body: unknown, resource: Resource): Answer<KubeObject> {
  if (!isObject(body)) return badRequest('the body is no object');
  const apiVersion = apiVersionOf(resource);
  if (body['apiVersion'] !== undefined && body['apiVersion'] !== apiVersion)
    return badRequest(
      `the API version in the data (${JSON.stringify(body['apiVersion'])}) does not match the expected API version (${apiVersion})`,
    );
  if (body['kind'] !== undefined && body['kind'] !== resource.kind)
    return badRequest(
      `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: converting (${JSON.stringify(body['kind'])}) to (${resource.kind}): unknown conversion`,
    );
  const metadata = body['metadata'] ?? {};
  if (!isObject(metadata)) return badRequest('metadata is no object');
  const wrong = wrongMetadata(metadata);
  if (wrong !== undefined)
    return badRequest(
      `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${wrong}`,
    );
  return { ...body, apiVersion, kind: resource.kind, metadata: metadata as ObjectMeta };
}

/** What is wrong with the fields' JSON types; undefined: nothing. Values are validated later. */
function wrongMetadata(metadata: Record<string, unknown>): string | undefined {
  const isTextMap = (value: unknown): boolean =>
    isObject(value) && Object.values(value).every((each) => typeof each === 'string');
  const isTextList = (value: unknown): boolean =>
    Array.isArray(value) && value.every((each) => typeof each === 'string');
  const isText = (value: unknown): boolean => typeof value === 'string';
  const shapes: Readonly<Record<string, (value: unknown) => boolean>> = {
    name: isText,
    generateName: isText,
    namespace: isText,
    uid: isText,
    resourceVersion: isText,
    labels: isTextMap,
    annotations: isTextMap,
    finalizers: isTextList,
    ownerReferences: (value) =>
      Array.isArray(value) &&
      value.every(
        (each) =>
          isObject(each) &&
          ['apiVersion', 'kind', 'name', 'uid'].every((field) => isText(each[field])),
      ),
    managedFields: (value) => Array.isArray(value) && value.every(isObject),
  };
  const wrong = Object.entries(shapes).find(
    ([field, holds]) =>
      metadata[field] !== undefined && metadata[field] !== null && !holds(metadata[field]),
  );
  return wrong && `json: cannot unmarshal metadata.${wrong[0]}: wrong type`;
}

export interface Origin {
  nowMs: number;
  uid: string;
  random: () => number;
}

/** The metadata of a new object. With generateName a name is generated. */
export function newMeta(
  { metadata }: KubeObject,
  resource: Resource,
  namespace: string,
  { nowMs, uid, random }: Origin,
): ObjectMeta {
  const { name, generateName, labels, annotations, finalizers, ownerReferences, managedFields } =
    metadata;
  return {
    name: name || (generateName ? generatedName(generateName, random) : ''),
    ...(generateName ? { generateName } : {}),
    ...(resource.namespaced ? { namespace } : {}),
    uid,
    ...(resource.hasGeneration ? { generation: 1 } : {}),
    creationTimestamp: timestamp(nowMs),
    ...present({ labels, annotations, finalizers, ownerReferences, managedFields }),
  };
}

/**
 * The metadata after a change: fields of the server are kept. The generation increases with every
 * change of anything but metadata and status.
 */
export function nextMeta(next: KubeObject, old: KubeObject, resource: Resource): ObjectMeta {
  const { labels, annotations, finalizers, ownerReferences, managedFields } = next.metadata;
  const { generation = 1, ...oldMeta } = old.metadata;
  const wanted = (object: KubeObject) =>
    Object.entries(object).filter(([name]) => !['metadata', 'status', 'apiVersion'].includes(name));
  const isChanged =
    resource.hasGeneration &&
    !isSameJson(Object.fromEntries(wanted(next)), Object.fromEntries(wanted(old)));
  return {
    ...present({
      name: oldMeta.name,
      generateName: oldMeta.generateName,
      namespace: oldMeta.namespace,
      uid: oldMeta.uid,
      resourceVersion: oldMeta.resourceVersion,
      generation: resource.hasGeneration ? generation + (isChanged ? 1 : 0) : undefined,
      creationTimestamp: oldMeta.creationTimestamp,
      deletionTimestamp: oldMeta.deletionTimestamp,
      deletionGracePeriodSeconds: oldMeta.deletionGracePeriodSeconds,
    }),
    ...present({ labels, annotations, finalizers, ownerReferences, managedFields }),
  };
}

/** Omits undefined fields and empty maps and lists, which count as not set. */
function present<T extends Record<string, unknown>>(fields: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined &&
        value !== null &&
        !(typeof value === 'object' && Object.keys(value).length === 0),
    ),
  ) as Partial<T>;
}

export function metaCauses({ metadata }: KubeObject, { nameRule }: Resource): Cause[] {
  const { name = '', labels, annotations, ownerReferences = [] } = metadata;
  const trouble = name === '' ? undefined : nameTrouble(name, nameRule);
  const controllers = ownerReferences.filter(({ controller }) => controller === true);
  return [
    ...(name === ''
      ? [
          {
            reason: 'FieldValueRequired' as const,
            field: 'metadata.name',
            message: 'Required value: name or generateName is required',
          },
        ]
      : []),
    ...(trouble === undefined
      ? []
      : [
          {
            reason: 'FieldValueInvalid' as const,
            field: 'metadata.name',
            message: `Invalid value: ${JSON.stringify(name)}: ${trouble}`,
          },
        ]),
    ...labelCauses(labels),
    ...annotationCauses(annotations),
    ...(controllers.length > 1
      ? [
          {
            reason: 'FieldValueInvalid' as const,
            field: 'metadata.ownerReferences',
            message: 'Invalid value: Only one reference can have Controller set to true',
          },
        ]
      : []),
  ];
}
