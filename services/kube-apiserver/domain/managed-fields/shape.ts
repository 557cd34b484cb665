// How the parts of an object merge: field by field, item by item, or as a whole. Of a custom
// resource its schema says so, of a built-in kind its merge keys.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
import type { Resource } from '../resource.ts';
import type { Schema } from '../structural-schema/schema.ts';
import { schemaOfField } from '../structural-schema/schema.ts';

export interface Shape {
  /** A map or list that changes as a whole. */
  isAtomic(value: unknown): boolean;
  /** Of a list: the fields that tell its items apart; [] where the items are plain values. */
  keys: readonly string[];
  field(name: string): Shape;
  item(): Shape;
  /** A key that an item leaves out. */
  defaultOf(key: string): unknown;
}

export const shapeOf = (resource: Resource): Shape =>
  resource.schema
    ? bySchema(resource.schema, true)
    : byMergeKeys({ ...ofEveryKind, ...resource.mergeKeys }, '');

/** metadata is the same in every kind: its lists are no part of a schema. */
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
