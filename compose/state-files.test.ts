// A damaged state folder is refused with a message that names the file, or repaired with a log
// line; missing files are never recreated silently.
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, beforeEach, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { ConfigError } from '#platform/config/config.ts';
import { homePaths, readSecrets } from './home.ts';
import type { Home } from './home.ts';
import {
  checkDatabases,
  databaseFile,
  databaseNames,
  prepareConversions,
  recordDatabases,
  tightenModes,
} from './state-files.ts';

const base = mkdtempSync('/tmp/cc-state-');
after(() => rmSync(base, { recursive: true }));
let home: Home;
let count = 0;
beforeEach(() => {
  home = homePaths(join(base, String((count += 1))));
  mkdirSync(home.databases, { recursive: true });
});

function makeDatabases(): void {
  for (const name of databaseNames) {
    const database = new DatabaseSync(databaseFile(home, name));
    database.exec('create table t (a)');
    database.close();
  }
}
const refusal = async (): Promise<string> => {
  const checked = await checkDatabases(home);
  return isFault(checked) ? checked.message : 'fine';
};

describe('databases', () => {
  it('are fine where there are none yet, where all are there, and where a release brings a new one', async () => {
    assert.equal(await refusal(), 'fine');
    makeDatabases();
    assert.equal(await refusal(), 'fine');
    await recordDatabases(home);
    assert.equal(await refusal(), 'fine');
    writeFileSync(
      join(home.databases, 'made.json'),
      JSON.stringify(databaseNames.filter((name) => name !== 'cinder')),
    );
    rmSync(databaseFile(home, 'cinder'));
    assert.equal(await refusal(), 'fine');
  });

  it('that vanished are not made anew while others remain', async () => {
    makeDatabases();
    await recordDatabases(home);
    rmSync(databaseFile(home, 'nova'));
    assert.match(
      await refusal(),
      /nova\.sqlite is missing, while those of other services are there\. Restore it/,
    );
  });

  it('that are something else are named', async () => {
    makeDatabases();
    writeFileSync(databaseFile(home, 'glance'), 'this is no database, but long enough');
    assert.match(await refusal(), /glance\.sqlite is no SQLite database/);
  });
});

describe('secrets', () => {
  it('that others could read are theirs no longer, and it is said which', async () => {
    writeFileSync(join(home.dir, 'secrets.json'), '{}');
    chmodSync(join(home.dir, 'secrets.json'), 0o644);
    chmodSync(home.dir, 0o755);
    assert.deepEqual(await tightenModes(home), [
      home.dir,
      home.databases,
      join(home.dir, 'secrets.json'),
    ]);
    assert.equal(statSync(join(home.dir, 'secrets.json')).mode & 0o777, 0o600);
    assert.deepEqual(await tightenModes(home), []);
  });

  it('that are damaged are refused in one line, without what is in the file', async () => {
    for (const text of ['{"admin": "hunter2"', '[]1', '{"admin": 7}', 'null']) {
      writeFileSync(join(home.dir, 'secrets.json'), text);
      await assert.rejects(
        readSecrets(home.dir),
        (error) =>
          error instanceof ConfigError &&
          /secrets\.json are damaged/.test(error.message) &&
          !error.message.includes('hunter2'),
      );
    }
  });
});

describe('sockets of conversions', () => {
  it('that a killed control plane left are gone after the next start', async () => {
    await prepareConversions(home);
    assert.equal(statSync(home.conversions).mode & 0o777, 0o700);
    mkdirSync(join(home.conversions, 'cobalt-nbd-AAAAAA'));
    writeFileSync(join(home.conversions, 'cobalt-nbd-AAAAAA', 'disk'), '');
    await prepareConversions(home);
    assert.deepEqual(readdirSync(home.conversions), []);
  });
});
