// What every database driver must do alike. Run on SQLite and on a real MariaDB by
// sqlite.test.ts and mariadb.test.ts.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { isForeignKeyViolation, isUniqueViolation } from './errors.ts';
import { migrate, missingMigrations, StateTooNewError, type Migration } from './migrate.ts';
import { insertIfAbsent, transaction, upsert } from './transaction.ts';

export interface ContractTables {
  box: {
    id: string;
    label: string;
    size: number;
    open: number | boolean;
    note: string | null;
    made_at: number;
  };
  item: { id: string; box_id: string; payload: string | null };
}

const exampleMigrations: Migration[] = [
  {
    name: '0001-boxes',
    up: async (db, t) => {
      await db.schema
        .createTable('box')
        .addColumn('id', t.id, (column) => column.primaryKey())
        .addColumn('label', t.name, (column) => column.notNull().unique())
        .addColumn('size', t.bigint, (column) => column.notNull())
        .addColumn('open', t.bool, (column) => column.notNull())
        .addColumn('note', t.text)
        .addColumn('made_at', t.timeMs, (column) => column.notNull())
        .execute();
    },
  },
  {
    name: '0002-items',
    up: async (db, t) => {
      await db.schema
        .createTable('item')
        .addColumn('id', t.id, (column) => column.primaryKey())
        .addColumn('box_id', t.id, (column) => column.notNull())
        .addColumn('payload', t.json)
        .addForeignKeyConstraint('item_box', ['box_id'], 'box', ['id'])
        .execute();
    },
  },
];

const boxTable = { label: 'Box', size: 1, open: true, note: null, made_at: 1_790_000_000_123 };

/**
 * Registers the suite. `open` returns a new connection to the same, initially empty database at
 * each call.
 */
export function databaseContract(
  title: string,
  open: () => Promise<Database<ContractTables>>,
): void {
  let database: Database<ContractTables>;
  before(async () => {
    database = await open();
    assert.deepEqual(await migrate(database.db, database.dialect, 'contract', exampleMigrations), [
      '0001-boxes',
      '0002-items',
    ]);
  });
  after(() => database.close());
  const sizeOf = async (id: string) =>
    (
      await database.db
        .selectFrom('box')
        .select('size')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
    ).size;

  test(`${title}: migrations apply once, also from several processes at once`, async () => {
    const others = await Promise.all([open(), open(), open()]);
    const applied = await Promise.all(
      others.map((other) => migrate(other.db, other.dialect, 'contract', exampleMigrations)),
    );
    assert.deepEqual(applied, [[], [], []]);
    await Promise.all(others.map((other) => other.close()));
  });

  test(`${title}: what migrations miss is told without applying it`, async () => {
    const { db } = database;
    assert.deepEqual(await missingMigrations(db, 'contract', exampleMigrations), []);
    const later: Migration = { name: '0009-later', up: async () => assert.fail('applied') };
    assert.deepEqual(await missingMigrations(db, 'contract', [...exampleMigrations, later]), [
      '0009-later',
    ]);
    assert.deepEqual(await missingMigrations(db, 'never migrated', [later]), ['0009-later']);
    await assert.rejects(missingMigrations(db, 'contract', [later]), StateTooNewError);
  });

  test(`${title}: a database of a newer release is refused`, async () => {
    const older = exampleMigrations.slice(0, 1);
    await assert.rejects(
      migrate(database.db, database.dialect, 'contract', older),
      (error) => error instanceof StateTooNewError && /0002-items/.test(error.message),
    );
  });

  test(`${title}: a failed migration names itself and is not recorded`, async () => {
    const broken: Migration = {
      name: '0003-broken',
      up: async () => {
        throw new Error('no');
      },
    };
    await assert.rejects(
      migrate(database.db, database.dialect, 'contract', [...exampleMigrations, broken]),
      /0003-broken failed/,
    );
    assert.deepEqual(
      await migrate(database.db, database.dialect, 'contract', exampleMigrations),
      [],
    );
  });

  test(`${title}: values come back as they went in`, async () => {
    const row = {
      ...boxTable,
      id: 'values',
      label: 'Grüße 😀 \\ \' " %',
      size: 2 ** 53 - 1,
      note: 'x'.repeat(100_000),
    };
    await database.db.insertInto('box').values(row).execute();
    const read = await database.db
      .selectFrom('box')
      .selectAll()
      .where('id', '=', 'values')
      .execute();
    assert.deepEqual(read, [{ ...row, open: 1 }]);
  });

  test(`${title}: counts and sums are numbers, booleans match either spelling`, async () => {
    await database.db
      .insertInto('box')
      .values([
        { ...boxTable, id: 'sum1', label: 'sum1', size: 2 },
        { ...boxTable, id: 'sum2', label: 'sum2', size: 3 },
      ])
      .execute();
    const row = await database.db
      .selectFrom('box')
      .select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.sum<number>('size').as('sum')])
      .where('label', 'like', 'sum%')
      .where('open', '=', true)
      .executeTakeFirst();
    assert.deepEqual(row, { count: 2, sum: 5 });
  });

  test(`${title}: an integer beyond 2^53 is an error, not another number`, async () => {
    await assert.rejects(sql`select 9007199254740993 as big`.execute(database.db), RangeError);
    await assert.rejects(
      database.db
        .insertInto('box')
        .values({ ...boxTable, id: 'big', size: 2 ** 60 })
        .execute(),
      TypeError,
    );
  });

  test(`${title}: text differs by case, accent and trailing blank, in keys and in like`, async () => {
    const labels = ['Case', 'case', 'cäse', 'case '];
    await database.db
      .insertInto('box')
      .values(labels.map((label, index) => ({ ...boxTable, id: `case${index}`, label })))
      .execute();
    const equal = await database.db
      .selectFrom('box')
      .select('id')
      .where('label', '=', 'case')
      .execute();
    assert.deepEqual(equal, [{ id: 'case1' }]);
    const like = await database.db
      .selectFrom('box')
      .select('label')
      .where('label', 'like', 'cas%')
      .orderBy('label')
      .execute();
    assert.deepEqual(
      like.map((row) => row.label),
      ['case', 'case '],
    );
    const sorted = await database.db
      .selectFrom('box')
      .select('label')
      .where('id', 'like', 'case%')
      .orderBy('label')
      .execute();
    assert.deepEqual(
      sorted.map((row) => row.label),
      ['Case', 'case', 'case ', 'cäse'],
    );
  });

  test(`${title}: parameters that are no primitives are refused`, async () => {
    for (const bad of [new Date(), {}, [1], undefined, Number.NaN]) {
      const query = sql`select id from box where id = ${sql.val(bad)}`;
      await assert.rejects(
        query.execute(database.db),
        { message: /^database parameter/ },
        JSON.stringify(bad),
      );
    }
  });

  test(`${title}: broken rules are told apart`, async () => {
    await database.db
      .insertInto('box')
      .values({ ...boxTable, id: 'rule', label: 'rule' })
      .execute();
    const failure = (promise: Promise<unknown>) =>
      promise.then(
        () => assert.fail('no error'),
        (error: unknown) => error,
      );
    const sameKey = await failure(
      database.db
        .insertInto('box')
        .values({ ...boxTable, id: 'rule', label: 'other' })
        .execute(),
    );
    const sameLabel = await failure(
      database.db
        .insertInto('box')
        .values({ ...boxTable, id: 'other', label: 'rule' })
        .execute(),
    );
    const noBox = await failure(
      database.db
        .insertInto('item')
        .values({ id: 'i', box_id: 'nowhere', payload: null })
        .execute(),
    );
    assert.deepEqual([sameKey, sameLabel, noBox].map(isUniqueViolation), [true, true, false]);
    assert.deepEqual([sameKey, sameLabel, noBox].map(isForeignKeyViolation), [false, false, true]);
  });

  test(`${title}: an update counts the rows it matched, also when it changes nothing`, async () => {
    await database.db
      .insertInto('box')
      .values({ ...boxTable, id: 'cas', label: 'cas', size: 7 })
      .execute();
    const set = (size: number, expected: number) =>
      database.db
        .updateTable('box')
        .set({ size })
        .where('id', '=', 'cas')
        .where('size', '=', expected)
        .executeTakeFirst();
    assert.equal((await set(7, 7)).numUpdatedRows, 1n);
    assert.equal((await set(8, 7)).numUpdatedRows, 1n);
    assert.equal((await set(9, 7)).numUpdatedRows, 0n);
  });

  test(`${title}: upsert inserts, then updates by key, and is safe to repeat`, async () => {
    for (const size of [1, 2, 2])
      await upsert(database.db, 'box', { ...boxTable, id: 'up', label: 'up', size }, ['id']);
    assert.equal(await sizeOf('up'), 2);
  });

  test(`${title}: insertIfAbsent says whether it has inserted`, async () => {
    const insert = async (id: string) =>
      await insertIfAbsent(database.db, 'box', { ...boxTable, id, label: 'absent' });
    assert.deepEqual(
      [await insert('one'), await insert('one'), await insert('two')],
      [true, false, false],
    );
  });

  test(`${title}: a transaction that throws leaves nothing`, async () => {
    const failed = transaction(database.db, async (trx) => {
      await trx
        .insertInto('box')
        .values({ ...boxTable, id: 'gone', label: 'gone' })
        .execute();
      throw new Error('undo');
    });
    await assert.rejects(failed, /undo/);
    assert.equal(
      await database.db.selectFrom('box').select('id').where('id', '=', 'gone').executeTakeFirst(),
      undefined,
    );
  });

  test(`${title}: forty transactions at once, over two connections, lose no update`, async () => {
    await database.db
      .insertInto('box')
      .values({ ...boxTable, id: 'busy', label: 'busy', size: 0 })
      .execute();
    const other = await open();
    const increment = (one: Database<ContractTables>) =>
      transaction(one.db, (trx) =>
        trx
          .updateTable('box')
          .set((eb) => ({ size: eb('size', '+', 1) }))
          .where('id', '=', 'busy')
          .execute(),
      );
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => increment(index % 2 === 0 ? database : other)),
    );
    await other.close();
    assert.equal(await sizeOf('busy'), 40);
  });

  test(`${title}: transactions that cross each other are tried again`, async () => {
    await database.db
      .insertInto('box')
      .values([
        { ...boxTable, id: 'x', label: 'x', size: 0 },
        { ...boxTable, id: 'y', label: 'y', size: 0 },
      ])
      .execute();
    const both = (first: string, second: string) =>
      transaction(
        database.db,
        async (trx) => {
          for (const id of [first, second])
            await trx
              .updateTable('box')
              .set((eb) => ({ size: eb('size', '+', 1) }))
              .where('id', '=', id)
              .execute();
        },
        { maxAttempts: 20, backoffMs: 10 },
      );
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? both('x', 'y') : both('y', 'x'))),
    );
    assert.deepEqual([await sizeOf('x'), await sizeOf('y')], [20, 20]);
  });
}
