// Field ownership (managedFields): updated with every change, and evaluated by server-side apply.
// Pure. https://kubernetes.io/docs/reference/using-api/server-side-apply/
import type { KubeObject, ManagedFields } from '#contracts/kube/object.ts';
import type { Resource } from '../resource.ts';
import { apiVersionOf } from '../resource.ts';
import { isSameJson } from '../same-json.ts';
import type { Answer, Cause } from '../status.ts';
import { Refusal, invalid } from '../status.ts';
import { isObject, setField } from '../structural-schema/schema.ts';
import { appliedCauses } from './check-applied.ts';
import type { FieldSet } from './field-set.ts';
import {
  changedFields,
  commonPaths,
  difference,
  fieldsOf,
  stepOfItem,
  union,
  without,
} from './field-set.ts';
import type { Shape } from './shape.ts';
import { shapeOf } from './shape.ts';

/** Metadata that only the server writes, which therefore has no owner. */
const unowned: readonly string[] = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
];

export interface Writer {
  manager: string;
  /** The subresource that was written; '' for the object itself. */
  subresource: string;
  /** RFC 3339. */
  time: string;
}

interface Entry {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time: string;
  fields: FieldSet;
}

function ownable(object: KubeObject): Record<string, unknown> {
  const { metadata } = object;
  const own = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !unowned.includes(name)),
  );
  const rest = Object.fromEntries(
    Object.entries(object).filter(([name]) => !['apiVersion', 'kind', 'metadata'].includes(name)),
  );
  return Object.keys(own).length === 0 ? rest : { ...rest, metadata: own };
}

/** The part of the object that a request to this path can write and so own. */
function writable(
  object: Record<string, unknown>,
  { hasStatus }: Resource,
  subresource: string,
): Record<string, unknown> {
  if (!hasStatus) return object;
  const isOfPath = (name: string): boolean => (name === 'status') === (subresource === 'status');
  return Object.fromEntries(Object.entries(object).filter(([name]) => isOfPath(name)));
}

const entriesOf = ({ metadata }: KubeObject): Entry[] =>
  (metadata.managedFields ?? []).map((entry) => ({
    manager: entry.manager ?? 'unknown',
    operation: entry.operation ?? 'Update',
    apiVersion: entry.apiVersion ?? '',
    subresource: entry.subresource ?? '',
    time: entry.time ?? '',
    fields: (entry.fieldsV1 ?? {}) as FieldSet, // this server wrote it
  }));

const toManagedFields = (entries: readonly Entry[]): ManagedFields[] =>
  entries
    .filter(({ fields }) => Object.keys(fields).length > 0)
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
      ...(subresource === '' ? {} : { subresource }),
    }));

const withEntries = (object: KubeObject, entries: readonly Entry[]): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, managedFields: toManagedFields(entries) },
});

/**
 * Records `writer` as owner of the fields that it changed (by any operation other than apply) and
 * removes them from other owners.
 */
export function ownChanges(
  next: KubeObject,
  old: KubeObject | undefined,
  resource: Resource,
  writer: Writer,
): KubeObject {
  // A client that sends an empty managedFields list resets all ownership.
  const isReset = next.metadata.managedFields?.length === 0 && old !== undefined;
  const before = isReset || !old ? [] : entriesOf(old);
  const shape = shapeOf(resource);
  const [now, then] = [ownable(next), old && ownable(old)];
  const changed = changedFields(now, then, shape) ?? {};
  const removedFields = then ? (difference(fieldsOf(then, shape), fieldsOf(now, shape)) ?? {}) : {};
  const apiVersion = apiVersionOf(resource);
  const isSame = (entry: Entry): boolean =>
    entry.manager === writer.manager &&
    entry.operation === 'Update' &&
    entry.apiVersion === apiVersion &&
    entry.subresource === writer.subresource;
  if (Object.keys(changed).length === 0 && Object.keys(removedFields).length === 0)
    return withEntries(next, before);
  const own = before.find(isSame);
  const others = before
    .filter((entry) => !isSame(entry))
    .map((entry) => ({
      ...entry,
      fields: difference(entry.fields, union(changed, removedFields)) ?? {},
    }));
  const fields = union(difference(own?.fields ?? {}, removedFields) ?? {}, changed);
  const { manager, subresource, time } = writer;
  return withEntries(next, [
    ...others,
    { manager, operation: 'Update', apiVersion, subresource, time, fields },
  ]);
}

/**
 * Server-side apply: merges `applied` into the live object. Fields that this manager applied
 * before, does not apply any more and nobody else owns, are removed. Conflict: other managers own
 * fields that would change (unless `force`).
 */
export function applyConfiguration(
  live: KubeObject | undefined,
  applied: KubeObject,
  resource: Resource,
  { force, ...writer }: Writer & { force: boolean },
): Answer<KubeObject> {
  const shape = shapeOf(resource);
  const wanted = writable(ownable(applied), resource, writer.subresource);
  const causes = appliedCauses(wanted, shape);
  if (causes.length > 0) {
    const { group, kind } = resource;
    return invalid({ group, kind, name: applied.metadata.name ?? '' }, causes);
  }
  const wantedFields = fieldsOf(wanted, shape);
  const apiVersion = apiVersionOf(resource);
  const before = live ? entriesOf(live) : [];
  const isSame = (entry: Entry): boolean =>
    entry.manager === writer.manager &&
    entry.operation === 'Apply' &&
    entry.subresource === writer.subresource;
  const others = before.filter((entry) => !isSame(entry));
  const current = live ? ownable(live) : {};
  const differing = changedFields(wanted, current, shape) ?? {};
  const conflicts = others.flatMap((entry) =>
    commonPaths(entry.fields, differing).map((path) => ({ entry, path })),
  );
  if (conflicts.length > 0 && !force) return applyConflict(conflicts);
  const otherEntries = others.map((entry) => ({
    ...entry,
    fields: conflicts.some((each) => each.entry === entry)
      ? (difference(entry.fields, differing) ?? {})
      : entry.fields,
  }));
  const own = before.find(isSame);
  const givenUp = own && difference(own.fields, wantedFields);
  const dropped =
    givenUp &&
    otherEntries.reduce<FieldSet | undefined>(
      (rest, entry) => rest && difference(rest, entry.fields),
      givenUp,
    );
  const base = dropped ? without(current, dropped, shape) : current;
  const merged = merge(base, wanted, shape) as Record<string, unknown>; // both are objects
  const metadata = { ...serverOwned(live), ...(merged['metadata'] as object | undefined) };
  const next: KubeObject = {
    ...merged,
    apiVersion: applied.apiVersion,
    kind: applied.kind,
    metadata: live ? metadata : { ...metadata, ...nameOf(applied) },
  };
  const { manager, subresource, time } = writer;
  const isUnchanged = own !== undefined && isSameJson(own.fields, wantedFields);
  return withEntries(next, [
    ...otherEntries,
    {
      manager,
      operation: 'Apply',
      apiVersion,
      subresource,
      time: isUnchanged ? own.time : time,
      fields: wantedFields,
    },
  ]);
}

const nameOf = ({ metadata: { name, namespace } }: KubeObject) => ({ name, namespace });

const serverOwned = (live: KubeObject | undefined): object =>
  Object.fromEntries(
    Object.entries(live?.metadata ?? {}).filter(([name]) => unowned.includes(name)),
  );

function applyConflict(conflicts: readonly { entry: Entry; path: string }[]): Refusal {
  const words = ({ manager, operation, apiVersion, subresource }: Entry): string =>
    `conflict with ${JSON.stringify(manager)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
  const causes = conflicts.map(({ entry, path }): Cause => ({
    reason: 'FieldManagerConflict',
    message: words(entry),
    field: path,
  }));
  const listed = causes.map(({ message, field }) => `${message}: ${field}`);
  return new Refusal(
    'Conflict',
    listed.length === 1
      ? `Apply failed with 1 conflict: ${listed[0]}`
      : `Apply failed with ${listed.length} conflicts: ${listed.join('\n')}`,
    { causes },
  );
}

function merge(live: unknown, applied: unknown, shape: Shape): unknown {
  if (Array.isArray(applied)) {
    if (!Array.isArray(live) || shape.isAtomic(applied)) return applied;
    const merged = [...live];
    for (const item of applied) {
      const step = stepOfItem(item, shape);
      const at = merged.findIndex((each) => stepOfItem(each, shape) === step);
      if (at < 0) merged.push(item);
      else merged[at] = merge(merged[at], item, shape.item());
    }
    return merged;
  }
  if (!isObject(applied) || !isObject(live) || shape.isAtomic(applied)) return applied;
  const merged: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(applied))
    setField(
      merged,
      name,
      merge(Object.hasOwn(live, name) ? live[name] : undefined, value, shape.field(name)),
    );
  return merged;
}
