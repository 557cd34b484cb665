// Sets of fields as trees, in the form in which managedFields keeps them: `f:name` a field,
// `k:{…}` an item by its keys, `v:…` an item by its value, `.` the node itself.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ (FieldsV1)
import { isSameJson } from '../same-json.ts';
import { isObject, setField } from '../structural-schema/schema.ts';
import type { Shape } from './shape.ts';

export type FieldSet = { [step: string]: FieldSet };

const isLeaf = (set: FieldSet): boolean => Object.keys(set).length === 0;

/** The path element of a list item: by its merge keys, or by its value if the list has none. */
export function stepOfItem(item: unknown, shape: Shape): string {
  if (shape.keys.length === 0 || !isObject(item)) return `v:${JSON.stringify(item)}`;
  const keys = [...shape.keys].sort();
  return `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key] ?? shape.defaultOf(key)])))}`;
}

/** The set of all fields that the value sets. */
export function fieldsOf(value: unknown, shape: Shape): FieldSet {
  if (Array.isArray(value)) {
    if (shape.isAtomic(value) || value.length === 0) return {};
    const item = shape.item();
    return Object.fromEntries(
      value.map((each) => [
        stepOfItem(each, shape),
        isObject(each) ? { '.': {}, ...fieldsOf(each, item) } : {},
      ]),
    );
  }
  if (!isObject(value) || shape.isAtomic(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [`f:${name}`, fieldsOf(field, shape.field(name))]),
  );
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const both: FieldSet = { ...a };
  for (const [step, below] of Object.entries(b)) {
    const other = Object.hasOwn(both, step) ? both[step] : undefined;
    both[step] = other ? joined(other, below) : below;
  }
  return both;
}

/**
 * Union of two nodes. A leaf stands for the node itself; if the other set has fields below the
 * node, the leaf becomes the entry `.` among them.
 */
function joined(a: FieldSet, b: FieldSet): FieldSet {
  if (isLeaf(a) && isLeaf(b)) return {};
  return union(isLeaf(a) ? { '.': {} } : a, isLeaf(b) ? { '.': {} } : b);
}

/** The fields that are in `a` but not in `b`; undefined: none. */
export function difference(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const rest: FieldSet = {};
  for (const [step, below] of Object.entries(a)) {
    const other = Object.hasOwn(b, step) ? b[step] : undefined;
    if (other === undefined) rest[step] = below;
    else if (isLeaf(below)) continue;
    else if (isLeaf(other)) {
      // `b` has only the node itself, so the fields below it remain.
      const { '.': _, ...fields } = below;
      if (!isLeaf(fields)) rest[step] = fields;
    } else {
      const left = difference(below, other);
      if (left) rest[step] = left;
    }
  }
  return isLeaf(rest) ? undefined : rest;
}

/** The paths that are in both sets, e.g. `.spec.taints[key="a"].value`. */
export function commonPaths(a: FieldSet, b: FieldSet, path = ''): string[] {
  return Object.entries(a).flatMap(([step, below]) => {
    const other = Object.hasOwn(b, step) ? b[step] : undefined;
    if (other === undefined || step === '.') return [];
    const at = path + shownStep(step);
    return isLeaf(below) && isLeaf(other) ? [at] : commonPaths(below, other, at);
  });
}

function shownStep(step: string): string {
  if (step.startsWith('f:')) return `.${step.slice(2)}`;
  if (step.startsWith('v:')) return `[=${step.slice(2)}]`;
  const keys = JSON.parse(step.slice(2)) as Record<string, unknown>;
  return `[${Object.entries(keys)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(',')}]`;
}

/** The fields of `next` whose value differs from `old`; undefined: none. */
export function changedFields(next: unknown, old: unknown, shape: Shape): FieldSet | undefined {
  if (old === undefined) return fieldsOf(next, shape);
  if (Array.isArray(next) && Array.isArray(old) && !shape.isAtomic(next)) {
    const before = new Map(old.map((item) => [stepOfItem(item, shape), item as unknown]));
    return gathered(
      next.map((item) => {
        const step = stepOfItem(item, shape);
        if (!before.has(step))
          return [step, isObject(item) ? { '.': {}, ...fieldsOf(item, shape.item()) } : {}];
        return [step, changedFields(item, before.get(step), shape.item())];
      }),
    );
  }
  if (isObject(next) && isObject(old) && !shape.isAtomic(next))
    return gathered(
      Object.entries(next).map(([name, field]) => [
        `f:${name}`,
        changedFields(field, Object.hasOwn(old, name) ? old[name] : undefined, shape.field(name)),
      ]),
    );
  return isSameJson(next, old) ? undefined : fieldsOf(next, shape);
}

function gathered(entries: readonly (readonly [string, FieldSet | undefined])[]) {
  const found = entries.filter(
    (entry): entry is readonly [string, FieldSet] => entry[1] !== undefined,
  );
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/**
 * The value without the fields of the set. An item or object is removed if the set has its `.`
 * entry, or if no field is left.
 */
export function without(value: unknown, set: FieldSet, shape: Shape): unknown {
  if (isLeaf(set)) return undefined;
  if (Array.isArray(value)) {
    if (shape.isAtomic(value)) return value;
    return value.flatMap((item) => {
      const below = set[stepOfItem(item, shape)];
      if (below === undefined) return [item];
      if (isLeaf(below) || Object.hasOwn(below, '.')) {
        const rest = isObject(item)
          ? without(item, { ...below, '.': {} }, shape.item())
          : undefined;
        // The item stays if it still has fields (of other owners) besides its keys.
        const keys = shape.keys;
        return isObject(rest) && Object.keys(rest).some((name) => !keys.includes(name))
          ? [{ ...pick(item as Record<string, unknown>, keys), ...rest }]
          : [];
      }
      return [without(item, below, shape.item())];
    });
  }
  if (!isObject(value)) return value;
  const rest: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const below = set[`f:${name}`];
    if (below === undefined) setField(rest, name, field);
    else {
      const remaining = without(field, below, shape.field(name));
      if (remaining !== undefined) setField(rest, name, remaining);
    }
  }
  return rest;
}

const pick = (object: Record<string, unknown>, names: readonly string[]) =>
  Object.fromEntries(names.filter((name) => name in object).map((name) => [name, object[name]]));
