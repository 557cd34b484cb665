import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { snapshotFile, sortFiles, unfinishedFile, volumeFile } from './file-names.ts';

test('files are sorted into volumes, their snapshots, and what belongs to none', () => {
  const [volumeId, other, id] = [randomUUID(), randomUUID(), randomUUID()];
  const snapshot = { id, volumeId };
  const orphan = snapshotFile({ id, volumeId: other });
  const strays = [
    orphan,
    unfinishedFile(volumeFile(volumeId)),
    unfinishedFile(snapshotFile(snapshot)),
    'notes.txt',
    'volume-',
  ];
  assert.deepEqual(sortFiles([snapshotFile(snapshot), ...strays, volumeFile(volumeId)]), {
    volumes: [{ id: volumeId, snapshots: [id] }],
    strays,
  });
  assert.deepEqual(sortFiles([]), { volumes: [], strays: [] });
});
