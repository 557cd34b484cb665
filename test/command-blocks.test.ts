// How commands are extracted from documents, and where a script made of them ends at a failure.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { commandBlocks, scriptOf } from './documents/commands-of-documents.ts';

const run = promisify(execFile);

describe('the documents', () => {
  it('have their commands read: fences, outputs and what is not run are told apart', () => {
    const text =
      '# t\n```console\n$ a\nout\n$ b   # why\n```\n```sh\n$ no\n```\n```console\n# not run by the tests: a browser\n$ c\n```\n';
    const blocks = commandBlocks(text);
    assert.deepEqual(blocks, [
      {
        line: 2,
        commands: [
          { line: 3, text: 'a' },
          { line: 5, text: 'b   # why' },
        ],
        notRun: undefined,
      },
      { line: 10, commands: [{ line: 12, text: 'c' }], notRun: 'a browser' },
    ]);
    assert.doesNotMatch(scriptOf('t', blocks, []), /\[t:12\]/);
  });

  it('fail with the place of the first command that fails', async () => {
    const blocks = commandBlocks(
      '```console\n$ true\n$ echo "it\'s" && false\n$ echo never\n```\n',
    );
    const failed: { code: number; stdout: string } = await run('bash', [
      '-c',
      scriptOf('t.md', blocks, []),
    ]).then(
      () => assert.fail('it passed'),
      (error: { code: number; stdout: string }) => error,
    );
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /it's\nFAILED at t\.md:3: echo "it's" && false\nexit code 1\n$/);
    assert.doesNotMatch(failed.stdout, /never/);
  });
});
