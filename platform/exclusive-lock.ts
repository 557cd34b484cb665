// A lock of one process on a folder's file, which the kernel takes away when the process dies,
// however that comes about. Node has no flock(2); SQLite's lock on an empty database is one:
// https://www.sqlite.org/lockingv3.html
import { DatabaseSync } from 'node:sqlite';

export interface ExclusiveLock {
  release(): void;
}

/** What is not reachable is closed by the garbage collector, and its lock is gone. */
const held = new Set<DatabaseSync>();

/** undefined: another process has it. */
export function takeLock(file: string): ExclusiveLock | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // no journal beside it: the disk may be full
    database.exec('PRAGMA journal_mode=memory; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    // node:sqlite: SQLite's result code
    if ((error as { errcode?: number }).errcode === busy) return undefined;
    throw error;
  }
  held.add(database);
  return {
    release() {
      held.delete(database);
      database.close();
    },
  };
}

const busy = 5; // SQLITE_BUSY
