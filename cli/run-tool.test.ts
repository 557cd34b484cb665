// A signal to `cobalt test` or `cobalt check` ends the running tool, and no further tool is
// started.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const runTool = JSON.stringify(new URL('run-tool.ts', import.meta.url).href);
const program = `
  const { runTool, interruptedCode } = await import(${runTool});
  const slow = 'trap "exit 7" TERM; echo started >&2; while :; do sleep 0.05; done';
  const first = await runTool('sh', ['-c', slow]);
  const second = await runTool('echo', ['never']);
  console.log(first, second, interruptedCode());
`;

test('SIGTERM goes on to the tool, whose end is waited for', { timeout: 20_000 }, async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = text(child.stdout);
  await once(child.stderr, 'data'); // the tool has set its trap
  child.kill('SIGTERM');
  assert.equal(await printed, '7 143 143\n');
});
