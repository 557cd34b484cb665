// `cobalt check`: the fast checks: format, types, lint, dependency rules, style.
import type { Command } from 'commander';
import { systemClock } from '#platform/clock.ts';
import { runTool } from '../run-tool.ts';

interface Check {
  name: string;
  tool: string;
  args: readonly string[];
}

export const checks: readonly Check[] = [
  { name: 'format', tool: 'oxfmt', args: ['--check'] },
  { name: 'types', tool: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'lint', tool: 'oxlint', args: ['--type-aware', '--quiet'] },
  {
    name: 'dependency rules, style',
    tool: 'node',
    args: [
      '--test',
      '--test-reporter=dot',
      'test/architecture.test.ts',
      'test/roles.test.ts',
      'test/style.test.ts',
      'test/time-and-chance.test.ts',
    ],
  },
];

/** Runs all checks, even after one has failed. Returns whether all passed. */
export async function runChecks(): Promise<boolean> {
  let good = true;
  for (const { name, tool, args } of checks) {
    const startedAt = systemClock.monotonicMs();
    const code = await runTool(tool, args);
    process.stdout.write(
      `  ${code === 0 ? '✓' : '✗'} ${name.padEnd(44)} ${((systemClock.monotonicMs() - startedAt) / 1000).toFixed(1).padStart(6)} s\n`,
    );
    good &&= code === 0;
  }
  return good;
}

export function define(command: Command): void {
  command
    .option('--fix', 'first format all files and mend what the linter can')
    .addHelpText('after', '\nExamples:\n  ./cobalt check\n  ./cobalt check --fix')
    .action(async ({ fix }: { fix?: boolean }) => {
      if (fix) {
        await runTool('oxlint', ['--fix', '--quiet']);
        await runTool('oxfmt', []);
      }
      process.exitCode = (await runChecks()) ? 0 : 1;
    });
}
