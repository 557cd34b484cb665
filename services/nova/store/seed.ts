// The flavors of a new cloud. Called at the first `up`.
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../deps.ts';

const flavors = [
  { flavor_id: '42', name: 'm1.nano', vcpus: 1, memory_mib: 128, disk_gib: 1 },
  { flavor_id: '84', name: 'm1.micro', vcpus: 1, memory_mib: 192, disk_gib: 1 },
  { flavor_id: '1', name: 'm1.tiny', vcpus: 1, memory_mib: 512, disk_gib: 1 },
  { flavor_id: '2', name: 'm1.small', vcpus: 1, memory_mib: 2048, disk_gib: 20 },
  { flavor_id: '3', name: 'm1.medium', vcpus: 2, memory_mib: 4096, disk_gib: 40 },
] as const;

/**
 * Runs only once in the life of a cloud, so that a flavor that an operator deletes is not created
 * again.
 */
export async function seedFlavors({
  database: { db },
  clock,
}: Pick<NovaDeps, 'database' | 'clock'>): Promise<void> {
  const seeded = await db
    .selectFrom('counters')
    .select('value')
    .where('name', '=', 'seeded')
    .executeTakeFirst();
  if (seeded) return;
  await transaction(db, async (trx) => {
    await trx.insertInto('counters').values({ name: 'seeded', value: 1 }).execute();
    for (const flavor of flavors) {
      const existing = await trx
        .selectFrom('flavors')
        .select('flavor_id')
        .where((eb) =>
          eb.or([eb('flavor_id', '=', flavor.flavor_id), eb('name', '=', flavor.name)]),
        )
        .executeTakeFirst();
      if (!existing)
        await trx
          .insertInto('flavors')
          .values({
            ...flavor,
            ephemeral_gib: 0,
            swap_mib: 0,
            rxtx_factor: 1,
            is_public: 1,
            disabled: 0,
            description: null,
            extra_specs: '{}',
            created_at_ms: clock.now(),
          })
          .execute();
    }
  });
}
