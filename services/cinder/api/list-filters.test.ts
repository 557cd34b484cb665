// Filters of Cinder's lists, one row per filter: which objects it finds for whom, or whether it is
// ignored or refused. api-ref; cinder.api.common, etc/cinder/resource_filters.json
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CinderFixture } from '../cinder.testing.ts';
import { dict, found, holdsFor, startListedCinder } from './list-filters.testing.ts';

let cinder: CinderFixture;
before(async () => {
  cinder = await startListedCinder();
});
after(async () => await cinder.close());

describe('snapshots', () => {
  holdsFor(() => cinder, 'snapshots/detail', [
    ['name=s1', 'a', 'a', 'a'],
    ['status=error', 'c', 'c', 'c'],
    ['volume_id=c', 'c', 'c', 'c'],
    [`metadata=${dict(`{'kind': 'k'}`)}`, 'a', 'a', 'a'],
    ['availability_zone=az-2', 'c', 'c', 'ac'],
    ['availability_zone=none-such', '', '', 'ac'],
    ['name~=s', 'ac', 'ac', 'ac'],
    ['consumes_quota=no', '', '', 'ac'],
    ['all_tenants=true', 'acd', 'ac', 'ac'],
    ['all_tenants=perhaps', 'ac', 'ac', 'ac'],
    ['with_count=true', 'ac', 'ac', 'ac'],
    ['volume_size=3', 'c', 400, 'ac'],
    ['id=a', 'a', 400, 'ac'],
    ['user_id=member', 'ac', 400, 'ac'],
    ['created_at=gt:2026-01-01', '', 400, 'ac'],
    ['colour=red', '', 400, 'ac'],
  ]);
});

describe('backups', () => {
  holdsFor(() => cinder, 'backups/detail', [
    ['name=b1', 'a', 'a', 'a'],
    ['name~=b1', 'ab', 'ab', 'ab'],
    ['status=error', 'b', 'b', 'b'],
    ['volume_id=b', 'b', 'b', 'b'],
    ['all_tenants=1', 'abd', 'ab', 'ab'],
    ['with_count=1', 'ab', 'ab', 'ab'],
    ['container=other', 'b', 400, 'ab'],
    ['size=1', 'ab', 400, 'ab'],
    ['availability_zone=x', '', 400, 'ab'],
    ['user_id=x', '', 400, 'ab'],
    [`metadata=${dict({ kind: 'k' })}`, 'ab', 400, 'ab'],
    ['updated_at=gt:2026-01-01', '', 400, 'ab'],
    ['colour=red', '', 400, 'ab'],
  ]);
});

describe('attachments', () => {
  holdsFor(() => cinder, 'attachments', [
    ['volume_id=a', 'a', 'a', 'a'],
    ['instance_id=vm-2', 'b', 'b', 'b'],
    ['status=attached', 'a', 'a', 'a'],
    ['attach_status=reserved', 'b', 'b', 'b'],
    ['status=attached&attach_status=reserved', '', '', ''],
    ['all_tenants=1&instance_id=vm-1', 'ad', 'a', 'a'],
    ['id=a', 'a', 400, 'ab'],
    ['with_count=true', '', 400, 'ab'],
    ['colour=red', '', 400, 'ab'],
    ['limit=1', 'a', 'a', 'a'],
  ]);
});

describe('messages', () => {
  holdsFor(() => cinder, 'messages', [
    ['resource_uuid=a', 'a', 'a', 'a'],
    ['resource_type=VOLUME_SNAPSHOT', 'b', 'b', 'b'],
    ['request_id=req-2', 'b', 'b', 'b'],
    ['event_id=VOLUME_VOLUME_002_001', 'a', 'a', 'a'],
    ['event_id=VOLUME_VOLUME_SNAPSHOT_002_006', 'b', 'b', 'b'],
    ['event_id=none-such', '', '', ''],
    ['event_id=VOLUME_VOLUME_002_001&resource_type=VOLUME_SNAPSHOT', '', '', ''],
    ['message_level=ERROR', 'ab', 'ab', 'ab'],
    ['message_level=INFO', '', '', ''],
    ['id=a', 'a', 400, 'ab'],
    ['colour=red', '', 400, 'ab'],
    ['marker=a', 'b', 'b', 'b'],
  ]);
  it('before 3.5 nothing', async () =>
    assert.equal(await found(cinder, 'member', 'messages', 'resource_uuid=a', 4), 'ab'));
});

describe('transfers', () => {
  holdsFor(() => cinder, 'os-volume-transfer', [
    ['name=t1', 'a', 'a', 'a'],
    ['volume_id=b', 'b', 'b', 'b'],
    ['colour=red', '', '', ''],
    ['limit=1', 'a', 'a', 'a'],
  ]);
});
