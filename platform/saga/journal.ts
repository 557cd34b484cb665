// The saga journal: one row for each saga, advanced by compare-and-set. All SQL of the saga engine
// is here. ADR 19 says what is guaranteed between processes.
import type { CompiledQuery, Kysely } from 'kysely';
import { sql } from 'kysely';
import type { FaultRecord } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { isMysql, transaction } from '../db/transaction.ts';

/**
 * forward: steps 0..position-1 are done. backward: steps position..0 are still to be undone.
 * settling: all is undone, and only `failed` is left to run.
 */
export type SagaPhase = 'forward' | 'backward' | 'settling';

export interface SagaTable {
  /** Order among the sagas of one lock key, assigned by the database from `saga_keys`. */
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
  /**
   * Number of the claim under which a process runs this saga; a greater one of the same key is
   * newer. 0: never claimed.
   */
  claim: number;
  created_at_ms: number;
}

/**
 * One row for each lock key. Locking this row orders the sagas of the key and keeps two processes
 * from claiming two of them at once.
 */
export interface SagaKeyTable {
  lock_key: string;
  last_seq: number;
  last_claim: number;
  used_at_ms: number;
}

export interface SagaTables {
  sagas: SagaTable;
  saga_keys: SagaKeyTable;
}

export interface SagaRecord {
  seq: number;
  id: string;
  claim: number;
  name: string;
  lockKey: string;
  input: Json;
  state: Record<string, Json>;
  phase: SagaPhase;
  position: number;
  fault: FaultRecord | null;
  /** Whether the saga was cancelled, as of when this record was read. */
  cancelled: boolean;
  requestId: string;
}

export interface NewSaga {
  id: string;
  name: string;
  /**
   * Sagas with the same lock key run one after the other, in order of insertion, e.g.
   * `server:<uuid>`.
   */
  lockKey: string;
  input: Json;
  requestId: string;
}

// A database that holds the saga tables among others. `any`, because Kysely's type is invariant in
// its tables.
export type AnyDb = Kysely<any>;

/**
 * Inserts a saga within the caller's transaction, so that it commits together with the change that
 * it belongs to. Sagas of one lock key run in the order in which their transactions locked the
 * key's row.
 */
export async function insertSaga(trx: AnyDb, saga: NewSaga, nowMs: number): Promise<void> {
  const db = trx as Kysely<SagaTables>;
  // Claim numbers of a key start from the time in ms, so they keep growing after the key's row was
  // purged and made anew, as long as a key has fewer than a thousand claims a second.
  const key = { lock_key: saga.lockKey, last_seq: 1, last_claim: nowMs, used_at_ms: nowMs };
  const next = { last_seq: sql<number>`saga_keys.last_seq + 1`, used_at_ms: nowMs };
  const insert = db.insertInto('saga_keys').values(key);
  await (
    isMysql(db)
      ? insert.onDuplicateKeyUpdate(next)
      : insert.onConflict((conflict) => conflict.column('lock_key').doUpdateSet(next))
  ).execute();
  await db
    .insertInto('sagas')
    .values(({ selectFrom }) => ({
      seq: selectFrom('saga_keys').select('last_seq').where('lock_key', '=', saga.lockKey),
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
      claim: 0,
      created_at_ms: nowMs,
    }))
    .execute();
}

/**
 * Asks every unfinished saga of the key, in the caller's transaction, to unwind before its next
 * step.
 */
export async function cancelSagas(trx: AnyDb, lockKey: string): Promise<void> {
  await trx.updateTable('sagas').set({ cancelled: 1 }).where('lock_key', '=', lockKey).execute();
}

/** Lock keys of all unfinished sagas. */
export async function busyKeys(db: AnyDb): Promise<ReadonlySet<string>> {
  const rows = await (db as Kysely<SagaTables>).selectFrom('sagas').select('lock_key').execute();
  return new Set(rows.map(({ lock_key }) => lock_key));
}

export type UnfinishedSaga = Pick<
  SagaTable,
  'id' | 'name' | 'lock_key' | 'phase' | 'created_at_ms'
>;

/** All sagas that have not ended, the oldest first. */
export async function unfinishedSagas(db: AnyDb): Promise<UnfinishedSaga[]> {
  return await (db as Kysely<SagaTables>)
    .selectFrom('sagas')
    .select(['id', 'name', 'lock_key', 'phase', 'created_at_ms'])
    .orderBy('created_at_ms')
    .execute();
}

/** Whether the key has an unfinished saga. `besides`: the id of a saga that does not count. */
export async function hasSaga(db: AnyDb, lockKey: string, besides?: string): Promise<boolean> {
  const rows = await (db as Kysely<SagaTables>)
    .selectFrom('sagas')
    .select('id')
    .where('lock_key', '=', lockKey)
    .limit(2)
    .execute();
  return rows.some(({ id }) => id !== besides);
}

/** Whether the saga is unfinished. */
export async function isUnfinished(db: AnyDb, sagaId: string): Promise<boolean> {
  return (
    (await db.selectFrom('sagas').select('id').where('id', '=', sagaId).executeTakeFirst()) !==
    undefined
  );
}

export type ClaimableSaga = Pick<SagaRecord, 'id' | 'name' | 'lockKey'>;

export interface Claimant {
  /** Identifies the process; unique among running processes (a host name, a pod name). */
  owner: string;
  nowMs: number;
  leaseUntilMs: number;
}

export function createJournal(database: AnyDb) {
  const db = database as Kysely<SagaTables>;
  return {
    /**
     * Sagas of these names that can be claimed, oldest first, at most `limit`: those without a
     * holder, and without an older unfinished saga of the same key.
     */
    async claimable(
      names: readonly string[],
      nowMs: number,
      limit: number,
    ): Promise<ClaimableSaga[]> {
      return await db
        .selectFrom('sagas as s')
        .select(['s.id', 's.name', 's.lock_key as lockKey'])
        .where('s.name', 'in', names)
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
        .orderBy('s.created_at_ms')
        .orderBy('s.seq')
        .limit(limit)
        .execute();
    },

    /**
     * Claims the saga until `leaseUntilMs`. Returns undefined while an older saga of its key is
     * unfinished, or another saga of the key is held.
     */
    async claim(claimant: Claimant, saga: ClaimableSaga): Promise<SagaRecord | undefined> {
      return await transaction(db, async (trx) => await claimOne(trx, claimant, saga));
    },

    /**
     * Writes a saga's progress. Returns whether it was cancelled meanwhile; undefined if the claim
     * was lost.
     */
    async advance(
      owner: string,
      saga: SagaRecord,
      leaseUntilMs: number,
    ): Promise<{ cancelled: boolean } | undefined> {
      // Raw SQL: this runs at each step of every saga, and Kysely's builder would take as long as
      // SQLite.
      const update = sql`
        update sagas set state = ${JSON.stringify(saga.state)}, phase = ${saga.phase},
          position = ${saga.position}, fault = ${saga.fault && JSON.stringify(saga.fault)},
          lease_until_ms = ${leaseUntilMs}
        where id = ${saga.id} and owner = ${owner} and claim = ${saga.claim}`;
      if (!isMysql(db)) {
        const { rows } = await sql<{ cancelled: number }>`${update} returning cancelled`.execute(
          db,
        );
        return rows[0] && { cancelled: rows[0].cancelled === 1 };
      }
      // No RETURNING: MariaDB supports it for inserts and deletes only.
      const { numAffectedRows } = await update.execute(db);
      return numAffectedRows === 0n ? undefined : { cancelled: await this.isCancelled(saga.id) };
    },

    async isCancelled(id: string): Promise<boolean> {
      return (
        (await db.selectFrom('sagas').select('cancelled').where('id', '=', id).executeTakeFirst())
          ?.cancelled === 1
      );
    },

    /** Whether the key has an unfinished saga. */
    isBusy: async (lockKey: string): Promise<boolean> => await hasSaga(db, lockKey),

    /**
     * Extends the owner's leases. Returns the sagas that it still holds, with their claim by saga
     * id.
     */
    async renew(
      owner: string,
      sagaIds: readonly string[],
      leaseUntilMs: number,
    ): Promise<ReadonlyMap<string, number>> {
      if (sagaIds.length === 0) return new Map();
      await db
        .updateTable('sagas')
        .set({ lease_until_ms: leaseUntilMs })
        .where('owner', '=', owner)
        .where('id', 'in', sagaIds)
        .execute();
      const ownedSagas = await db
        .selectFrom('sagas')
        .select(['id', 'claim'])
        .where('owner', '=', owner)
        .where('id', 'in', sagaIds)
        .execute();
      return new Map(ownedSagas.map(({ id, claim }) => [id, claim]));
    },

    /** Deletes an ended saga. Returns false if the claim was lost. */
    async finish(owner: string, { id, claim }: SagaRecord): Promise<boolean> {
      const result = await db
        .deleteFrom('sagas')
        .where('id', '=', id)
        .where('owner', '=', owner)
        .where('claim', '=', claim)
        .executeTakeFirst();
      return result.numDeletedRows === 1n;
    },

    /** Releases the claim, so that any process may continue the saga. */
    async release(owner: string, { id, claim }: SagaRecord): Promise<void> {
      await db
        .updateTable('sagas')
        .set({ owner: null, lease_until_ms: 0 })
        .where('id', '=', id)
        .where('owner', '=', owner)
        .where('claim', '=', claim)
        .execute();
    },

    /**
     * A query for fences (fence.ts): returns a row while the claim holds, and locks that row on
     * databases with row locks.
     */
    holds(owner: string, { id, claim }: SagaRecord): CompiledQuery {
      const query = db
        .selectFrom('sagas')
        .select('id')
        .where('id', '=', id)
        .where('owner', '=', owner)
        .where('claim', '=', claim);
      return (isMysql(db) ? query.forUpdate() : query).compile();
    },

    /**
     * Removes the rows of keys that had no saga since `beforeMs`. Returns how many were removed.
     */
    async purgeKeys(beforeMs: number): Promise<number> {
      const result = await db
        .deleteFrom('saga_keys')
        .where('used_at_ms', '<', beforeMs)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('sagas')
                .select(sql`1`.as('one'))
                .whereRef('sagas.lock_key', '=', 'saga_keys.lock_key'),
            ),
          ),
        )
        .executeTakeFirst();
      return Number(result.numDeletedRows);
    },

    /** Releases all claims of the owner except those of the sagas with these ids. */
    async releaseAllBut(owner: string, ids: readonly string[]): Promise<void> {
      const releaseQuery = db
        .updateTable('sagas')
        .set({ owner: null, lease_until_ms: 0 })
        .where('owner', '=', owner);
      await (ids.length === 0 ? releaseQuery : releaseQuery.where('id', 'not in', ids)).execute();
    },

    /** Names of unfinished sagas that are not among `names`. */
    async otherNames(names: readonly string[]): Promise<string[]> {
      const others = db.selectFrom('sagas').select('name').distinct();
      const rows = await (
        names.length > 0 ? others.where('name', 'not in', names) : others
      ).execute();
      return rows.map(({ name }) => name);
    },

    async unfinished(): Promise<SagaRecord[]> {
      const rows = db.selectFrom('sagas').selectAll().orderBy('created_at_ms').orderBy('seq');
      return (await rows.execute()).map(toRecord);
    },
  };
}

export type Journal = ReturnType<typeof createJournal>;

/**
 * Claims one saga. The key's row is written first: that makes other claims and new sagas of the key
 * wait until this transaction ends. If the claim then fails, its number is skipped, which is
 * harmless: claim numbers only need to grow.
 */
async function claimOne(
  trx: Kysely<SagaTables>,
  { owner, nowMs, leaseUntilMs }: Claimant,
  { id, lockKey }: ClaimableSaga,
): Promise<SagaRecord | undefined> {
  await trx
    .updateTable('saga_keys')
    .set({ last_claim: sql`last_claim + 1`, used_at_ms: nowMs })
    .where('lock_key', '=', lockKey)
    .execute();
  const unfinished = await trx
    .selectFrom('sagas')
    .innerJoin('saga_keys', 'saga_keys.lock_key', 'sagas.lock_key')
    .selectAll('sagas')
    .select('saga_keys.last_claim')
    .where('sagas.lock_key', '=', lockKey)
    .execute();
  const row = unfinished.find((each) => each.id === id);
  const isHeld = (each: SagaTable): boolean => each.owner !== null && each.lease_until_ms >= nowMs;
  if (!row || unfinished.some((each) => isHeld(each) || each.seq < row.seq)) return undefined;
  const claim = row.last_claim;
  await trx
    .updateTable('sagas')
    .set({ owner, lease_until_ms: leaseUntilMs, claim })
    .where('id', '=', id)
    .execute();
  return toRecord({ ...row, claim });
}

function toRecord(row: SagaTable): SagaRecord {
  return {
    seq: row.seq,
    id: row.id,
    claim: row.claim,
    name: row.name,
    lockKey: row.lock_key,
    phase: row.phase,
    position: row.position,
    cancelled: row.cancelled === 1,
    requestId: row.request_id,
    input: JSON.parse(row.input) as Json,
    state: JSON.parse(row.state) as Record<string, Json>,
    fault: row.fault === null ? null : (JSON.parse(row.fault) as FaultRecord),
  };
}
