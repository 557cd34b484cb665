import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { volumeBackendContract } from '#ports/volume-backend.testing.ts';
import { createSimVolumes, volumeFolder } from './sim-volumes.ts';

const folder = mkdtempSync(join(tmpdir(), 'cc-sim-volumes-'));
after(() => rmSync(folder, { recursive: true }));

volumeBackendContract('sim', {
  carriesBytes: false,
  open: async () => createSimVolumes({ world: volumeFolder(join(folder, 'contract')) }),
});

test('volumes in a folder are there after a restart', async () => {
  const before = createSimVolumes({ world: volumeFolder(join(folder, 'kept')) });
  await before.createVolume('v', 2, { kind: 'blank' });
  await before.createSnapshot({ id: 's', volumeId: 'v' });
  const later = createSimVolumes({ world: volumeFolder(join(folder, 'kept')) });
  assert.deepEqual(await later.inventory(), {
    volumes: [{ id: 'v', snapshots: ['s'] }],
    strays: [],
  });
});
