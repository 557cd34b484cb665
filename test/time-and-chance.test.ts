// Product code gets timers, deadlines, times and random numbers from deps. A lint rule
// (.oxlintrc.json) enforces it; this file tests that rule, and checks what no lint rule covers.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, matchesGlob } from 'node:path';
import { test } from 'node:test';
import { components, root } from './components.ts';

const rules = ['no-restricted-globals', 'no-restricted-imports', 'no-restricted-properties'];

interface LintConfig {
  overrides: { files: string[]; rules: Record<string, string> }[];
}

/** Files in which these rules do not hold. */
async function exceptions(): Promise<string[]> {
  const { overrides } = JSON.parse(
    await readFile(join(root, '.oxlintrc.json'), 'utf8'),
  ) as LintConfig;
  return overrides
    .filter((override) => rules.every((rule) => override.rules[rule] === 'off'))
    .flatMap(({ files }) => files);
}

const planted = [
  'setTimeout(() => undefined, 1);',
  'setInterval(() => undefined, 1);',
  'globalThis.setTimeout(() => undefined, 1);',
  'Date.now();',
  'performance.now();',
  'Math.random();',
  'AbortSignal.timeout(1);',
  'crypto.randomUUID();',
  `import { setTimeout as sleep } from 'node:timers/promises'; void sleep(1);`,
  `import { setInterval as ticks } from 'node:timers/promises'; ticks(1);`,
  `import { setTimeout as later } from 'node:timers'; later(() => undefined, 1);`,
  `import { randomUUID } from 'node:crypto'; randomUUID();`,
  `import { randomBytes } from 'node:crypto'; randomBytes(1);`,
  `import { performance as meter } from 'node:perf_hooks'; meter.now();`,
];
const legal = [
  `import { setImmediate as turn } from 'node:timers/promises'; await turn();`,
  `import { createHash } from 'node:crypto'; createHash('sha256');`,
  'export const shown = (ms: number): Date => new Date(ms);',
];

/** Lints each text as a file of its own; returns the rules of ours that it breaks. */
async function lint(texts: readonly string[]): Promise<string[][]> {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-lint-'));
  try {
    for (const [index, text] of texts.entries())
      await writeFile(join(folder, `${index}.ts`), `${text}\nexport {};\n`);
    const output = await new Promise<string>((resolve) => {
      // Exit code 1 only means that oxlint found something.
      execFile(
        join(root, 'node_modules/.bin/oxlint'),
        ['-c', join(root, '.oxlintrc.json'), '--format=json', folder],
        (_error, stdout) => resolve(stdout),
      );
    });
    const { diagnostics } = JSON.parse(output) as {
      diagnostics: { code: string; filename: string }[];
    };
    return texts.map((_text, index) =>
      diagnostics
        .filter(({ filename }) => filename.endsWith(`/${index}.ts`))
        .map(({ code }) => rules.find((rule) => code.includes(rule)) ?? '')
        .filter((rule) => rule !== ''),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('the linter refuses timers, moments and chance that do not come from deps', async () => {
  const found = await lint([...planted, ...legal]);
  for (const [index, text] of planted.entries())
    assert.ok((found[index] ?? []).length > 0, `not refused: ${text}`);
  for (const [index, text] of legal.entries())
    assert.deepEqual(found[planted.length + index], [], `refused: ${text}`);
});

const currentMoment = /\bnew Date(?:\(\s*\)|(?![\w(]))/;

test('a Date is of a moment that the clock told', async () => {
  assert.match('new Date().toISOString()', currentMoment);
  assert.match('new Date;', currentMoment);
  assert.doesNotMatch('new Date(ms)', currentMoment);
  const excepted = await exceptions();
  assert.ok(excepted.includes('platform/clock.ts'), 'the exceptions of the linter are read');
  const found: string[] = [];
  let files = 0;
  for await (const file of glob(`{${components.join(',')}}/**/*.ts`, { cwd: root })) {
    if (excepted.some((pattern) => matchesGlob(file, pattern))) continue;
    files += 1;
    for (const [at, line] of (await readFile(join(root, file), 'utf8')).split('\n').entries())
      if (currentMoment.test(line)) found.push(`${file}:${at + 1}`);
  }
  assert.ok(files > 300, `only ${files} files were seen`);
  assert.deepEqual(found, []);
});

test('no exception is left of a file that is gone', async () => {
  for (const pattern of await exceptions()) {
    const files = await Array.fromAsync(
      glob(pattern, { cwd: root, exclude: ['node_modules', '.git'] }),
    );
    assert.ok(files.length > 0, pattern);
  }
});
