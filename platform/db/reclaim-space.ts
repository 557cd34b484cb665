// Returns the disk space of deleted rows to the file system. Called by the tasks that purge rows.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Database } from './database.ts';

/** Pages freed in one statement: few, so that other queries run in between. */
const pagesAtOnce = 256;

/**
 * Frees the space, and returns the number of bytes freed. 0 on MariaDB, which reuses freed space by
 * itself, and for a SQLite file that was created without incremental vacuum, which does so too.
 */
export async function reclaimSpace<T>({
  db: typed,
  dialect,
}: Pick<Database<T>, 'db' | 'dialect'>): Promise<number> {
  if (dialect !== 'sqlite') return 0;
  const db = typed as unknown as Kysely<unknown>; // a pragma needs no table types
  const pragma = async (name: string): Promise<number> => {
    const { rows } = await sql<Record<string, number>>`pragma ${sql.raw(name)}`.execute(db);
    return Number(Object.values(rows[0] ?? {})[0] ?? 0);
  };
  const before = await pragma('page_count');
  for (let free = await pragma('freelist_count'); free > 0;) {
    await sql`pragma incremental_vacuum(${sql.raw(String(pagesAtOnce))})`.execute(db);
    const freePages = await pragma('freelist_count');
    if (freePages >= free) break; // file without incremental vacuum
    free = freePages;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await sql`pragma wal_checkpoint(truncate)`.execute(db);
  return (before - (await pragma('page_count'))) * (await pragma('page_size'));
}
