// Gives the space of deleted rows back to the file system. Called by the tasks that purge.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Database } from './database.ts';

/** Pages at a time: other queries have their turn in between. */
const pagesAtOnce = 256;

/**
 * How many bytes went back. MariaDB uses freed space again by itself, and so does SQLite in a file
 * that was made without incremental vacuum.
 */
export async function reclaimSpace<T>({
  db: typed,
  dialect,
}: Pick<Database<T>, 'db' | 'dialect'>): Promise<number> {
  if (dialect !== 'sqlite') return 0;
  const db = typed as unknown as Kysely<unknown>; // pragmas are of no table
  const pragma = async (name: string): Promise<number> => {
    const { rows } = await sql<Record<string, number>>`pragma ${sql.raw(name)}`.execute(db);
    return Number(Object.values(rows[0] ?? {})[0] ?? 0);
  };
  const before = await pragma('page_count');
  for (let free = await pragma('freelist_count'); free > 0;) {
    await sql`pragma incremental_vacuum(${sql.raw(String(pagesAtOnce))})`.execute(db);
    const left = await pragma('freelist_count');
    if (left >= free) break; // made without it
    free = left;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await sql`pragma wal_checkpoint(truncate)`.execute(db);
  return (before - (await pragma('page_count'))) * (await pragma('page_size'));
}
