// Runs real processes: node itself, and tools that every machine has.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChildOptions } from './child-process.ts';
import { bound, failureOf, runChild, startChild } from './child-process.ts';
import { eventually } from './testing/eventually.ts';

const node = (script: string): string[] => [process.execPath, '-e', script];
const within: ChildOptions = { timeoutMs: 20_000 };
const forever = node('setInterval(() => undefined, 1000)');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a child process', () => {
  it('gives its code and its output, and needs no shell', async () => {
    const end = await runChild(
      [...node('console.log(process.argv[1]); console.error("why"); process.exit(3)'), '$HOME; x'],
      within,
    );
    assert.deepEqual(end, {
      code: 3,
      stdout: '$HOME; x\n',
      stderr: 'why',
      killedFor: null,
      startError: null,
    });
    assert.equal(failureOf(end, within), 'why');
  });

  it('has a plain environment by default, and the input it is given', async () => {
    const script =
      'process.stdin.pipe(process.stdout); console.log(Object.keys(process.env).sort().join())';
    const plain = await runChild(node(script), within);
    assert.equal(plain.stdout, 'LC_ALL,PATH\n');
    const configured = await runChild(node(script), { ...within, env: { A: '1' }, input: 'words' });
    assert.match(configured.stdout, /^A\n/);
    assert.match(configured.stdout, /words/);
  });

  it('may end without reading its input', async () => {
    const end = await runChild(node(''), { ...within, input: Buffer.alloc(1_000_000) });
    assert.equal(end.code, 0);
    assert.equal(failureOf(end, within), undefined);
  });

  it('is killed when its time is over', async () => {
    const end = await runChild(forever, { timeoutMs: 100 });
    assert.deepEqual([end.code, end.killedFor], [null, 'deadline']);
    assert.equal(failureOf(end, { timeoutMs: 100 }), 'killed after 100 ms');
  });

  it('is killed when its signal is aborted, also beforehand', async () => {
    const controller = new AbortController();
    const child = startChild(forever, { ...within, signal: controller.signal });
    controller.abort();
    assert.equal((await child.ended).killedFor, 'abort');
    const late = await runChild(forever, { ...within, signal: controller.signal });
    assert.deepEqual([late.code, late.killedFor], [null, 'abort']);
  });

  it('is killed when it says more than it may', async () => {
    const flood = node('for (;;) require("fs").writeSync(1, "x".repeat(65536))');
    const end = await runChild(flood, { ...within, maxOutputBytes: 100_000 });
    assert.deepEqual([end.code, end.killedFor], [null, 'output']);
    assert.ok(end.stdout.length <= 100_000);
  });

  it('keeps the end of a long complaint, and tells each line as it comes', async () => {
    const lines: string[] = [];
    const end = await runChild(node('for (let i = 0; i < 2000; i++) console.error(`line ${i}`)'), {
      ...within,
      maxErrorBytes: 100,
      onErrorLine: (line) => lines.push(line),
    });
    assert.ok(end.stderr.length <= 100);
    assert.match(end.stderr, /line 1999$/);
    assert.equal(lines.length, 2000);
  });

  it('that is not there is told by its error', async () => {
    const end = await runChild(['/no/such/tool'], within);
    assert.deepEqual([end.code, end.startError?.code, end.killedFor], [null, 'ENOENT', null]);
    assert.match(failureOf(end, within) ?? '', /ENOENT/);
  });

  it('that is bound dies with the process that began it', async () => {
    // A separate parent process, because the test kills it.
    const script = `
      const { startChild, bound } = await import(${JSON.stringify(new URL('child-process.ts', import.meta.url).href)});
      const child = startChild(bound(['sleep', '60']), { timeoutMs: 60000 });
      console.log(child.process.pid);`;
    const parent = startChild([process.execPath, '--input-type=module', '-e', script], {
      ...within,
      env: process.env,
    });
    const pid = await new Promise<number>((resolve) => {
      parent.process.stdout?.once('data', (text: Buffer) => resolve(Number(text.toString())));
    });
    assert.ok(isAlive(pid));
    assert.deepEqual(bound(['sleep']).slice(-2), ['--', 'sleep']);
    parent.kill();
    await eventually(() => !isAlive(pid), { withinMs: 5_000, what: 'the grandchild is dead' });
  });
});
