// In-memory copy of all providers. Each read compares the database's change counter, so a copy is
// never stale, with several Placement processes either; only providers with a new generation are
// read again.
import { sql } from 'kysely';
import type { Inventory } from '#contracts/placement/wire.ts';
import type { Provider } from '../domain/provider.ts';
import type { PlacementDb } from './tables.ts';

/** All providers and their trees. Immutable: replaced as a whole. */
export interface Snapshot {
  version: number;
  providers: ReadonlyMap<string, Provider>;
  /** Root -> the providers of its tree, the root first. */
  trees: ReadonlyMap<string, readonly Provider[]>;
}

export interface World {
  read(): Promise<Snapshot>;
}

export function createWorld(db: PlacementDb): World {
  let current: Snapshot = { version: -1, providers: new Map(), trees: new Map() };
  let refreshing: Promise<Snapshot> | undefined;

  async function refresh(version: number): Promise<Snapshot> {
    const rows = await db
      .selectFrom('resource_providers')
      .selectAll()
      .orderBy('created_at_ms')
      .orderBy('uuid')
      .execute();
    const stale = rows.filter(
      (row) =>
        current.providers.get(row.uuid)?.generation !== row.generation ||
        current.providers.get(row.uuid)?.name !== row.name ||
        current.providers.get(row.uuid)?.parentUuid !== row.parent_uuid ||
        current.providers.get(row.uuid)?.rootUuid !== row.root_uuid,
    );
    const fresh = await readParts(
      db,
      stale.map((row) => row.uuid),
      stale.length === rows.length,
    );
    const providers = new Map<string, Provider>();
    for (const row of rows) {
      const parts = fresh.get(row.uuid);
      const present = current.providers.get(row.uuid);
      providers.set(
        row.uuid,
        parts || !present
          ? {
              uuid: row.uuid,
              name: row.name,
              generation: row.generation,
              parentUuid: row.parent_uuid,
              rootUuid: row.root_uuid,
              createdAtMs: row.created_at_ms,
              updatedAtMs: row.updated_at_ms,
              ...(parts ?? emptyParts()),
            }
          : present,
      );
    }
    const trees = new Map<string, Provider[]>();
    for (const provider of providers.values()) {
      const tree = trees.get(provider.rootUuid);
      if (!tree) trees.set(provider.rootUuid, [provider]);
      else if (provider.parentUuid === null) tree.unshift(provider);
      else tree.push(provider);
    }
    // The counter was read before the rows, so a change in between leads to another refresh, and is
    // never missed.
    current = { version, providers, trees };
    return current;
  }

  return {
    async read() {
      const { version } = await db
        .selectFrom('changes')
        .select('version')
        .where('id', '=', 1)
        .executeTakeFirstOrThrow();
      if (version === current.version) return current;
      refreshing ??= refresh(version).finally(() => {
        refreshing = undefined;
      });
      const snapshot = await refreshing;
      return snapshot.version >= version ? snapshot : await this.read();
    },
  };
}

interface Parts {
  inventories: Map<string, Inventory>;
  used: Map<string, number>;
  traits: Set<string>;
  aggregates: Set<string>;
}
const emptyParts = (): Parts => ({
  inventories: new Map(),
  used: new Map(),
  traits: new Set(),
  aggregates: new Set(),
});

// Within the parameter limits of SQLite and MariaDB.
const chunkSize = 500;

async function readParts(
  db: PlacementDb,
  uuids: readonly string[],
  everything: boolean,
): Promise<Map<string, Parts>> {
  const parts = new Map(uuids.map((uuid) => [uuid, emptyParts()]));
  const chunks = everything
    ? [undefined]
    : Array.from({ length: Math.ceil(uuids.length / chunkSize) }, (_, index) =>
        uuids.slice(index * chunkSize, (index + 1) * chunkSize),
      );
  for (const chunk of chunks) {
    const inventories = db.selectFrom('inventories').selectAll();
    for (const { provider_uuid, resource_class, ...inventory } of await (
      chunk ? inventories.where('provider_uuid', 'in', chunk) : inventories
    ).execute())
      parts.get(provider_uuid)?.inventories.set(resource_class, inventory);
    const used = db
      .selectFrom('allocations')
      .select(['provider_uuid', 'resource_class', sql<number>`sum(used)`.as('used')])
      .groupBy(['provider_uuid', 'resource_class']);
    for (const row of await (chunk ? used.where('provider_uuid', 'in', chunk) : used).execute())
      parts.get(row.provider_uuid)?.used.set(row.resource_class, Number(row.used));
    const traits = db.selectFrom('provider_traits').selectAll();
    for (const row of await (chunk ? traits.where('provider_uuid', 'in', chunk) : traits).execute())
      parts.get(row.provider_uuid)?.traits.add(row.trait);
    const aggregates = db.selectFrom('provider_aggregates').selectAll();
    for (const row of await (
      chunk ? aggregates.where('provider_uuid', 'in', chunk) : aggregates
    ).execute())
      parts.get(row.provider_uuid)?.aggregates.add(row.aggregate_uuid);
  }
  return parts;
}
