// A service with a task of scope `one` must have the table of task leases in its database.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { loadService, rolesOf } from '#compose/roles/table.ts';
import { databaseNames } from '#compose/state-files.ts';
import type { Role } from '#openstack/role.ts';
import { planeAsData } from '#tools/generate-docs.ts';

describe('the migrations of', () => {
  let roles: readonly Role[];
  before(async () => {
    ({ roles } = await planeAsData());
    assert.ok(roles.some(({ tasks }) => tasks.some(({ scope }) => scope === 'one')));
  });

  for (const database of databaseNames)
    it(`${database} make the table of leases where one of its tasks needs it`, async () => {
      const own: readonly string[] = rolesOf[database];
      const leased = roles
        .filter(({ name }) => own.includes(name))
        .flatMap(({ tasks }) => tasks.filter(({ scope }) => scope === 'one'))
        .map(({ name }) => name);
      const { migrations } = await loadService(database);
      if (!migrations.some(({ name }) => name.endsWith('-task-leases')))
        assert.deepEqual(leased, [], 'add taskLeasesMigration to store/migrations/index.ts');
    });
});
