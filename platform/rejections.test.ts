import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const child = (code: string) =>
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `
  import { createLog } from '${import.meta.dirname}/log.ts';
  import { logRejections } from '${import.meta.dirname}/rejections.ts';
  logRejections(createLog({ level: 'info', destination: { write: (line) => process.stdout.write(line) } }));
  ${code}
  setTimeout(() => console.log('alive'), 50);`,
    ],
    { encoding: 'utf8' },
  );

test('a rejection that nobody hears is logged with its cause, and the process lives', () => {
  const { status, stdout } = child(`void Promise.reject(new Error('forgotten'));`);
  assert.equal(status, 0);
  assert.match(stdout, /"message":"forgotten".*nobody heard it[^]*alive/);
});

test('an uncaught exception still ends it', () => {
  const { status, stdout } = child(`setTimeout(() => { throw new Error('broken'); }, 1);`);
  assert.notEqual(status, 0);
  assert.doesNotMatch(stdout, /alive/);
});
