// Runs task-leases.testing.ts on SQLite.
import { openDatabase } from '../db/database.ts';
import { silentLog } from '../log.ts';
import { taskLeasesContract } from './task-leases.testing.ts';

taskLeasesContract('SQLite', async () =>
  openDatabase({ dialect: 'sqlite', path: ':memory:' }, { log: silentLog }),
);
