// Runs every test of the services and of the whole API on MariaDB instead of SQLite. Takes ten
// minutes: only `./cobalt test test/mariadb-whole` runs it.
import assert from 'node:assert/strict';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { mariadbMissing } from '#platform/db/mariadb.testing.ts';
import { runOnMariadb } from '../mariadb/run-on-mariadb.ts';

const root = join(import.meta.dirname, '../..');
const suites = [
  'services/keystone',
  'services/glance',
  'services/placement',
  'services/nova',
  'services/neutron',
  'services/cinder',
  'test/api',
];

describe('on MariaDB', { skip: await mariadbMissing() }, () => {
  for (const suite of suites)
    it(`the tests of ${suite} pass`, async (t) => {
      const files = await Array.fromAsync(glob(`${suite}/**/*.test.ts`, { cwd: root }));
      // Left out: tests that start a MariaDB of their own.
      const { code, output } = await runOnMariadb(files.filter((file) => !/mariadb/.test(file)));
      assert.equal(code, 0, output);
      t.diagnostic(output.slice(output.lastIndexOf('ℹ tests')).split('\n').slice(0, 4).join(', '));
    });
});
