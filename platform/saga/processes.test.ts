// Runs processes.testing.ts on SQLite.
import { openDatabase } from '../db/database.ts';
import { silentLog } from '../log.ts';
import { sagaProcessesContract } from './processes.testing.ts';

sagaProcessesContract('SQLite', async () =>
  openDatabase({ dialect: 'sqlite', path: ':memory:' }, { log: silentLog }),
);
