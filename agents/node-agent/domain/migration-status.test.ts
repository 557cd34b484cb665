// The status of a Migration, and which agent may write what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Migration, MigrationStatus } from '#contracts/kube/kinds.ts';
import { arrivalPatch, migrationStatus, statusPatch, unseenEnd } from './migration-status.ts';

const migration = (status: MigrationStatus): Migration => ({
  apiVersion: 'kvm.cloud.sap/v1alpha1',
  kind: 'Migration',
  metadata: { name: 'u' },
  status,
});

test('a migration job has the words of the original kvm-node-agent', () => {
  const mib = 1024 ** 2;
  const moved = { total: 128 * mib, processed: 64 * mib, remaining: 64 * mib };
  assert.deepEqual(
    migrationStatus('h1', {
      state: 'unbounded',
      startedAtMs: Date.parse('2026-11-30T15:00:00.900Z'),
      elapsedMs: 1_500,
      data: moved,
      memoryDetail: { iteration: 2, bytesPerSecond: 3 * mib, dirtyPagesPerSecond: 40 },
      autoConvergePercent: 20,
    }),
    {
      origin: 'h1',
      type: 'unbounded',
      operation: 'migration_out',
      started: '2026-11-30T15:00:00Z',
      autoConvergeThrottle: '20%',
      memIteration: 2,
      memDirtyRate: '40/s',
      memBps: '3.0 MiB/s',
      dataRemaining: '64 MiB',
      dataProcessed: '64 MiB',
      dataTotal: '128 MiB',
      timeElapsed: '1.5s',
    },
  );
});

test('the patch has only the differences, and removes fields that no longer apply', () => {
  assert.equal(statusPatch({ type: 'a' }, { type: 'a' }), undefined);
  assert.deepEqual(statusPatch({ type: 'a', memBps: '1 B/s' }, { type: 'b', origin: 'h1' }), {
    type: 'b',
    memBps: null,
    origin: 'h1',
  });
});

test('a migration whose end was not observed counts as successful only with evidence', () => {
  const last: MigrationStatus = { origin: 'h1', type: 'unbounded' };
  assert.equal(unseenEnd(last, { isHere: true, destination: undefined }).type, 'failed');
  assert.equal(unseenEnd(last, { isHere: true, destination: 'h2' }).type, 'failed');
  assert.equal(unseenEnd(last, { isHere: false, destination: 'h2' }).type, 'completed');
  assert.equal(unseenEnd(last, { isHere: false, destination: undefined }).type, 'unknown');
});

test('a host reports itself as destination of a migration that has none and did not fail', () => {
  const patchFor = (status: MigrationStatus) => arrivalPatch('h2', migration(status));
  assert.deepEqual(patchFor({ origin: 'h1', type: 'completed' }), { destination: 'h2' });
  assert.deepEqual(patchFor({ origin: 'h1', type: 'unknown' }), {
    destination: 'h2',
    type: 'completed',
    errMsg: null,
  });
  assert.equal(patchFor({ origin: 'h1', type: 'failed' }), undefined);
  assert.equal(patchFor({ origin: 'h2', type: 'completed' }), undefined);
  assert.equal(patchFor({ origin: 'h1', type: 'completed', destination: 'h3' }), undefined);
  assert.equal(patchFor({}), undefined);
});
