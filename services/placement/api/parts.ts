// What the routes share: schemas, names that must be known, the provider of `:uuid`, and writing
// under a generation.
import Type from 'typebox';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { PlacementParts } from '../deps.ts';
import type { Provider } from '../domain/provider.ts';
import { standardResourceClasses, standardTraits } from '../domain/standard-names.gen.ts';
import { canonicalUuid } from '../domain/uuid.ts';
import type { PlacementDb } from '../store/world.ts';
import { moveGeneration, noteChange } from '../store/world.ts';

/** Also without dashes and in capitals: `canonicalUuid` makes the same id of it. */
export const uuidSchema = Type.String({
  pattern: '^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$',
});
export const generationSchema = Type.Integer();
export const customPattern = /^CUSTOM_[A-Z0-9_]{1,248}$/;

const standardClassSet: ReadonlySet<string> = new Set(standardResourceClasses);
const standardTraitSet: ReadonlySet<string> = new Set(standardTraits);
export const isStandardClass = (name: string): boolean => standardClassSet.has(name);
export const isStandardTrait = (name: string): boolean => standardTraitSet.has(name);

/** Names that are neither of the release nor made by an operator. */
export async function unknownNames(
  db: PlacementDb,
  table: 'traits' | 'resource_classes',
  names: Iterable<string>,
): Promise<string[]> {
  const standard = table === 'traits' ? standardTraitSet : standardClassSet;
  const custom = [...new Set(names)].filter((name) => !standard.has(name));
  if (custom.length === 0) return [];
  const known = new Set(
    (await db.selectFrom(table).select('name').where('name', 'in', custom).execute()).map(
      (row) => row.name,
    ),
  );
  return custom.filter((name) => !known.has(name));
}

export async function requestedProvider(
  parts: PlacementParts,
  request: ApiRequest<unknown>,
): Promise<Outcome<Provider>> {
  const uuid = request.params['uuid'] ?? '';
  return (
    (await parts.world.read()).providers.get(canonicalUuid(uuid) ?? uuid) ??
    fault('notFound', `No resource provider with uuid ${uuid} found`)
  );
}

export const concurrent = (message = 'resource provider generation conflict'): Fault =>
  fault('concurrentUpdate', message, { code: 'placement.concurrent_update' });

/**
 * Changes one provider's belongings if its generation is still `expected` (undefined: whatever it
 * is); the generation moves on with it.
 */
export async function changeProvider(
  parts: PlacementParts,
  provider: Provider,
  expected: number | undefined,
  change: (trx: PlacementDb) => Promise<Outcome<void>>,
): Promise<Outcome<Provider>> {
  const refused = new Refusal();
  const done = await transaction(parts.database.db, async (trx) => {
    if (!(await moveGeneration(trx, provider.uuid, expected, parts.clock.now())))
      return concurrent();
    const changed = await change(trx);
    if (isFault(changed)) throw refused.because(changed); // rolls the generation back
    await noteChange(trx);
    return undefined;
  }).catch((error: unknown) => refused.caught(error));
  if (isFault(done)) return done;
  return (
    (await parts.world.read()).providers.get(provider.uuid) ??
    fault('notFound', `No resource provider with uuid ${provider.uuid} found`)
  );
}

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

/** Rolls a transaction back for an expected reason: thrown inside, a value again outside. */
export class Refusal extends Error {
  #reason: Fault | undefined;
  because(reason: Fault): this {
    this.#reason = reason;
    return this;
  }
  caught(error: unknown): Fault {
    if (error === this && this.#reason) return this.#reason;
    throw error;
  }
}
