// CustomResourceDefinitions: their validation, and the resources that they define.
// https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/
import type { Condition, KubeObject } from '#contracts/kube/object.ts';
import { age } from './age.ts';
import { definitionShape } from './definition-shape.ts';
import { parseJsonPath } from './json-path.ts';
import { nameTrouble } from './names.ts';
import type { Column, Resource } from './resource.ts';
import { verbs } from './resource.ts';
import type { Cause } from './status.ts';
import { ruleTrouble } from './structural-schema/rules.ts';
import type { Schema } from './structural-schema/schema.ts';
import { isObject, setField } from './structural-schema/schema.ts';
import { patternTrouble, validate } from './structural-schema/validate.ts';

export interface CrdNames {
  plural: string;
  singular?: string;
  kind: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

export interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: Schema };
  subresources?: {
    status?: object;
    scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
  additionalPrinterColumns?: {
    name: string;
    type: Column['type'];
    format?: string;
    description?: string;
    priority?: number;
    jsonPath: string;
  }[];
  selectableFields?: { jsonPath: string }[];
}

export interface CrdSpec {
  group: string;
  names: CrdNames;
  scope: 'Cluster' | 'Namespaced';
  versions: CrdVersion[];
  preserveUnknownFields?: boolean;
}

export interface Crd extends KubeObject {
  spec: CrdSpec;
  status?: { conditions?: Condition[]; acceptedNames?: CrdNames; storedVersions?: string[] };
}

/** Keeps a deleted definition until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** Fills in names that may be left out, in new and changed definitions. */
export function fillCrd(object: KubeObject): KubeObject {
  const { spec } = object as Partial<Crd>;
  if (!isObject(spec) || !isObject(spec.names)) return object;
  const { names } = spec;
  return {
    ...object,
    spec: {
      ...spec,
      names: {
        ...names,
        singular: names.singular || String(names.kind).toLowerCase(),
        listKind: names.listKind || `${names.kind}List`,
      },
    },
  };
}

/**
 * Causes for which a definition is refused; `old`: its previous version, if it is being changed.
 */
export function crdCauses(object: KubeObject, old: KubeObject | undefined): Cause[] {
  const misshapen = validate(object, definitionShape);
  if (misshapen.length > 0) return misshapen;
  const { spec, metadata } = object as Crd; // `validate` has checked the shape
  const wrong = (field: string, value: unknown, words: string): Cause => ({
    reason: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${JSON.stringify(value)}: ${words}`,
  });
  const { group, names, versions } = spec;
  const causes: Cause[] = [];
  if (nameTrouble(group, 'subdomain') || !group.includes('.'))
    causes.push(wrong('spec.group', group, 'should be a domain with at least one dot'));
  // The plural is part of URL paths and of the key under which objects are stored.
  if (nameTrouble(names.plural, 'label'))
    causes.push(wrong('spec.names.plural', names.plural, 'must be a DNS label'));
  if (nameTrouble(names.kind.toLowerCase(), 'label'))
    causes.push(wrong('spec.names.kind', names.kind, 'must be a DNS label in lower case'));
  if (metadata.name !== `${names.plural}.${group}`)
    causes.push(wrong('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'));
  if (versions.filter(({ storage }) => storage).length !== 1)
    causes.push(
      wrong('spec.versions', '', 'must have exactly one version marked as storage version'),
    );
  if (new Set(versions.map(({ name }) => name)).size !== versions.length)
    causes.push(wrong('spec.versions', '', 'must contain unique version names'));
  if (old) causes.push(...unchangeable(spec, old as Crd));
  for (const [index, version] of versions.entries())
    causes.push(...versionCauses(version, `spec.versions[${index}]`, wrong));
  return causes;
}

/** Changes that are refused because stored objects depend on the old values. */
function unchangeable(spec: CrdSpec, { spec: before, status }: Crd): Cause[] {
  const fixed: [string, unknown, unknown][] = [
    ['spec.scope', spec.scope, before.scope],
    ['spec.group', spec.group, before.group],
    ['spec.names.plural', spec.names.plural, before.names.plural],
    ['spec.names.kind', spec.names.kind, before.names.kind],
  ];
  const named = new Set(spec.versions.map(({ name }) => name));
  return [
    ...fixed
      .filter(([, now, then]) => now !== then)
      .map(([field, now]) => ({
        reason: 'FieldValueInvalid' as const,
        field,
        message: `Invalid value: ${JSON.stringify(now)}: field is immutable`,
      })),
    ...(status?.storedVersions ?? []).flatMap((name, index) =>
      named.has(name)
        ? []
        : [
            {
              reason: 'FieldValueInvalid' as const,
              field: `status.storedVersions[${index}]`,
              message: `Invalid value: ${JSON.stringify(name)}: missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
            },
          ],
    ),
  ];
}

function versionCauses(
  version: CrdVersion,
  field: string,
  wrong: (field: string, value: unknown, words: string) => Cause,
): Cause[] {
  const causes: Cause[] = [];
  if (nameTrouble(version.name, 'label'))
    causes.push(wrong(`${field}.name`, version.name, 'must be a DNS label'));
  const schema = version.schema?.openAPIV3Schema;
  if (!isObject(schema))
    return [
      ...causes,
      {
        reason: 'FieldValueRequired',
        field: `${field}.schema.openAPIV3Schema`,
        message: 'Required value: schemas are required',
      },
    ];
  causes.push(...schemaCauses(schema, `${field}.schema.openAPIV3Schema`, true));
  for (const [at, { jsonPath, name: column }] of (version.additionalPrinterColumns ?? []).entries())
    if (!parseJsonPath(jsonPath))
      causes.push(
        wrong(
          `${field}.additionalPrinterColumns[${at}].jsonPath`,
          jsonPath,
          `the column ${column} has no path that is understood`,
        ),
      );
  return causes;
}

/** Violations of the rules for structural schemas. */
function schemaCauses(schema: Schema, path: string, isRoot: boolean): Cause[] {
  const causes: Cause[] = [];
  const isFree =
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema.type === undefined && !isFree)
    causes.push({
      reason: 'FieldValueRequired',
      field: `${path}.type`,
      message: 'Required value: must not be empty for specified object fields',
    });
  if (isRoot && schema.type !== 'object')
    causes.push({
      reason: 'FieldValueInvalid',
      field: `${path}.type`,
      message: `Invalid value: ${JSON.stringify(schema.type ?? '')}: must be object at the root`,
    });
  if (schema.properties && schema.additionalProperties)
    causes.push({
      reason: 'FieldValueForbidden',
      field: `${path}.additionalProperties`,
      message: 'Forbidden: additionalProperties and properties are mutual exclusive',
    });
  if (schema.type === 'array' && !schema.items)
    causes.push({
      reason: 'FieldValueRequired',
      field: `${path}.items`,
      message: 'Required value: must be specified',
    });
  if (schema.pattern && patternTrouble(schema.pattern) !== undefined)
    causes.push({
      reason: 'FieldValueInvalid',
      field: `${path}.pattern`,
      message: `Invalid value: ${JSON.stringify(schema.pattern)}: must be a valid regular expression, but isn't: ${patternTrouble(schema.pattern)}`,
    });
  const { additionalProperties } = schema;
  if (
    additionalProperties !== undefined &&
    typeof additionalProperties !== 'boolean' &&
    !isObject(additionalProperties)
  )
    causes.push({
      reason: 'FieldValueTypeInvalid',
      field: `${path}.additionalProperties`,
      message: 'Invalid value: must be a boolean or a schema',
    });
  for (const [index, { rule }] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    const trouble = ruleTrouble(rule ?? '');
    if (trouble !== undefined)
      causes.push({
        reason: 'FieldValueInvalid',
        field: `${path}.x-kubernetes-validations[${index}].rule`,
        message: `Invalid value: ${JSON.stringify(rule)}: ${trouble}`,
      });
  }
  for (const [name, inner] of Object.entries(schema.properties ?? {}))
    causes.push(...schemaCauses(inner, `${path}.properties[${name}]`, false));
  if (isObject(schema.additionalProperties))
    causes.push(
      ...schemaCauses(schema.additionalProperties, `${path}.additionalProperties`, false),
    );
  if (schema.items) causes.push(...schemaCauses(schema.items, `${path}.items`, false));
  return causes;
}

/**
 * Whether the definition is established. Once it is, it stays so, since objects of it may be
 * stored.
 */
export const isEstablished = ({ status }: Pick<Crd, 'status'>): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') ??
  false;

/** One resource for each served version. */
export function resourcesOf({ spec }: Crd): Resource[] {
  const { names, group, scope, versions } = spec;
  const storage = versions.find((version) => version.storage)?.name ?? '';
  return versions
    .filter(({ served }) => served)
    .map((version) => ({
      group,
      version: version.name,
      kind: names.kind,
      listKind: names.listKind ?? `${names.kind}List`,
      plural: names.plural,
      singular: names.singular ?? names.kind.toLowerCase(),
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      namespaced: scope === 'Namespaced',
      nameRule: 'subdomain',
      hasStatus: version.subresources?.status !== undefined,
      scale: scaleIn(version),
      hasGeneration: true,
      verbs,
      selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) =>
        jsonPath.replace(/^\./, ''),
      ),
      columns: columnsOf(version),
      schema: withoutNulls(version.schema?.openAPIV3Schema ?? {}),
      mergeKeys: {},
      storageVersion: storage,
      isCustom: true,
    }));
}

/** A copy without null values: a keyword that is null counts as not set. */
function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNulls) as T;
  if (!isObject(value)) return value;
  const fields: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value))
    if (inner !== null)
      setField(fields, name, literals.includes(name) ? inner : withoutNulls(inner));
  return fields as T;
}

/** Keywords whose values are data, in which nulls are kept. */
const literals: readonly string[] = ['default', 'enum', 'example'];

function scaleIn({ subresources }: CrdVersion): Resource['scale'] {
  const scale = subresources?.scale;
  const field = (path: string): string => path.replace(/^\./, '');
  return (
    scale && {
      spec: field(scale.specReplicasPath),
      status: field(scale.statusReplicasPath),
      selector: field(scale.labelSelectorPath ?? ''),
    }
  );
}

function columnsOf({ additionalPrinterColumns }: CrdVersion): Column[] {
  const name: Column = {
    name: 'Name',
    type: 'string',
    format: 'name',
    cell: ({ metadata }) => metadata.name ?? '',
  };
  const declared = additionalPrinterColumns ?? [
    { name: 'Age', type: 'date' as const, jsonPath: '.metadata.creationTimestamp' },
  ];
  return [
    name,
    ...declared.map(({ jsonPath, type, ...rest }): Column => {
      const path = parseJsonPath(jsonPath) ?? (() => []);
      return {
        ...rest,
        type,
        cell: (object, nowMs) => cellOf(path(object), type, nowMs),
      };
    }),
  ];
}

function cellOf(values: readonly unknown[], type: Column['type'], nowMs: number) {
  if (values.length === 0 || values[0] === null) return null;
  const [first] = values;
  switch (type) {
    case 'date': {
      const at = typeof first === 'string' ? Date.parse(first) : Number.NaN;
      return Number.isNaN(at) ? '<invalid>' : age(nowMs - at);
    }
    case 'integer':
    case 'number':
      return typeof first === 'number' ? first : null;
    case 'boolean':
      return first === true;
    case 'string':
      return values
        .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
        .join(',');
  }
}

/** Names that are taken in a group, by built-in kinds or other definitions. */
export interface NamesInUse {
  plurals: ReadonlySet<string>;
  kinds: ReadonlySet<string>;
  shortNames: ReadonlySet<string>;
}

/**
 * The status of a definition: established if its names are not taken by another kind in its group.
 */
export function definitionStatus(crd: Crd, inUse: NamesInUse, timestamp: string): Crd['status'] {
  const condition = (
    type: string,
    status: Condition['status'],
    reason: string,
    message: string,
  ): Condition => {
    const before = crd.status?.conditions?.find((each) => each.type === type);
    return before?.status === status && before.reason === reason && before.message === message
      ? before
      : { type, status, reason, message, lastTransitionTime: timestamp };
  };
  const { names, versions } = crd.spec;
  const trouble = namesTrouble(names, inUse);
  const was = isEstablished(crd);
  const stored = crd.status?.storedVersions ?? [];
  const storage = versions.find((version) => version.storage)?.name ?? '';
  return {
    ...crd.status,
    conditions: [
      trouble
        ? condition('NamesAccepted', 'False', trouble.reason, trouble.message)
        : condition('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'),
      // Once established it remains so, because objects of it exist.
      trouble && !was
        ? condition('Established', 'False', 'NotAccepted', 'not all names are accepted')
        : condition(
            'Established',
            'True',
            'InitialNamesAccepted',
            'the initial names have been accepted',
          ),
    ],
    acceptedNames: trouble ? (crd.status?.acceptedNames ?? { plural: '', kind: '' }) : names,
    storedVersions: stored.includes(storage) ? stored : [...stored, storage],
  };
}

function namesTrouble(
  { plural, singular = '', kind, listKind = '', shortNames }: CrdNames,
  inUse: NamesInUse,
): { reason: string; message: string } | undefined {
  const clash = (reason: string, name: string) => ({
    reason,
    message: `${JSON.stringify(name)} is already in use`,
  });
  if (inUse.plurals.has(plural)) return clash('PluralConflict', plural);
  if (inUse.plurals.has(singular)) return clash('SingularConflict', singular);
  const short = (shortNames ?? []).find((each) => inUse.shortNames.has(each));
  if (short !== undefined) return clash('ShortNamesConflict', short);
  if (inUse.kinds.has(kind)) return clash('KindConflict', kind);
  return inUse.kinds.has(listKind) ? clash('ListKindConflict', listKind) : undefined;
}
