// Prepares an object by a structural schema before validation: prunes unknown fields, and fills in
// defaults. Pure: each returns a new object.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
import { isObject, schemaOfField, setField } from './schema.ts';
import type { Schema } from './schema.ts';

/** Fields that are never pruned from the root of an object or of an embedded object. */
const ofEveryObject = ['apiVersion', 'kind', 'metadata'];

/** Prunes unknown fields and adds their paths to `unknown`, e.g. `spec.containers[0].imgae`. */
export function prune(value: unknown, schema: Schema, unknown: string[]): unknown {
  return pruned(value, schema, { path: '', isObjectRoot: true, unknown });
}

interface Pruning {
  path: string;
  isObjectRoot: boolean;
  unknown: string[];
}

function pruned(value: unknown, schema: Schema, at: Pruning): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items
      ? value.map((item, index) =>
          pruned(item, items, {
            path: `${at.path}[${index}]`,
            isObjectRoot: items['x-kubernetes-embedded-resource'] === true,
            unknown: at.unknown,
          }),
        )
      : value;
  }
  if (!isObject(value)) return value;
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const path = at.path === '' ? name : `${at.path}.${name}`;
    if (at.isObjectRoot && ofEveryObject.includes(name)) {
      setField(result, name, field);
      continue;
    }
    const inner = schemaOfField(schema, name);
    if (inner)
      setField(
        result,
        name,
        pruned(field, inner, {
          path,
          isObjectRoot: inner['x-kubernetes-embedded-resource'] === true,
          unknown: at.unknown,
        }),
      );
    else if (keepsUnknown) setField(result, name, field);
    else at.unknown.push(path);
  }
  return result;
}

/**
 * Fills in defaults. A null is replaced by the default as well, if the schema does not allow null.
 */
export function fillDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => fillDefaults(item, items)) : value;
  }
  if (!isObject(value)) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const isMissing =
      !Object.hasOwn(filled, name) || (filled[name] === null && inner.nullable !== true);
    if (isMissing && inner.default !== undefined)
      setField(filled, name, structuredClone(inner.default));
  }
  for (const [name, field] of Object.entries(filled)) {
    const inner = schemaOfField(schema, name);
    if (inner) setField(filled, name, fillDefaults(field, inner));
  }
  return filled;
}
