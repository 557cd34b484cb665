// How the parts of an object are merged: by field, by list item, or replaced as a whole. For custom
// resources the schema decides, for built-in kinds their merge keys.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
import type { Resource } from '../resource.ts';
import type { Schema } from '../structural-schema/schema.ts';
import { schemaOfField } from '../structural-schema/schema.ts';

export interface Shape {
  /** Whether a map or list is replaced as a whole. */
  isAtomic(value: unknown): boolean;
  /** For a list: the fields that identify its items; [] if the items are plain values. */
  keys: readonly string[];
  field(name: string): Shape;
  item(): Shape;
  /** The default of a merge key that an item does not set. */
  defaultOf(key: string): unknown;
}

export const shapeOf = (resource: Resource): Shape =>
  resource.schema
    ? bySchema(resource.schema, true)
    : byMergeKeys({ ...ofEveryKind, ...resource.mergeKeys }, '');

/** Lists in metadata, which are the same for every kind and in no schema. */
const ofEveryKind = { 'metadata.ownerReferences': 'uid', 'metadata.finalizers': '' };

function bySchema(schema: Schema, isRoot = false): Shape {
  const listType = schema['x-kubernetes-list-type'] ?? 'atomic';
  return {
    isAtomic: (value) =>
      Array.isArray(value) ? listType === 'atomic' : schema['x-kubernetes-map-type'] === 'atomic',
    keys: listType === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : [],
    field: (name) =>
      isRoot && name === 'metadata'
        ? byMergeKeys(ofEveryKind, 'metadata')
        : bySchema(schemaOfField(schema, name) ?? {}),
    item: () => bySchema(schema.items ?? {}),
    defaultOf: (key) => schema.items?.properties?.[key]?.default,
  };
}

function byMergeKeys(mergeKeys: Readonly<Record<string, string>>, path: string): Shape {
  const key = Object.hasOwn(mergeKeys, path) ? mergeKeys[path] : undefined;
  return {
    isAtomic: (value) => Array.isArray(value) && key === undefined,
    keys: key ? [key] : [],
    field: (name) => byMergeKeys(mergeKeys, path === '' ? name : `${path}.${name}`),
    item: () => byMergeKeys(mergeKeys, path),
    defaultOf: () => undefined,
  };
}
