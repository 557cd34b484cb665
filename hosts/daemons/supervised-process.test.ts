// With real processes: a child is restarted when it ends, and is stopped on request, by SIGKILL if
// it does not obey.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { ProcessSpec } from './supervised-process.ts';
import { superviseProcess } from './supervised-process.ts';

describe('a kept process', () => {
  let folder: string;
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'cobalt-kept-'))));
  after(async () => await rm(folder, { recursive: true }));

  const keep = (script: string, more: Partial<ProcessSpec> = {}) =>
    superviseProcess(
      {
        name: 'child',
        command: [process.execPath, '-e', script],
        env: {},
        logFile: join(folder, 'child.log'),
        isReady: async () => true,
        readyWithinMs: 10_000,
        stopWithinMs: 10_000,
        ...more,
      },
      { clock: systemClock, log: silentLog },
    );
  const forever = 'setInterval(() => undefined, 1000)';

  it('is started again when it ends, and its output is kept', async () => {
    const child = keep(`console.log('life', process.pid); ${forever}`);
    assert.equal(await child.ready(), undefined);
    const first = child.pid;
    assert.ok(first !== undefined);
    await eventually(
      async () => (await readFile(join(folder, 'child.log'), 'utf8')).includes(`life ${first}`),
      {
        withinMs: 10_000,
        what: 'its output is in the file',
      },
    );
    process.kill(first, 'SIGKILL');
    await eventually(() => child.pid !== undefined && child.pid !== first, {
      withinMs: 10_000,
      what: 'another life',
    });
    assert.equal(child.restarts, 1);
    await child.stop();
    assert.equal(child.pid, undefined);
  });

  it('is ended by force when it does not end', async () => {
    const child = keep(`process.on('SIGTERM', () => undefined); console.log('deaf'); ${forever}`, {
      logFile: join(folder, 'deaf.log'),
      stopWithinMs: 100,
    });
    await eventually(
      async () => (await readFile(join(folder, 'deaf.log'), 'utf8')).includes('deaf'),
      {
        withinMs: 10_000,
        what: 'it listens to no signal',
      },
    );
    await child.stop();
    assert.equal(child.pid, undefined);
  });

  it('that is not ready in time is a fault that names its output', async () => {
    const child = keep(forever, { isReady: async () => false, readyWithinMs: 50 });
    const ready = await child.ready();
    assert.match(String(ready?.message), /child was not ready within 0\.05 s.*child\.log/);
    await child.stop();
  });

  it('that cannot be started at all is tried again, and stops', async () => {
    const child = keep('', { command: ['/nowhere/program'] });
    await eventually(() => child.restarts > 0, { withinMs: 10_000, what: 'it was tried again' });
    await child.stop();
  });
});
