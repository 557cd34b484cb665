// The saga journal: one row a saga, moved on by compare-and-set. SQL of the saga engine lives here
// alone; what holds between processes is said in ADR 19.
import type { CompiledQuery, Kysely } from 'kysely';
import { sql } from 'kysely';
import type { FaultRecord } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { isMysql, transaction } from '../db/transaction.ts';

/**
 * forward: steps 0..position-1 are done. backward: steps position..0 are to be undone. settling:
 * only `failed` is left.
 */
export type SagaPhase = 'forward' | 'backward' | 'settling';

export interface SagaTable {
  /** Order within one lock key, given by the database: see `saga_keys`. */
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
  /** The claim that holds it; a greater one of the same key is newer. 0: never claimed. */
  claim: number;
  created_at_ms: number;
}

/**
 * One row a lock key. Its row lock puts the sagas of the key in order and keeps two processes from
 * claiming two of them.
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
  /** As it was when the record was read. */
  cancelled: boolean;
  requestId: string;
}

export interface NewSaga {
  id: string;
  name: string;
  /** Sagas of one key run one after the other, in order of insertion, e.g. `server:<uuid>`. */
  lockKey: string;
  input: Json;
  requestId: string;
}

// Kysely is invariant in its tables: this stands for any database that holds the saga tables among
// others.
export type AnyDb = Kysely<any>;

/**
 * Inserts within the caller's transaction, beside the change it belongs to. Sagas of one lock key
 * run in the order in which their transactions took the key's row.
 */
export async function insertSaga(trx: AnyDb, saga: NewSaga, nowMs: number): Promise<void> {
  const db = trx as Kysely<SagaTables>;
  // A key's first claim is greater than any it had before its row was purged, at fewer than a
  // thousand claims a second of one key.
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
 * Asks every unfinished saga of the key to unwind before its next step. Within the caller's
 * transaction.
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

/** Whether any saga of the key is unfinished; `besides` names one that does not count. */
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
  /** Names the process; one life at a time. */
  owner: string;
  nowMs: number;
  leaseUntilMs: number;
}

export function createJournal(database: AnyDb) {
  const db = database as Kysely<SagaTables>;
  return {
    /**
     * The sagas of these names that may be claimed, the oldest first, at most `limit`: those that
     * nobody holds and whose elders of the same key are finished.
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
     * Claims the saga until `leaseUntilMs`; undefined while an elder of its key is unfinished or
     * another saga of the key is held.
     */
    async claim(claimant: Claimant, saga: ClaimableSaga): Promise<SagaRecord | undefined> {
      return await transaction(db, async (trx) => await claimOne(trx, claimant, saga));
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
      // Written out: it runs at each step of every saga, and the builder takes as long as SQLite.
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
      // MariaDB knows RETURNING of inserts and deletes alone.
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

    /** Keeps claims alive. Returns those that the owner still holds: claim by saga id. */
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
      const held = await db
        .selectFrom('sagas')
        .select(['id', 'claim'])
        .where('owner', '=', owner)
        .where('id', 'in', sagaIds)
        .execute();
      return new Map(held.map(({ id, claim }) => [id, claim]));
    },

    /** False: the claim was lost. */
    async finish(owner: string, { id, claim }: SagaRecord): Promise<boolean> {
      const result = await db
        .deleteFrom('sagas')
        .where('id', '=', id)
        .where('owner', '=', owner)
        .where('claim', '=', claim)
        .executeTakeFirst();
      return result.numDeletedRows === 1n;
    },

    /** Gives a claim back, so that anybody may go on with it. */
    async release(owner: string, { id, claim }: SagaRecord): Promise<void> {
      await db
        .updateTable('sagas')
        .set({ owner: null, lease_until_ms: 0 })
        .where('id', '=', id)
        .where('owner', '=', owner)
        .where('claim', '=', claim)
        .execute();
    },

    /** A row while the claim holds; locks it where rows are locked. For fences (fence.ts). */
    holds(owner: string, { id, claim }: SagaRecord): CompiledQuery {
      const query = db
        .selectFrom('sagas')
        .select('id')
        .where('id', '=', id)
        .where('owner', '=', owner)
        .where('claim', '=', claim);
      return (isMysql(db) ? query.forUpdate() : query).compile();
    },

    /** Removes the rows of keys that had no saga since `beforeMs`. Returns how many. */
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

    /** Frees what the owner holds, but for the sagas of these ids. */
    async releaseAllBut(owner: string, ids: readonly string[]): Promise<void> {
      const held = db
        .updateTable('sagas')
        .set({ owner: null, lease_until_ms: 0 })
        .where('owner', '=', owner);
      await (ids.length === 0 ? held : held.where('id', 'not in', ids)).execute();
    },

    /** Names of unfinished sagas that are none of these. */
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
 * The key's row is written first: it keeps other claims of the key, and new sagas of it, waiting
 * until this transaction ends. A number that is taken for nothing is no harm: they only grow.
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
