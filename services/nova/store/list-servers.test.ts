// The SQL of the server list: each filter alone, and pages that add up to the whole list.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { NovaFixture } from '../api/nova-api.testing.ts';
import { startMs, startNova } from '../api/nova-api.testing.ts';
import { tagsText } from '../domain/server-row.ts';
import type { ServerFilters, ServerOrder } from './list-servers.ts';
import { listServers, serversRunningWithin } from './list-servers.ts';
import type { ServerRow } from './tables.ts';

const everything: ServerFilters = {
  scope: null,
  equal: {},
  deleted: false,
  tagsAll: [],
  tagsAny: [],
  notTagsAll: [],
  notTagsAny: [],
};
const byId: ServerOrder = {
  keys: [{ column: 'id', direction: 'asc' }],
  marker: undefined,
  limit: 100,
};

let nova: NovaFixture;
const list = async (filters: Partial<ServerFilters>, order: Partial<ServerOrder> = {}) =>
  await listServers(nova.deps.database.db, { ...everything, ...filters }, { ...byId, ...order });
const ids = async (filters: Partial<ServerFilters>) =>
  (await list(filters)).map((server) => server.id).join(' ');

before(async () => {
  nova = await startNova();
  const rows: Partial<ServerRow>[] = [
    {
      id: 'a',
      name: 'web-1',
      tags: tagsText(['red', 'blue']),
      key_name: 'k',
      created_at_ms: startMs + 3,
      updated_at_ms: startMs + 3,
    },
    {
      id: 'b',
      name: 'web-2',
      tags: tagsText(['red']),
      vm_state: 'stopped',
      host: 'h2',
      created_at_ms: startMs + 2,
      updated_at_ms: startMs + 9,
    },
    {
      id: 'c',
      name: '100%',
      tags: tagsText([]),
      vm_state: 'error',
      task_state: 'rebooting',
      host: null,
      created_at_ms: startMs + 2,
      updated_at_ms: startMs + 2,
    },
    {
      id: 'd',
      name: 'db_x',
      tags: tagsText(['re']),
      project_id: 'project-b',
      locked: 1,
      created_at_ms: startMs + 1,
      updated_at_ms: startMs + 1,
    },
    {
      id: 'e',
      name: 'gone',
      deleted_at_ms: startMs + 20,
      terminated_at_ms: startMs + 20,
      updated_at_ms: startMs + 20,
      vm_state: 'deleted',
    },
  ];
  for (const row of rows) await nova.addServer(row);
});
after(async () => await nova.close());

describe('a filter', () => {
  const cases: readonly [string, Partial<ServerFilters>, string][] = [
    ['nothing: all that live', {}, 'a b c d'],
    ['a project', { scope: 'project-b' }, 'd'],
    ['deleted ones', { deleted: true }, 'e'],
    ['what no database compares', { matches: ({ name }) => name.startsWith('web') }, 'a b'],
    ['equal values', { equal: { key_name: 'k' } }, 'a'],
    ['a value that is missing', { equal: { host: null } }, 'c'],
    ['two values', { equal: { locked: 1, project_id: 'project-a' } }, ''],
    ['ids', { ids: ['b', 'd', 'z'] }, 'b d'],
    ['no ids at all', { ids: [] }, ''],
    ['states', { states: { vmStates: ['stopped'], taskStates: ['rebooting'] } }, 'b c'],
    ['states that nothing can have', { states: { vmStates: [], taskStates: [] } }, ''],
    ['changes since: deleted ones as well', { changedSinceMs: startMs + 9 }, 'b e'],
    ['changes before', { changedBeforeMs: startMs + 2 }, 'c d'],
    ['all of the tags', { tagsAll: ['red', 'blue'] }, 'a'],
    ['any of the tags, whole words', { tagsAny: ['blue', 're'] }, 'a d'],
    ['not all of the tags', { notTagsAll: ['red', 'blue'] }, 'b c d'],
    ['not any of the tags', { notTagsAny: ['red', 're'] }, 'c'],
  ];
  for (const [what, filters, found] of cases)
    it(`by ${what}`, async () => assert.equal(await ids(filters), found));
});

describe('pages', () => {
  const columns = ['id', 'name', 'created_at_ms', 'host', 'task_state', 'locked'] as const;
  it('of any size and order make the whole list, each server once', async () => {
    const key = fc.record({
      column: fc.constantFrom(...columns),
      direction: fc.constantFrom('asc' as const, 'desc' as const),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { selector: ({ column }) => column, maxLength: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom('asc' as const, 'desc' as const),
        async (chosen, limit, direction) => {
          const keys = chosen.some(({ column }) => column === 'id')
            ? chosen
            : [...chosen, { column: 'id' as const, direction }];
          const whole = await list({}, { keys });
          const paged: ServerRow[] = [];
          for (let turn = 0; turn < 6; turn++)
            paged.push(...(await list({}, { keys, limit, marker: paged.at(-1) })));
          assert.deepEqual(
            paged.map((server) => server.id),
            whole.map((server) => server.id),
          );
          assert.equal(whole.length, 4);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('servers that ran within a period', () => {
  it('are those launched before its end and not over before its start', async () => {
    const within = async (from: number, to: number, projectId: string | null = null) =>
      (
        await serversRunningWithin(nova.deps.database.db, {
          projectId,
          startMs: startMs + from,
          endMs: startMs + to,
        })
      )
        .map((server) => server.id)
        .sort()
        .join('');
    assert.equal(await within(0, 10), 'abcde');
    assert.equal(await within(20, 30), 'abcd');
    assert.equal(await within(-10, 0), '');
    assert.equal(await within(0, 10, 'project-b'), 'd');
  });
});
