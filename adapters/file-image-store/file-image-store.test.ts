// Runs the port's contract suite, and tests that what a killed process leaves can be listed and
// removed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { imageStoreContract } from '#ports/image-store.testing.ts';
import { createFileImageStore } from './file-image-store.ts';

imageStoreContract('files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-store-'));
  const stores = [createFileImageStore({ folder, hashIdleMs: 100 })];
  const [store] = stores as [ReturnType<typeof createFileImageStore>];
  return {
    store,
    reopen: () => {
      const other = createFileImageStore({ folder });
      stores.push(other);
      return other;
    },
    close: async () => {
      await Promise.all(stores.map(async (one) => await one.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
});

test(
  'a process killed in the middle of a write leaves no whole file, and its rest can be removed',
  { timeout: 30_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cobalt-store-'));
    const endless = `
    import { Readable } from 'node:stream';
    import { createFileImageStore } from ${JSON.stringify(new URL('./file-image-store.ts', import.meta.url).href)};
    async function* data() { for (let sent = 0; ; sent += 1) { yield Buffer.alloc(65536, 1); await new Promise((next) => setTimeout(next, 1)); if (sent === 40) console.log('writing'); } }
    await createFileImageStore({ folder: ${JSON.stringify(folder)} }).write('victim', Readable.from(data()), { maxBytes: 1e9, stallMs: 10_000 });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', endless], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = createFileImageStore({ folder });
    assert.deepEqual(
      (await store.list()).map(({ key, whole }) => ({ key, whole })),
      [{ key: 'victim', whole: false }],
    );
    assert.ok(isFault(await store.read('victim')));
    await store.remove('victim');
    assert.deepEqual(await store.list(), []);
    await rm(folder, { recursive: true, force: true });
  },
);
