// See task-leases.testing.ts.
import { openDatabase } from '../db/database.ts';
import { silentLog } from '../log.ts';
import { taskLeasesContract } from './task-leases.testing.ts';

taskLeasesContract('SQLite', async () =>
  openDatabase({ dialect: 'sqlite', path: ':memory:' }, { log: silentLog }),
);
