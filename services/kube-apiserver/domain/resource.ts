// Description of a resource: built in (builtin-resources.ts) or defined by a
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
  /** A column with a priority above 0 is shown only by `-o wide`. */
  priority?: number;
  /** The cell for an object; `nowMs` is for ages. */
  cell(object: KubeObject, nowMs: number): string | number | boolean | null;
}

export interface Resource {
  group: string;
  version: string;
  kind: string;
  listKind: string;
  /** The name in URL paths, e.g. `hypervisors`. */
  plural: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  nameRule: NameRule;
  /** `status` is a subresource: the field can be written only through it. */
  hasStatus: boolean;
  /** Field paths that the subresource `scale` reads and writes. */
  scale?: { spec: string; status: string; selector: string };
  /** Whether metadata.generation counts the changes of the spec. */
  hasGeneration: boolean;
  /** The verbs that are served. Reviews, which are not stored, have only `create`. */
  verbs: readonly Verb[];
  /**
   * Field selectors besides metadata.name and metadata.namespace, as paths like `spec.nodeName`.
   */
  selectableFields: readonly string[];
  columns: readonly Column[];
  /** For custom resources: used for validation, defaults and pruning. Built-in kinds have none. */
  schema?: Schema;
  /** Merge keys of lists, by path, for strategic merge patch. Built-in kinds only. */
  mergeKeys: Readonly<Record<string, string>>;
  /** Whether a CustomResourceDefinition defines the resource. */
  isCustom?: boolean;
  /** Fills in fields that clients may leave out. */
  fill?(object: KubeObject): KubeObject;
  /** Validation beyond the schema. */
  validate?(object: KubeObject, old: KubeObject | undefined): Cause[];
  /** The version in which objects are stored, if several are served. */
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

/** The key under which objects are stored, shared by all versions of the kind. */
export const storageKey = ({ group, plural }: Pick<Resource, 'group' | 'plural'>): string =>
  group === '' ? plural : `${plural}.${group}`;

export const apiVersionOf = ({ group, version }: Pick<Resource, 'group' | 'version'>): string =>
  group === '' ? version : `${group}/${version}`;

/** The value at a path such as `a.b`; undefined: there is none. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as JsonObject)[part];
  }
  return value;
}
