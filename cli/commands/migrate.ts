// `cobalt migrate`: brings the databases of a distributed cloud to this release's schema and seeds
// a fresh one.
import type { Command } from 'commander';
import { homeDir, prepareHome } from '#compose/home.ts';
import { migrateDatabases } from '#compose/migrate.ts';
import { readProcessConfig } from '#compose/process-config.ts';
import { isFault } from '#contracts/common/fault.ts';
import { createLog, readableLines } from '#platform/log.ts';
import type { LogLevel } from '#platform/log.ts';
import { configFileOf, configOptions } from '../process-options.ts';
import type { ConfigOptions } from '../process-options.ts';
import { homeOption } from '../state-folder.ts';
import { UserError } from '../user-error.ts';

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option(...configOptions.config)
    .option('--log-level <level>', 'debug, info, warn, error or silent', 'warn')
    .addHelpText(
      'after',
      '\nForward only. Safe to repeat, and from two machines at once. Run it before the processes of a new\nrelease start; those of the release before go on meanwhile.\n\nExamples:\n  ./cobalt migrate --config /etc/cobalt/cobalt.yaml',
    )
    .action(async (options: ConfigOptions & { logLevel: LogLevel }) => {
      process.umask(0o077);
      const { value } = await readProcessConfig(configFileOf(options), process.env);
      const home = await prepareHome(homeDir(options.home, process.env));
      if (isFault(home)) throw new UserError(home.message);
      const log = createLog({
        level: options.logLevel,
        destination: readableLines((line) => process.stderr.write(line), process.stderr.isTTY),
      });
      await migrateDatabases(value, home, log);
      process.stdout.write('  ✓ databases are of this release\n');
    });
}
