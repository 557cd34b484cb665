// The transition tables of migration statuses.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { migrationStatuses, migrationTypes } from '#contracts/nova/migration-states.ts';
import { isOver, liveInProgress, statusesBefore } from './migration-status.ts';

it('a resize is confirmed or reverted once, from finished', () => {
  for (const next of ['confirming', 'reverting'] as const)
    assert.deepEqual(statusesBefore('resize', next), ['finished']);
  assert.deepEqual(statusesBefore('migration', 'confirmed'), ['confirming']);
});

it('only what is under way of a live migration can be aborted', () => {
  for (const status of liveInProgress) assert.equal(isOver('live-migration', status), false);
  for (const status of ['completed', 'cancelled', 'failed', 'error'] as const)
    assert.equal(isOver('live-migration', status), true);
});

it('every type has a way to an end from everything that is not one', () => {
  for (const type of migrationTypes) {
    const ends = migrationStatuses.filter((status) => isOver(type, status));
    const reaching = new Set(ends);
    for (let grown = true; grown;) {
      grown = false;
      for (const end of reaching)
        for (const before of statusesBefore(type, end))
          if (!reaching.has(before)) grown = reaching.add(before).size > 0;
    }
    assert.deepEqual(
      migrationStatuses.filter((status) => !reaching.has(status)),
      [],
    );
  }
});
