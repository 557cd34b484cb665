// JSON patches of images: the syntax of 2.1 ({op, path, value}) and of 2.0 ({replace: path,
// value}). Pure. https://docs.openstack.org/api-ref/image/v2/#update-image
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { isBaseField, ownProperties, setField } from './image-fields.ts';
import type { Image, ImageDraft } from './image.ts';
import { isReservedProperty } from './image.ts';

type Change = { op: 'add' | 'replace'; name: string; value: Json } | { op: 'remove'; name: string };

const ops = ['add', 'replace', 'remove'] as const;

/** Reads the changes in the body of a PATCH request. badRequest: it is no patch of an image. */
export function readPatch(body: Json): Outcome<Change[]> {
  if (!Array.isArray(body))
    return fault('badRequest', 'Request body must be a JSON array of operation objects.');
  const changes: Change[] = [];
  for (const operation of body) {
    if (operation === null || typeof operation !== 'object' || Array.isArray(operation))
      return fault('badRequest', 'Operations must be JSON objects.');
    const oldForm = ops.filter((op) => op in operation);
    const op = 'op' in operation ? operation['op'] : oldForm[0];
    const path = 'op' in operation ? operation['path'] : operation[oldForm[0] ?? ''];
    if (!ops.includes(op as (typeof ops)[number]) || (!('op' in operation) && oldForm.length !== 1))
      return fault(
        'badRequest',
        `Operation objects must contain exactly one of ${ops.join(', ')}.`,
      );
    const name = typeof path === 'string' ? nameIn(path) : undefined;
    if (name === undefined)
      return fault(
        'badRequest',
        `Invalid JSON pointer for this resource: ${JSON.stringify(path ?? null)}`,
      );
    if (op === 'remove') {
      changes.push({ op, name });
      continue;
    }
    const { value } = operation;
    if (value === undefined)
      return fault(
        'badRequest',
        `Operation ${JSON.stringify(op)} requires a member named "value".`,
      );
    changes.push({ op: op as 'add' | 'replace', name, value }); // one of ops other than remove
  }
  return changes;
}

/**
 * The member that a JSON pointer names; undefined: it is no pointer to a member. Nested pointers
 * are accepted only into `locations`, which is refused later.
 */
function nameIn(path: string): string | undefined {
  const match = /^\/([^/]+)(\/.*)?$/.exec(path);
  const name = match?.[1]?.replaceAll('~1', '/').replaceAll('~0', '~');
  return match?.[2] === undefined || name === 'locations' ? name : undefined;
}

/**
 * The writable fields after all changes. conflict: a property does not exist; forbidden: a field
 * that callers cannot write.
 */
export function patchImage(image: Image, changes: readonly Change[]): Outcome<ImageDraft> {
  let draft: ImageDraft = { ...image, properties: ownProperties(image.properties) };
  for (const change of changes) {
    const { name } = change;
    const exists = isBaseField(name) || Object.hasOwn(draft.properties, name);
    if (change.op !== 'add' && !exists && !isReservedProperty(name))
      return fault('conflict', `Property ${name} does not exist.`);
    if (change.op === 'remove') {
      if (isBaseField(name) || isReservedProperty(name))
        return fault('forbidden', `Property '${name}' may not be removed.`);
      delete draft.properties[name];
      continue;
    }
    const changed = setField(draft, name, change.value);
    if (isFault(changed)) return changed;
    draft = changed;
  }
  // Existing data has these formats already, so that they cannot change.
  for (const [name, before, after] of [
    ['disk_format', image.diskFormat, draft.diskFormat],
    ['container_format', image.containerFormat, draft.containerFormat],
  ] as const) {
    if (before !== after && image.status !== 'queued')
      return fault('forbidden', `Attribute ${name} can be only replaced for a queued image.`);
  }
  return draft;
}
