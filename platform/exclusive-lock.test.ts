// Only one process at a time has the lock, and it is released when that process dies.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeLock } from './exclusive-lock.ts';

test('a lock is of one process, and ends with it even by SIGKILL', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-lock-'));
  const file = join(folder, 'lock');
  const script = `import { takeLock } from '${join(import.meta.dirname, 'exclusive-lock.ts')}';
    globalThis.lock = takeLock(${JSON.stringify(file)}); process.stdout.write('taken'); setInterval(() => undefined, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    holder.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });
  await once(holder.stdout, 'data');
  assert.equal(takeLock(file), undefined);
  assert.deepEqual(await readdir(folder), ['lock'], 'it takes no room of a full disk');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const lock = takeLock(file);
  assert.ok(lock);
  assert.equal(takeLock(file), undefined, 'of one holder within a process too');
  lock.release();
  const again = takeLock(file);
  assert.ok(again);
  again.release();
});
