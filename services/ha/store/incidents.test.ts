// The timeline of an incident is limited in length.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TestFleet } from '../engine/engine.testing.ts';
import { startTestFleet } from '../engine/engine.testing.ts';
import { changeState, findHost } from './hosts.ts';
import { listEntries, noteIncident } from './incidents.ts';

let fleet: TestFleet;
before(async () => void (fleet = await startTestFleet(['a'])));
after(async () => await fleet.close());

test('of an incident without an end its beginning and its newest entries are kept', async () => {
  const { db } = fleet.database;
  const engine = fleet.startEngine();
  await fleet.run(engine, 3);
  const row = await findHost(db, 'a');
  assert.ok(row);
  const entry = { what: 'begins', detail: {} };
  const change = { state: 'Suspect', reason: '', entry } as const;
  assert.ok(await changeState(db, row, { ...change, opens: { id: 'i', boot_id: null } }, 0));
  for (let at = 1; at <= 600; at += 1)
    await noteIncident(db, 'i', {}, { atMs: at, what: `try ${at}`, detail: {} });
  const entries = await listEntries(db, 'i');
  assert.equal(entries.length, 500);
  assert.deepEqual([entries[0]?.what, entries[99]?.what], ['begins', 'try 99']);
  assert.deepEqual([entries[100]?.what, entries.at(-1)?.what], ['try 201', 'try 600']);
});
