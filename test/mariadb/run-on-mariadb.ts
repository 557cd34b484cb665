// Runs test files on MariaDB instead of SQLite: one private server for all, with a database of its
// own for each fixture. Called by the tests of this folder, or by hand: `node
// test/mariadb/run-on-mariadb.ts services/nova/api/*.test.ts`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { withMariadb } from '#platform/db/mariadb.testing.ts';
import { testMariadbSocket } from '#platform/db/test-database.testing.ts';

const perTestTimeoutMs = 300_000;

/** Runs the test files; returns the exit code of `node --test` and all its output. */
export async function runOnMariadb(
  files: readonly string[],
  onOutput: (text: string) => void = () => undefined,
): Promise<{ code: number | null; output: string }> {
  return await withMariadb(async ({ socketPath }) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env; // set by the calling test's runner
    const tests = spawn(
      process.execPath,
      [
        '--test',
        '--test-concurrency=2',
        '--test-force-exit', // a failed test may leave connections open
        `--test-timeout=${perTestTimeoutMs}`,
        '--test-reporter=spec',
        ...files,
      ],
      {
        env: { ...env, [testMariadbSocket]: socketPath },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let output = '';
    tests.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      onOutput(text);
    });
    const [code] = (await once(tests, 'close')) as [number | null];
    return { code, output };
  });
}

if (import.meta.main) {
  const { code } = await runOnMariadb(process.argv.slice(2), (text) => process.stdout.write(text));
  process.exitCode = code ?? 1;
}
