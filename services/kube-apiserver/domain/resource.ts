// What the API server knows about a kind of object: built in (builtin-resources.ts) or made by a
// CustomResourceDefinition (custom-resource.ts).
import type { JsonObject } from '#contracts/common/json.ts';
import type { KubeObject } from '#contracts/kube/object.ts';
import type { NameRule } from './names.ts';
import type { Cause } from './status.ts';
import type { Schema } from './structural-schema/schema.ts';

export interface Column {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: string;
  description?: string;
  /** Above 0: shown by `-o wide` alone. */
  priority?: number;
  /** The cell of an object; `nowMs` for ages. */
  cell(object: KubeObject, nowMs: number): string | number | boolean | null;
}

export interface Resource {
  group: string;
  version: string;
  kind: string;
  listKind: string;
  /** As in paths, e.g. `hypervisors`. */
  plural: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  nameRule: NameRule;
  /** `status` is written by a path of its own, and by nothing else. */
  hasStatus: boolean;
  /** Where a scale reads and writes: paths of fields. */
  scale?: { spec: string; status: string; selector: string };
  /** Counts changes of what is wanted. */
  hasGeneration: boolean;
  /** Of a stored kind; a review is answered and forgotten. */
  verbs: readonly Verb[];
  /** Besides metadata.name and metadata.namespace: paths like `spec.nodeName`. */
  selectableFields: readonly string[];
  columns: readonly Column[];
  /** Of custom resources: what is checked, filled in and cut off. Others keep what is sent. */
  schema?: Schema;
  /** Lists that strategic merge patch merges, by path, and their key. Built-in kinds alone. */
  mergeKeys: Readonly<Record<string, string>>;
  /** Made by a CustomResourceDefinition. */
  isCustom?: boolean;
  /** What is there without being sent. */
  fill?(object: KubeObject): KubeObject;
  /** What the schema cannot say. */
  validate?(object: KubeObject, old: KubeObject | undefined): Cause[];
  /** Served under several versions: the one that is stored. */
  storageVersion: string;
}

export const verbs = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const;
export type Verb = (typeof verbs)[number];

/** Versions of one kind share what is stored. */
export const storageKey = ({ group, plural }: Pick<Resource, 'group' | 'plural'>): string =>
  group === '' ? plural : `${plural}.${group}`;

export const apiVersionOf = ({ group, version }: Pick<Resource, 'group' | 'version'>): string =>
  group === '' ? version : `${group}/${version}`;

/** What a path names: `a.b` of nested objects; undefined: it is not there. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as JsonObject)[part];
  }
  return value;
}
