// Those tests of services and of the whole API that depend most on the database, on MariaDB instead
// of SQLite. All of them take ten minutes: `./cobalt test test/mariadb-whole`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mariadbMissing } from '#platform/db/mariadb.testing.ts';
import { runOnMariadb } from './run-on-mariadb.ts';

const files = [
  'services/keystone/api/passwords/lockout.test.ts',
  'services/keystone/api/projects.test.ts',
  'services/glance/api/image-data.test.ts',
  'services/glance/api/image-lists.test.ts',
  'services/glance/api/tasks/mend-uploads.test.ts',
  'services/placement/api/allocations.test.ts',
  'services/placement/api/providers.test.ts',
  'services/nova/api/aggregates.test.ts',
  'services/nova/api/services.test.ts',
  'services/neutron/api/lists.test.ts',
  'services/neutron/api/ports.test.ts',
  'services/cinder/api/attachments.test.ts',
  'services/cinder/api/volumes.test.ts',
  'test/api/compute-networks.test.ts',
  'test/api/compute-volumes.test.ts',
];

test('the services behave on MariaDB as on SQLite', { skip: await mariadbMissing() }, async () => {
  const { code, output } = await runOnMariadb(files);
  assert.equal(code, 0, output);
  const passed = Number(/^ℹ pass (\d+)$/m.exec(output)?.[1]);
  assert.ok(passed > 100, `only ${passed} tests ran:\n${output}`);
});
