// Every role of the table is in the plan, twice if it may be; ports and names are unique.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processPlan } from './process-plan.ts';
import { loadService, roleNames, rolesOf } from './roles/table.ts';
import { databaseNames } from './state-files.ts';

test('a distributed cloud has two processes of every role', () => {
  const plan = processPlan({ localHosts: ['h1', 'h2'], simulatedHosts: 0, ha: true });
  for (const role of roleNames)
    assert.equal(plan.filter(({ part }) => part === role).length, 2, role);
  assert.equal(new Set(plan.map(({ name }) => name)).size, plan.length);
  assert.equal(new Set(plan.map(({ portIndex }) => portIndex)).size, plan.length);
  assert.deepEqual(
    plan.filter(({ part }) => part === 'local-host').map(({ settings }) => settings),
    [{ COBALT_HOST__INDEX: '1' }, { COBALT_HOST__INDEX: '2' }],
  );
});

test('a simulated network has one writer, since it lives in its memory', () => {
  const plan = processPlan({ localHosts: [], simulatedHosts: 3, ha: false });
  assert.equal(plan.filter(({ part }) => part === 'neutron-ovn-writer').length, 1);
  assert.equal(plan.filter(({ part }) => part === 'simulated-hosts').length, 1);
});

test('the table of roles names what the services have', async () => {
  for (const name of databaseNames)
    assert.deepEqual(
      Object.keys((await loadService(name)).roles).sort(),
      [...rolesOf[name]].sort(),
    );
});
