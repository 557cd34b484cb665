// The fields that callers can write: allowed values, and where each goes in a draft. Shared by
// creation and patches. Pure.
import type { Fault } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Image, ImageDraft, Visibility } from './image.ts';
import {
  containerFormats,
  diskFormats,
  isReservedProperty,
  readOnlyFields,
  reservedFields,
  uuidPattern,
  visibilities,
} from './image.ts';

interface Field {
  allows(value: Json): boolean;
  says: string;
  set(draft: ImageDraft, value: Json): ImageDraft;
}

const isText =
  (maxLength: number) =>
  (value: Json): boolean =>
    typeof value === 'string' && [...value].length <= maxLength;
const isNullOr =
  (check: (value: Json) => boolean) =>
  (value: Json): boolean =>
    value === null || check(value);
const isOneOf =
  (words: readonly string[]) =>
  (value: Json): boolean =>
    typeof value === 'string' && words.includes(value);
const isBoolean = (value: Json): boolean => typeof value === 'boolean';
const isCount = (value: Json): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;

// The casts below are safe: `allows` has checked the types.
const fields: Readonly<Record<string, Field>> = {
  name: {
    allows: isNullOr(isText(255)),
    says: 'must be null or a string of at most 255 characters',
    set: (draft, value) => ({ ...draft, name: value as string | null }),
  },
  visibility: {
    allows: isOneOf(visibilities),
    says: `must be one of ${visibilities.join(', ')}`,
    set: (draft, value) => ({ ...draft, visibility: value as Visibility }),
  },
  owner: {
    allows: isNullOr(isText(255)),
    says: 'must be null or a string of at most 255 characters',
    set: (draft, value) => ({ ...draft, owner: value as string | null }),
  },
  protected: {
    allows: isBoolean,
    says: 'must be true or false',
    set: (draft, value) => ({ ...draft, isProtected: value as boolean }),
  },
  os_hidden: {
    allows: isBoolean,
    says: 'must be true or false',
    set: (draft, value) => ({ ...draft, isHidden: value as boolean }),
  },
  disk_format: {
    allows: isNullOr(isOneOf(diskFormats)),
    says: `must be null or one of ${diskFormats.join(', ')}`,
    set: (draft, value) => ({ ...draft, diskFormat: value as string | null }),
  },
  container_format: {
    allows: isNullOr(isOneOf(containerFormats)),
    says: `must be null or one of ${containerFormats.join(', ')}`,
    set: (draft, value) => ({ ...draft, containerFormat: value as string | null }),
  },
  min_disk: {
    allows: isCount,
    says: 'must be a whole number from 0',
    set: (draft, value) => ({ ...draft, minDiskGib: value as number }),
  },
  min_ram: {
    allows: isCount,
    says: 'must be a whole number from 0',
    set: (draft, value) => ({ ...draft, minRamMib: value as number }),
  },
  tags: {
    allows: (value) => Array.isArray(value) && value.every(isText(255)),
    says: 'must be a list of strings of at most 255 characters',
    set: (draft, value) => ({ ...draft, tags: [...new Set(value as string[])] }),
  },
};

const isImageId = isNullOr((value) => typeof value === 'string' && uuidPattern.test(value));

export const isBaseField = (name: string): boolean =>
  Object.hasOwn(fields, name) ||
  name === 'id' ||
  readOnlyFields.has(name) ||
  reservedFields.has(name);

export const emptyDraft = (owner: string | null): ImageDraft => ({
  name: null,
  visibility: 'shared',
  owner,
  isProtected: false,
  isHidden: false,
  diskFormat: null,
  containerFormat: null,
  minDiskGib: 0,
  minRamMib: 0,
  tags: [],
  properties: ownProperties({}),
});

/**
 * A mutable copy of an image's properties. It has no prototype, so that `__proto__` is an ordinary
 * key.
 */
export const ownProperties = (properties: Image['properties']): ImageDraft['properties'] =>
  Object.assign(Object.create(null) as ImageDraft['properties'], properties);

/**
 * Sets `name` to `value` in the draft. A property is set in the draft's own object, since copying
 * it for each of many would be quadratic. forbidden: a read-only field; badRequest: an invalid
 * value.
 */
export function setField(draft: ImageDraft, name: string, value: Json): ImageDraft | Fault {
  if (readOnlyFields.has(name) || name === 'id')
    return fault('forbidden', `Attribute '${name}' is read-only.`);
  if (reservedFields.has(name) || isReservedProperty(name))
    return fault('forbidden', `Attribute '${name}' is reserved.`);
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field)
    return field.allows(value)
      ? field.set(draft, value)
      : fault(
          'badRequest',
          `Provided object does not match schema 'image': ${name} ${field.says}.`,
        );
  if (name === '' || [...name].length > 255)
    return fault('badRequest', 'The name of a property must have 1 to 255 characters.');
  const needsId = name === 'kernel_id' || name === 'ramdisk_id';
  if (needsId && !isImageId(value))
    return fault(
      'badRequest',
      `Provided object does not match schema 'image': ${name} must be null or the id of an image.`,
    );
  if (!needsId && typeof value !== 'string')
    return fault(
      'badRequest',
      `Provided object does not match schema 'image': property ${name} must be a string.`,
    );
  draft.properties[name] = value as string | null;
  return draft;
}
