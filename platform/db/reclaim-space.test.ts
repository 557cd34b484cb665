// A SQLite file shrinks after rows were deleted if it was created with incremental vacuum; a file
// of an older release keeps its size.
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { silentLog } from '../log.ts';
import { openDatabase } from './database.ts';
import { reclaimSpace } from './reclaim-space.ts';

interface Tables {
  rows: { id: number; text: string };
}

async function filled(
  prepare: (path: string) => void,
  work: (
    database: ReturnType<typeof openDatabase<Tables>>,
    sizeOf: () => Promise<number>,
  ) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp('/tmp/cobalt-reclaim-');
  const path = join(folder, 'test.sqlite');
  prepare(path);
  const database = openDatabase<Tables>({ dialect: 'sqlite', path }, { log: silentLog });
  try {
    await database.db.schema
      .createTable('rows')
      .ifNotExists()
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('text', 'text')
      .execute();
    for (let id = 0; id < 2_000; id += 1)
      await database.db
        .insertInto('rows')
        .values({ id, text: 'x'.repeat(1_000) })
        .execute();
    await database.db.deleteFrom('rows').where('id', '>', 10).execute();
    await work(database, async () => (await stat(path)).size);
  } finally {
    await database.close();
    await rm(folder, { recursive: true });
  }
}

it('space of deleted rows goes back to the file system', async () =>
  await filled(
    () => undefined,
    async (database, sizeOf) => {
      const reclaimedBytes = await reclaimSpace(database);
      assert.ok(reclaimedBytes > 1_000_000, `${reclaimedBytes} bytes`);
      assert.ok((await sizeOf()) < 200_000, `${await sizeOf()} bytes are left`);
      assert.equal((await database.db.selectFrom('rows').select('id').execute()).length, 11);
      assert.equal(await reclaimSpace(database), 0);
    },
  ));

it('a database of an older release is left as it is, and goes on', async () =>
  await filled(
    (path) => {
      const old = new DatabaseSync(path);
      old.exec('create table older (id integer)');
      old.close();
    },
    async (database) => {
      assert.equal(await reclaimSpace(database), 0);
      assert.equal((await database.db.selectFrom('rows').select('id').execute()).length, 11);
    },
  ));
