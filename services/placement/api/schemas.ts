// Body schemas that several routes share, and records that are keyed by UUID.
import Type from 'typebox';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import { customPattern } from '../domain/names.ts';
import { canonicalUuid } from '../domain/uuid.ts';

/** Also without dashes and in capitals: `canonicalUuid` makes the same id of it. */
export const uuidSchema = Type.String({
  pattern: '^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$',
});
export const generationSchema = Type.Integer();
/** A name that operators may add. */
export const customNameSchema = Type.String({ pattern: customPattern.source });

/** A record by UUID with canonical keys; a fault where two keys name one object. */
export function byCanonicalUuid<T>(record: Readonly<Record<string, T>>): Outcome<Map<string, T>> {
  const entries = Object.entries(record).map(
    ([uuid, value]) => [canonicalUuid(uuid) ?? uuid, value] as const,
  );
  const map = new Map(entries);
  return map.size === entries.length
    ? map
    : fault('badRequest', 'JSON does not validate: the same UUID is given twice.');
}
