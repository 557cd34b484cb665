// Strategic merge patch, for built-in kinds: a merge patch in which lists of objects are merged by
// a key.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
import { isObject, setField } from './structural-schema/schema.ts';

/**
 * Path of a list -> the field that identifies its items. '' or no entry: the list is replaced as a
 * whole.
 */
type MergeKeys = Readonly<Record<string, string>>;

/** Lists of plain values that are merged as sets, in every kind. */
const mergedSets: readonly string[] = ['metadata.finalizers'];
const ofEveryKind: MergeKeys = { 'metadata.ownerReferences': 'uid' };

export const applyStrategicMergePatch = (
  object: unknown,
  patch: unknown,
  mergeKeys: MergeKeys,
): unknown => merge(object, patch, '', { ...ofEveryKind, ...mergeKeys });

function merge(object: unknown, patch: unknown, path: string, keys: MergeKeys): unknown {
  if (Array.isArray(patch))
    return mergeLists(Array.isArray(object) ? object : [], patch, path, keys);
  if (!isObject(patch)) return patch;
  if (patch['$patch'] === 'delete') return undefined;
  if (patch['$patch'] === 'replace') {
    const { $patch: _, ...rest } = patch;
    return rest;
  }
  const merged: Record<string, unknown> = { ...(isObject(object) ? object : {}) };
  const retained = patch['$retainKeys'];
  if (Array.isArray(retained))
    for (const name of Object.keys(merged)) if (!retained.includes(name)) delete merged[name];
  for (const [name, value] of Object.entries(patch)) {
    if (name === '$retainKeys' || name === '$patch' || name.startsWith('$setElementOrder/'))
      continue;
    if (name.startsWith('$deleteFromPrimitiveList/')) {
      const field = name.slice('$deleteFromPrimitiveList/'.length);
      const removedItems = Array.isArray(value) ? value : [];
      if (Array.isArray(merged[field]))
        merged[field] = (merged[field] as unknown[]).filter((item) => !removedItems.includes(item));
      continue;
    }
    const inner = path === '' ? name : `${path}.${name}`;
    const before = Object.hasOwn(merged, name) ? merged[name] : undefined;
    const next = value === null ? undefined : merge(before, value, inner, keys);
    if (next === undefined) delete merged[name];
    else setField(merged, name, next);
  }
  for (const [name, order] of Object.entries(patch))
    if (name.startsWith('$setElementOrder/') && Array.isArray(order)) {
      const field = name.slice('$setElementOrder/'.length);
      const key = keys[path === '' ? field : `${path}.${field}`];
      if (Array.isArray(merged[field])) merged[field] = ordered(merged[field], order, key);
    }
  return merged;
}

function mergeLists(
  object: readonly unknown[],
  patch: readonly unknown[],
  path: string,
  keys: MergeKeys,
): unknown[] {
  if (mergedSets.includes(path)) return [...new Set([...object, ...patch])];
  const key = keys[path] ?? '';
  if (key === '' || patch.some((item) => isObject(item) && item['$patch'] === 'replace'))
    return patch.filter((item) => !(isObject(item) && '$patch' in item));
  const merged = [...object];
  for (const item of patch) {
    if (!isObject(item)) continue;
    const at = merged.findIndex((each) => isObject(each) && each[key] === item[key]);
    const next = merge(at < 0 ? {} : merged[at], item, path, keys);
    if (next === undefined) {
      if (at >= 0) merged.splice(at, 1);
    } else if (at < 0) merged.push(next);
    else merged[at] = next;
  }
  return merged;
}

/** Sorts the items that `order` names in its order; the others follow in their old order. */
function ordered(list: unknown, order: readonly unknown[], key: string | undefined): unknown[] {
  const nameOf = (item: unknown): unknown => (key && isObject(item) ? item[key] : item);
  const places = new Map(order.map((item, index) => [nameOf(item), index]));
  return [...(list as unknown[])].sort(
    (a, b) => (places.get(nameOf(a)) ?? order.length) - (places.get(nameOf(b)) ?? order.length),
  );
}
