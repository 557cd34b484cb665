// The saga journal: one row a saga, moved on by compare-and-set. SQL of the saga engine lives here
// alone.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { FaultRecord } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Migration } from '../db/migrate.ts';

/**
 * forward: steps 0..position-1 are done. backward: steps position..0 are to be undone. settling:
 * only `failed` is left.
 */
export type SagaPhase = 'forward' | 'backward' | 'settling';

export interface SagaTable {
  seq: number;
  id: string;
  name: string;
  lock_key: string;
  input: string;
  state: string;
  phase: SagaPhase;
  position: number;
  fault: string | null;
  cancelled: number;
  request_id: string;
  owner: string | null;
  lease_until_ms: number;
  created_at_ms: number;
}

export interface SagaTables {
  sagas: SagaTable;
}

export interface SagaRecord {
  seq: number;
  id: string;
  name: string;
  lockKey: string;
  input: Json;
  state: Record<string, Json>;
  phase: SagaPhase;
  position: number;
  fault: FaultRecord | null;
  requestId: string;
}

/** Every service with sagas lists this among its migrations. */
export const sagaMigration: Migration = {
  name: '0001-sagas',
  up: async (schema, types) => {
    await schema.schema
      .createTable('sagas')
      .ifNotExists()
      .addColumn('seq', types.bigint, (column) => column.notNull())
      .addColumn('id', types.id, (column) => column.primaryKey())
      .addColumn('name', types.name, (column) => column.notNull())
      .addColumn('lock_key', types.name, (column) => column.notNull())
      .addColumn('input', types.json, (column) => column.notNull())
      .addColumn('state', types.json, (column) => column.notNull())
      .addColumn('phase', types.id, (column) => column.notNull())
      .addColumn('position', types.int, (column) => column.notNull())
      .addColumn('fault', types.json)
      .addColumn('cancelled', types.bool, (column) => column.notNull())
      .addColumn('request_id', types.id, (column) => column.notNull())
      .addColumn('owner', types.id)
      .addColumn('lease_until_ms', types.timeMs, (column) => column.notNull())
      .addColumn('created_at_ms', types.timeMs, (column) => column.notNull())
      .execute();
    await schema.schema
      .createIndex('sagas_by_lock')
      .ifNotExists()
      .on('sagas')
      .columns(['lock_key', 'seq'])
      .execute();
  },
};

export interface NewSaga {
  id: string;
  name: string;
  /** Sagas of one key run one after the other, in order of insertion, e.g. `server:<uuid>`. */
  lockKey: string;
  input: Json;
  requestId: string;
}

// Kysely is invariant in its tables: this stands for any database that holds the sagas table among
// others.
type AnyDb = Kysely<any>;

let lastSeq = 0;

/**
 * Inserts within the caller's transaction, beside the change it belongs to. `nowMs` orders sagas of
 * one lock key.
 */
export async function insertSaga(db: AnyDb, saga: NewSaga, nowMs: number): Promise<void> {
  lastSeq = Math.max(lastSeq + 1, nowMs * 1000); // below 2^53 until the year 2255
  await db
    .insertInto('sagas')
    .values({
      seq: lastSeq,
      id: saga.id,
      name: saga.name,
      lock_key: saga.lockKey,
      input: JSON.stringify(saga.input),
      state: '{}',
      phase: 'forward',
      position: 0,
      fault: null,
      cancelled: 0,
      request_id: saga.requestId,
      owner: null,
      lease_until_ms: 0,
      created_at_ms: nowMs,
    })
    .execute();
}

/**
 * Asks every unfinished saga of the key to unwind before its next step. Within the caller's
 * transaction.
 */
export async function cancelSagas(db: AnyDb, lockKey: string): Promise<void> {
  await db.updateTable('sagas').set({ cancelled: 1 }).where('lock_key', '=', lockKey).execute();
}

/** Whether any saga of the key is unfinished. */
export async function hasSaga(db: AnyDb, lockKey: string): Promise<boolean> {
  return (
    (await db
      .selectFrom('sagas')
      .select('id')
      .where('lock_key', '=', lockKey)
      .limit(1)
      .executeTakeFirst()) !== undefined
  );
}

export function createJournal(database: AnyDb) {
  const db = database as Kysely<SagaTables>;
  return {
    /**
     * Claims the oldest free saga of each key whose elders are done: at most `limit`. A claim holds
     * until `leaseUntilMs`.
     */
    async claim(
      owner: string,
      nowMs: number,
      leaseUntilMs: number,
      limit: number,
    ): Promise<SagaRecord[]> {
      const free = await db
        .selectFrom('sagas as s')
        .selectAll()
        .where((eb) => eb.or([eb('s.owner', 'is', null), eb('s.lease_until_ms', '<', nowMs)]))
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('sagas as elder')
                .select(sql`1`.as('one'))
                .whereRef('elder.lock_key', '=', 's.lock_key')
                .whereRef('elder.seq', '<', 's.seq'),
            ),
          ),
        )
        .orderBy('s.seq')
        .limit(limit)
        .execute();
      const claimed: SagaRecord[] = [];
      for (const row of free) {
        const result = await db
          .updateTable('sagas')
          .set({ owner, lease_until_ms: leaseUntilMs })
          .where('id', '=', row.id)
          .where('lease_until_ms', '=', row.lease_until_ms)
          .where('owner', row.owner === null ? 'is' : '=', row.owner)
          .executeTakeFirst();
        if (result.numUpdatedRows === 1n) claimed.push(toRecord(row));
      }
      return claimed;
    },

    /**
     * Moves a saga on. Returns whether it was cancelled meanwhile; undefined when the claim was
     * lost.
     */
    async advance(
      owner: string,
      saga: SagaRecord,
      leaseUntilMs: number,
    ): Promise<{ cancelled: boolean } | undefined> {
      const row = await db
        .updateTable('sagas')
        .set({
          state: JSON.stringify(saga.state),
          phase: saga.phase,
          position: saga.position,
          fault: saga.fault && JSON.stringify(saga.fault),
          lease_until_ms: leaseUntilMs,
        })
        .where('id', '=', saga.id)
        .where('owner', '=', owner)
        .executeTakeFirst();
      if (row.numUpdatedRows === 0n) return undefined;
      return { cancelled: await this.isCancelled(saga.id) };
    },

    async isCancelled(id: string): Promise<boolean> {
      return (
        (await db.selectFrom('sagas').select('cancelled').where('id', '=', id).executeTakeFirst())
          ?.cancelled === 1
      );
    },

    /** Keeps the claims of an owner alive. */
    async renew(owner: string, leaseUntilMs: number): Promise<void> {
      await db
        .updateTable('sagas')
        .set({ lease_until_ms: leaseUntilMs })
        .where('owner', '=', owner)
        .execute();
    },

    async finish(owner: string, id: string): Promise<void> {
      await db.deleteFrom('sagas').where('id', '=', id).where('owner', '=', owner).execute();
    },

    /** Gives a claim back, so that anybody may go on with it. */
    async release(owner: string, id: string): Promise<void> {
      await db
        .updateTable('sagas')
        .set({ owner: null, lease_until_ms: 0 })
        .where('id', '=', id)
        .where('owner', '=', owner)
        .execute();
    },

    /**
     * Frees what an earlier life of the same owner held: after a crash nothing of it runs any more.
     */
    async releaseAll(owner: string): Promise<void> {
      await db
        .updateTable('sagas')
        .set({ owner: null, lease_until_ms: 0 })
        .where('owner', '=', owner)
        .execute();
    },

    async unfinished(): Promise<SagaRecord[]> {
      return (await db.selectFrom('sagas').selectAll().orderBy('seq').execute()).map(toRecord);
    },
  };
}

export type Journal = ReturnType<typeof createJournal>;

function toRecord(row: SagaTable): SagaRecord {
  return {
    seq: row.seq,
    id: row.id,
    name: row.name,
    lockKey: row.lock_key,
    phase: row.phase,
    position: row.position,
    requestId: row.request_id,
    input: JSON.parse(row.input) as Json,
    state: JSON.parse(row.state) as Record<string, Json>,
    fault: row.fault === null ? null : (JSON.parse(row.fault) as FaultRecord),
  };
}
