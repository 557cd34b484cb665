// Body schemas that several routes share, and conversion of records keyed by UUID.
import Type from 'typebox';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import { customPattern } from '../domain/names.ts';
import { canonicalUuid } from '../domain/uuid.ts';

/** Accepts UUIDs without dashes and in capitals; `canonicalUuid` converts them. */
export const uuidSchema = Type.String({
  pattern: '^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$',
});
export const generationSchema = Type.Integer();
/** The name of a custom class or trait. */
export const customNameSchema = Type.String({ pattern: customPattern.source });

/** A record with canonical UUIDs as keys. badRequest: two keys are spellings of the same UUID. */
export function byCanonicalUuid<T>(record: Readonly<Record<string, T>>): Outcome<Map<string, T>> {
  const entries = Object.entries(record).map(
    ([uuid, value]) => [canonicalUuid(uuid) ?? uuid, value] as const,
  );
  const map = new Map(entries);
  return map.size === entries.length
    ? map
    : fault('badRequest', 'JSON does not validate: the same UUID is given twice.');
}
