// Refuses applied objects that server-side apply cannot merge: list items without their merge keys,
// or two items with the same keys. Pure.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
import type { Cause } from '../status.ts';
import { isObject } from '../structural-schema/schema.ts';
import { stepOfItem } from './field-set.ts';
import type { Shape } from './shape.ts';

export function appliedCauses(value: unknown, shape: Shape, path = ''): Cause[] {
  if (Array.isArray(value))
    return shape.isAtomic(value) ? [] : itemCauses(value, shape, path || '.');
  if (!isObject(value) || shape.isAtomic(value)) return [];
  return Object.entries(value).flatMap(([name, field]) =>
    appliedCauses(field, shape.field(name), `${path}.${name}`),
  );
}

function itemCauses(list: readonly unknown[], shape: Shape, path: string): Cause[] {
  const itemKeys = new Set<string>();
  return list.flatMap((item, index): Cause[] => {
    const field = `${path}[${index}]`;
    const missing = shape.keys.find(
      (key) => !isObject(item) || (item[key] ?? shape.defaultOf(key) ?? undefined) === undefined,
    );
    if (missing !== undefined)
      return [
        {
          reason: 'FieldValueRequired',
          field,
          message: `associative list with keys has an element that omits key field ${JSON.stringify(missing)} (and doesn't have default value)`,
        },
      ];
    const step = stepOfItem(item, shape);
    if (itemKeys.has(step))
      return [
        {
          reason: 'FieldValueDuplicate',
          field,
          message: `duplicate entries for key ${step.slice(2)}`,
        },
      ];
    itemKeys.add(step);
    return appliedCauses(item, shape.item(), field);
  });
}
