// Runs processes.testing.ts on MariaDB.
import { after, before, describe } from 'node:test';
import { openDatabase } from '../db/database.ts';
import type { PrivateMariadb } from '../db/mariadb.testing.ts';
import { mariadbMissing, startMariadb } from '../db/mariadb.testing.ts';
import { silentLog } from '../log.ts';
import { sagaProcessesContract } from './processes.testing.ts';

describe('on a real MariaDB', { skip: await mariadbMissing() }, () => {
  let mariadb: PrivateMariadb;
  before(async () => void (mariadb = await startMariadb()));
  after(async () => await mariadb?.stop());
  sagaProcessesContract('MariaDB', async () =>
    openDatabase(await mariadb.createDatabase(), { log: silentLog }),
  );
});
