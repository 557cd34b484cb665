// What `cobalt test` prints at its end: each failed test once, with its location and reason.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { repository } from './run-tool.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cobalt-reporter-'));
});
after(async () => await rm(dir, { recursive: true }));

test('failures are written with their reasons, suites and passed tests are not', async () => {
  const [file, reportFile] = [join(dir, 'some.test.mjs'), join(dir, 'failures')];
  await writeFile(
    file,
    `import { describe, it } from 'node:test';
describe('a suite', () => {
  it('passes', () => {});
  it('fails', () => { throw new Error('the reason', { cause: new Error('the deeper one') }); });
});\n`,
  );
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const run = await promisify(execFile)(
    process.execPath,
    [
      '--test',
      `--test-reporter=${join(repository, 'cli/failures-reporter.ts')}`,
      `--test-reporter-destination=${reportFile}`,
      file,
    ],
    { env },
  ).then(
    () => 0,
    (error: { code: number }) => error.code,
  );
  assert.equal(run, 1);
  const text = await readFile(reportFile, 'utf8');
  assert.match(text, /^✖ fails \(.*some\.test\.mjs:4\)\n {2}Error: the reason\n/);
  assert.match(text, /the deeper one/);
  assert.equal(text.match(/✖/g)?.length, 1);
});
