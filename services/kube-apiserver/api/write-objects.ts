// Every change of an object, by clients and by the server's controllers: validates, fills in
// defaults, records field owners and stores. A change that conflicts with a concurrent one is
// refused if the client has named a resourceVersion; otherwise it is repeated on the new object.
import type { KubeObject } from '#contracts/kube/object.ts';
import { applyConfiguration, ownChanges } from '../domain/managed-fields/managers.ts';
import { asObject, metaCauses, newMeta, nextMeta, timestamp } from '../domain/object-meta.ts';
import type { Resource } from '../domain/resource.ts';
import { apiVersionOf, storageKey } from '../domain/resource.ts';
import { isSameJson } from '../domain/same-json.ts';
import type { Answer, Cause, Subject } from '../domain/status.ts';
import {
  Refusal,
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  isRefusal,
  notFound,
} from '../domain/status.ts';
import { fillDefaults, prune } from '../domain/structural-schema/fill-and-prune.ts';
import { checkRules } from '../domain/structural-schema/rules.ts';
import type { Schema } from '../domain/structural-schema/schema.ts';
import { validate } from '../domain/structural-schema/validate.ts';
import type { Place, Stored } from '../store/object-store.ts';
import type { KubeDeps } from './deps.ts';
import { crdKind } from './registry.ts';

export interface WriteOptions {
  manager: string;
  dryRun: boolean;
  fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  /**
   * 'status' writes only the status, 'finalize' only a namespace's finalizers, '' everything else.
   */
  subresource: '' | 'status' | 'finalize';
  /** Checks whether the writer may make this change. Both objects are valid. */
  guard?(object: KubeObject, old: KubeObject | undefined): Refusal | undefined;
}

export interface Written {
  object: KubeObject;
  isNew: boolean;
  /** Sent in the `warning` header. */
  warnings: readonly string[];
}

/** The place of an object. `namespace` is '' for cluster-scoped resources. */
export interface Target {
  resource: Resource;
  namespace: string;
  name: string;
}

/** How often a change without resourceVersion is repeated after conflicts. */
const maxAttempts = 10;

export const subjectOf = ({ resource, name }: Pick<Target, 'resource' | 'name'>): Subject => ({
  group: resource.group,
  kind: resource.plural,
  ...(name === '' ? {} : { name }),
});

export const placeOf = ({ resource, namespace, name }: Target): Place => ({
  kind: storageKey(resource),
  namespace: resource.namespaced ? namespace : '',
  name,
});

const modified =
  'the object has been modified; please apply your changes to the latest version and try again';

/** An object in the API version of `resource`. All versions of a resource have the same content. */
export const shownAs = (object: KubeObject, resource: Resource): KubeObject => ({
  ...object,
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
});

export async function createObject(
  deps: KubeDeps,
  { resource, namespace }: Omit<Target, 'name'>,
  body: unknown,
  options: WriteOptions,
): Promise<Answer<Written>> {
  const input = asObject(body, resource);
  if (isRefusal(input)) return input;
  if (input.metadata.resourceVersion)
    return badRequest('resourceVersion should not be set on objects to be created');
  const misplaced = namespaceTrouble(input, resource, namespace);
  if (misplaced) return misplaced;
  const fitted = fit(input, resource, options);
  if (isRefusal(fitted)) return fitted;
  const complete = newObject(deps, { resource, namespace }, fitted.object);
  const target = { resource, namespace, name: complete.metadata.name ?? '' };
  const blocked = blocks(deps, target);
  if (blocked) return blocked;
  const wrong = wrongObject(complete, undefined, resource, options);
  if (wrong) return wrong;
  const owned = ownChanges(complete, undefined, resource, writerOf(deps, options));
  return await insert(deps, target, owned, { ...options, warnings: fitted.warnings });
}

/** A new object with the metadata and fields that the server sets. */
function newObject(
  { clock, ids }: KubeDeps,
  { resource, namespace }: Omit<Target, 'name'>,
  wanted: KubeObject,
): KubeObject {
  const metadata = newMeta(wanted, resource, namespace, {
    nowMs: clock.now(),
    uid: ids.uuid(),
    random: () => ids.random(),
  });
  const object = { ...withoutStatus(wanted, resource), metadata };
  return resource.fill ? resource.fill(object) : object;
}

async function insert(
  deps: KubeDeps,
  target: Target,
  object: KubeObject,
  { dryRun, warnings }: { dryRun: boolean; warnings: readonly string[] },
): Promise<Answer<Written>> {
  const place = placeOf(target);
  if (dryRun) {
    if (deps.store.get(place)) return alreadyExists(subjectOf(target));
    return { object, isNew: true, warnings };
  }
  const creation = await deps.store.create(place, object);
  return creation
    ? { object: creation.object, isNew: true, warnings }
    : alreadyExists(subjectOf(target));
}

/** PUT: replaces the object by `body`. */
export async function replaceObject(
  deps: KubeDeps,
  target: Target,
  body: unknown,
  options: WriteOptions,
): Promise<Answer<Written>> {
  const { resource, namespace, name } = target;
  const input = asObject(body, resource);
  if (isRefusal(input)) return input;
  const misplaced = namespaceTrouble(input, resource, namespace);
  if (misplaced) return misplaced;
  if (input.metadata.name && input.metadata.name !== name)
    return badRequest(
      `the name of the object (${input.metadata.name}) does not match the name on the URL (${name})`,
    );
  if (resource.isCustom && !input.metadata.resourceVersion)
    return invalid({ group: resource.group, kind: resource.kind, name }, [
      {
        reason: 'FieldValueInvalid',
        field: 'metadata.resourceVersion',
        message: 'Invalid value: 0x0: must be specified for an update',
      },
    ]);
  return await changeObject(deps, target, options, () => input);
}

/**
 * Changes an object: `change` gets the current object and returns the new one. If that names a
 * resourceVersion, it must be the current one, else conflict.
 */
export async function changeObject(
  deps: KubeDeps,
  target: Target,
  options: WriteOptions,
  change: (old: KubeObject) => Answer<KubeObject>,
): Promise<Answer<Written>> {
  const { resource } = target;
  const place = placeOf(target);
  for (let attempt = 1; ; attempt += 1) {
    const stored = deps.store.get(place);
    if (!stored) return notFound(subjectOf(target));
    const old = shownAs(stored.object, resource);
    const wanted = change(old);
    if (isRefusal(wanted)) return wanted;
    const stale = staleness(target, wanted, old);
    if (stale) return stale;
    const { resourceVersion } = wanted.metadata;
    const next = nextObject(deps, wanted, old, resource, options);
    if (isRefusal(next)) return next;
    const { object, warnings } = next;
    if (options.dryRun || isSame(object, old))
      return { object: options.dryRun ? object : old, isNew: false, warnings };
    const update = await store(deps, place, object, stored);
    if (update) return { object: shownAs(update.object, resource), isNew: false, warnings };
    if (resourceVersion || attempt === maxAttempts) return conflict(subjectOf(target), modified);
  }
}

/**
 * Why the write must not happen: conflict, if the client has named a resourceVersion or uid that
 * the stored object does not have.
 */
function staleness(
  target: Target,
  { metadata: { resourceVersion, uid } }: KubeObject,
  old: KubeObject | undefined,
): Refusal | undefined {
  if (resourceVersion && resourceVersion !== old?.metadata.resourceVersion)
    return conflict(subjectOf(target), modified);
  return uid && uid !== old?.metadata.uid
    ? conflict(
        subjectOf(target),
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old?.metadata.uid ?? ''}`,
      )
    : undefined;
}

/**
 * Stores the object; removes it instead if it is marked as deleted and its last finalizer was
 * removed. undefined: it was changed since `revision`.
 */
async function store(
  { store: objects }: KubeDeps,
  place: Place,
  object: KubeObject,
  { revision }: Stored,
): Promise<Stored | undefined> {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  const spec = object['spec'] as { finalizers?: string[] } | undefined;
  const isNamespaceInUse = place.kind === 'namespaces' && (spec?.finalizers ?? []).length > 0;
  return deletionTimestamp !== undefined && finalizers.length === 0 && !isNamespaceInUse
    ? await objects.remove(place, revision)
    : await objects.replace(place, object, revision);
}

function nextObject(
  deps: KubeDeps,
  wanted: KubeObject,
  old: KubeObject,
  resource: Resource,
  options: WriteOptions,
): Answer<{ object: KubeObject; warnings: readonly string[] }> {
  const fitted = fit(wanted, resource, options);
  if (isRefusal(fitted)) return fitted;
  const content = contentOf(fitted.object, old, resource, options.subresource);
  const complete = resource.fill ? resource.fill(content) : content;
  const bare = { ...complete, metadata: nextMeta(complete, old, resource) };
  const wrong = wrongObject(bare, old, resource, options);
  if (wrong) return wrong;
  const object = ownChanges(bare, old, resource, writerOf(deps, options));
  return { object, warnings: fitted.warnings };
}

/** A write to `status` changes only the status, and any other write leaves it unchanged. */
function contentOf(
  next: KubeObject,
  old: KubeObject,
  resource: Resource,
  subresource: WriteOptions['subresource'],
): KubeObject {
  if (!resource.hasStatus) return next;
  // A normal write cannot remove a namespace's finalizers: the objects in it would be left behind.
  const isHeld = storageKey(resource) === 'namespaces' && subresource === '';
  const isOfStatus = subresource === 'status';
  const { managedFields } = next.metadata;
  const content: KubeObject = {
    ...(isOfStatus ? old : next),
    metadata: isOfStatus ? { ...old.metadata, managedFields } : next.metadata,
    ...(isHeld ? { spec: old['spec'] } : {}),
    status: isOfStatus ? next['status'] : old['status'],
  };
  if (content['status'] === undefined) delete content['status'];
  return content;
}

/** Server-side apply; creates the object if it does not exist. */
export async function applyObject(
  deps: KubeDeps,
  target: Target,
  body: unknown,
  options: WriteOptions & { force: boolean },
): Promise<Answer<Written>> {
  const { resource, namespace, name } = target;
  const applied = asObject(body, resource);
  if (isRefusal(applied)) return applied;
  if (applied.metadata.managedFields?.length)
    return badRequest('metadata.managedFields must be nil');
  if (applied.metadata.name && applied.metadata.name !== name)
    return badRequest(
      `the name of the object (${applied.metadata.name}) does not match the name on the URL (${name})`,
    );
  const misplaced = namespaceTrouble(applied, resource, namespace);
  if (misplaced) return misplaced;
  const fitted = fit(applied, resource, { ...options, fill: false });
  if (isRefusal(fitted)) return fitted;
  const { force, subresource } = options;
  const writer = { ...writerOf(deps, options), force };
  const configuration = {
    ...fitted.object,
    metadata: { ...fitted.object.metadata, name, ...(resource.namespaced ? { namespace } : {}) },
  };
  for (let attempt = 1; ; attempt += 1) {
    const stored = deps.store.get(placeOf(target));
    if (!stored && subresource === 'status') return notFound(subjectOf(target));
    const old = stored && shownAs(stored.object, resource);
    const stale = staleness(target, applied, old);
    if (stale) return stale;
    const merged = applyConfiguration(old, configuration, resource, writer);
    if (isRefusal(merged)) return merged;
    const outcome = old
      ? await keepApplied(deps, target, merged, old, options)
      : await createApplied(deps, target, merged, { ...options, warnings: fitted.warnings });
    const isLost = isRefusal(outcome) && ['Conflict', 'AlreadyExists'].includes(outcome.reason);
    if (!isLost || attempt === maxAttempts)
      return isRefusal(outcome) ? outcome : { ...outcome, warnings: fitted.warnings };
  }
}

async function createApplied(
  deps: KubeDeps,
  target: Target,
  merged: KubeObject,
  options: WriteOptions & { warnings: readonly string[] },
): Promise<Answer<Written>> {
  const { resource } = target;
  const filled = resource.schema ? (fillDefaults(merged, resource.schema) as KubeObject) : merged;
  const blocked = blocks(deps, target);
  if (blocked) return blocked;
  const complete = newObject(deps, target, filled);
  const wrong = wrongObject(complete, undefined, resource, options);
  return wrong ?? (await insert(deps, target, complete, options));
}

async function keepApplied(
  deps: KubeDeps,
  target: Target,
  merged: KubeObject,
  old: KubeObject,
  options: WriteOptions,
): Promise<Answer<Written>> {
  const { resource } = target;
  const filled = resource.schema ? (fillDefaults(merged, resource.schema) as KubeObject) : merged;
  const content = contentOf(filled, old, resource, options.subresource);
  const complete = resource.fill ? resource.fill(content) : content;
  const object = { ...complete, metadata: nextMeta(complete, old, resource) };
  const wrong = wrongObject(object, old, resource, options);
  if (wrong) return wrong;
  if (options.dryRun || isSame(object, old))
    return { object: options.dryRun ? object : old, isNew: false, warnings: [] };
  const stored = deps.store.get(placeOf(target));
  const update =
    stored && String(stored.revision) === old.metadata.resourceVersion
      ? await store(deps, placeOf(target), object, stored)
      : undefined;
  return update
    ? { object: shownAs(update.object, resource), isNew: false, warnings: [] }
    : conflict(subjectOf(target), modified);
}

const writerOf = ({ clock }: KubeDeps, { manager, subresource }: WriteOptions) => ({
  manager,
  subresource,
  time: timestamp(clock.now()),
});

/** Prunes fields that the schema does not have and fills in its defaults. */
function fit(
  object: KubeObject,
  { schema }: Resource,
  { fieldValidation, fill = true }: Pick<WriteOptions, 'fieldValidation'> & { fill?: boolean },
): Answer<{ object: KubeObject; warnings: string[] }> {
  if (!schema) return { object, warnings: [] };
  const unknown: string[] = [];
  const pruned = prune(object, schema, unknown) as KubeObject;
  const texts = unknown.map((path) => `unknown field "${path}"`);
  if (fieldValidation === 'Strict' && texts.length > 0)
    return badRequest(`strict decoding error: ${texts.join(', ')}`);
  return {
    object: fill ? (fillDefaults(pruned, schema) as KubeObject) : pruned,
    warnings: fieldValidation === 'Warn' ? texts : [],
  };
}

function wrongObject(
  object: KubeObject,
  old: KubeObject | undefined,
  resource: Resource,
  { guard }: WriteOptions,
): Refusal | undefined {
  const causes: Cause[] = [
    ...metaCauses(object, resource),
    ...newFinalizerCauses(object, old),
    ...(resource.schema ? schemaTroubles(object, old, resource.schema) : []),
    ...(resource.validate?.(object, old) ?? []),
  ];
  if (causes.length === 0) return guard?.(object, old);
  const { group, kind } = resource;
  return invalid(
    { group, kind, name: object.metadata.name || object.metadata.generateName || '' },
    causes,
  );
}

/** The rules (CEL) run only on objects that are valid by the schema's types. */
function schemaTroubles(object: KubeObject, old: KubeObject | undefined, schema: Schema): Cause[] {
  const causes = validate(object, schema);
  return causes.length > 0 ? causes : checkRules(object, old, schema);
}

function newFinalizerCauses({ metadata }: KubeObject, old: KubeObject | undefined): Cause[] {
  if (old?.metadata.deletionTimestamp === undefined) return [];
  const before = old.metadata.finalizers ?? [];
  const addedFinalizers = (metadata.finalizers ?? []).filter((each) => !before.includes(each));
  return addedFinalizers.length === 0
    ? []
    : [
        {
          reason: 'FieldValueForbidden',
          field: 'metadata.finalizers',
          message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${addedFinalizers.map((each) => JSON.stringify(each)).join(', ')}}`,
        },
      ];
}

/**
 * A new object has no status; its controller writes it later. A node may be created with a status.
 */
function withoutStatus(object: KubeObject, resource: Resource): KubeObject {
  if (!resource.hasStatus || resource.kind === 'Node') return object;
  const { status: _, ...rest } = object;
  return rest as KubeObject;
}

function namespaceTrouble({ metadata }: KubeObject, resource: Resource, namespace: string) {
  if (!resource.namespaced || !metadata.namespace || metadata.namespace === namespace)
    return undefined;
  return badRequest(
    `the namespace of the provided object does not match the namespace sent on the request`,
  );
}

/**
 * Creates are refused in a namespace that is missing or being deleted, and for a CRD that is being
 * deleted.
 */
function blocks({ store: objects }: KubeDeps, target: Target) {
  const { resource, namespace } = target;
  const definition = objects.get({ kind: crdKind, namespace: '', name: storageKey(resource) });
  if (resource.isCustom && definition?.object.metadata.deletionTimestamp !== undefined)
    return new Refusal(
      'MethodNotAllowed',
      'create is not allowed while the custom resource definition is terminating',
      { subject: subjectOf(target) },
    );
  if (!resource.namespaced) return undefined;
  const namespaceObject = objects.get({ kind: 'namespaces', namespace: '', name: namespace });
  if (!namespaceObject) return notFound({ group: '', kind: 'namespaces', name: namespace });
  return namespaceObject.object.metadata.deletionTimestamp === undefined
    ? undefined
    : forbidden(
        subjectOf(target),
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
}

/**
 * Whether a write changes nothing except times in managedFields: then no new revision is stored.
 */
function isSame(a: KubeObject, b: KubeObject): boolean {
  const comparable = ({ metadata, ...rest }: KubeObject) => {
    const { resourceVersion: _, managedFields, ...comparableMeta } = metadata;
    return {
      ...rest,
      metadata: {
        ...comparableMeta,
        owners: managedFields?.map(({ time: __, ...owner }) => owner) ?? [],
      },
    };
  };
  return isSameJson(comparable(a), comparable(b));
}
