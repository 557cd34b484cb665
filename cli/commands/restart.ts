// `cobalt restart`: ends the control plane and starts it again in the background. Hosts, guests and
// their traffic are not affected.
import type { Command } from 'commander';
import { homeDir } from '#compose/home.ts';
import type { LogLevel } from '#platform/log.ts';
import { readChoices } from '../choices.ts';
import { endControl } from '../control-process.ts';
import { startControl } from '../start-control.ts';
import { homeOption, requireHome } from '../state-folder.ts';

const patienceMs = 30_000;

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option('--log-level <level>', 'debug, info, warn, error or silent', 'info')
    .addHelpText(
      'after',
      '\nFor a new release or a changed cobalt.yaml. Requests are refused for about two seconds.\n\nExamples:\n  ./cobalt restart',
    )
    .action(async (options: { home?: string; logLevel: LogLevel }) => {
      const home = requireHome(options.home);
      const choices = await readChoices(home.choices);
      const wasRunning = await endControl(home, patienceMs);
      process.stdout.write(
        wasRunning ? '  ✓ control plane stopped\n' : '  - no control plane ran\n',
      );
      await startControl({
        ...choices,
        dir: homeDir(options.home, process.env),
        homeGiven: options.home !== undefined,
        logLevel: options.logLevel,
      });
    });
}
