// `cobalt serve`: runs one process of a distributed cloud in the foreground, for systemd or
// Kubernetes.
import { Argument } from 'commander';
import type { Command } from 'commander';
import { homeDir } from '#compose/home.ts';
import type { ProcessConfig } from '#compose/process-config.ts';
import { readProcessConfig } from '#compose/process-config.ts';
import type { Part } from '#compose/serve.ts';
import { parts, serve } from '#compose/serve.ts';
import { isFault } from '#contracts/common/fault.ts';
import { ConfigError } from '#platform/config/config.ts';
import { createLog, readableLines } from '#platform/log.ts';
import type { LogLevel } from '#platform/log.ts';
import { logRejections } from '#platform/rejections.ts';
import { finalExitCode, troubleExitCode } from '../exit-codes.ts';
import { configFileOf, configOptions } from '../process-options.ts';
import type { ConfigOptions } from '../process-options.ts';
import { homeOption } from '../state-folder.ts';
import { UserError } from '../user-error.ts';
import { wholeNumber } from '../whole-number.ts';

interface ServeCommandOptions extends ConfigOptions {
  name?: string;
  port?: number;
  logLevel: LogLevel;
}

export function define(command: Command): void {
  command
    .addArgument(new Argument('<roles...>', 'what this process runs').choices(parts))
    .option(...homeOption)
    .option(...configOptions.config)
    .option('--name <name>', 'of this process among those of its state folder (process.name)')
    .option('--port <n>', 'where it listens (listen.port); 0: nowhere', wholeNumber(65_535))
    .option('--log-level <level>', 'debug, info, warn, error or silent', 'info')
    .addHelpText(
      'after',
      `
It waits for a database or broker that is away, and says for which. With exit code 78 it ends for what
another start would not change: a wrong setting, password or schema. SIGTERM: no new work is taken, work
in progress ends or is handed back.

Any number of processes may run one role. Health: /healthz, /readyz and /metrics on its port.

Examples:
  ./cobalt migrate && ./cobalt serve keystone --port 5000
  ./cobalt serve nova-conductor nova-scheduler --name conductor-2`,
    )
    .action(async (roles: Part[], options: ServeCommandOptions) => {
      try {
        const { value } = await readProcessConfig(configFileOf(options), process.env);
        await runProcess(roles, withOptions(value, options), options);
      } catch (error) {
        if (error instanceof ConfigError) throw new UserError(error.message, finalExitCode);
        throw error;
      }
    });
}

const withOptions = (
  config: ProcessConfig,
  { name, port }: ServeCommandOptions,
): ProcessConfig => ({
  ...config,
  process: { ...config.process, ...(name === undefined ? {} : { name }) },
  listen: { ...config.listen, ...(port === undefined ? {} : { port }) },
});

async function runProcess(
  roles: readonly Part[],
  config: ProcessConfig,
  { home, logLevel }: ServeCommandOptions,
): Promise<void> {
  process.umask(0o077);
  const log = createLog({
    level: logLevel,
    destination: readableLines((line) => process.stdout.write(line), process.stdout.isTTY),
  }).child({ process: config.process.name || roles[0] });
  logRejections(log);
  let stopping: (() => Promise<void>) | undefined;
  const end = (): void => {
    if (!stopping) process.exit(troubleExitCode); // still waiting for its peers
    const stop = stopping;
    stopping = undefined; // a second signal ends it at once
    log.info({}, 'stopping: work in progress ends or is handed back');
    void stop().then(() => process.exit(0));
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  let lastTroubles = '';
  const running = await serve({
    parts: roles,
    homeDir: homeDir(home, process.env),
    config,
    log,
    onWait(troubles) {
      const text = JSON.stringify(troubles);
      if (text !== lastTroubles)
        log.warn({ troubles }, 'waiting for peers that this process needs');
      lastTroubles = text;
    },
  });
  if (isFault(running)) throw new UserError(running.message, finalExitCode);
  stopping = running.stop;
  log.info({ roles, address: running.address }, 'ready');
}
