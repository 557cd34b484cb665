// `cobalt bench`: measures what is promised, prints one table with the bars and what stock
// OpenStack needs.
import { Argument } from 'commander';
import type { Command } from 'commander';
import { holds, report } from '#tools/bench/report.ts';

export function define(command: Command): void {
  command
    .addArgument(
      new Argument(
        '<what>',
        "control: APIs and scheduling over simulated hosts. boot: from POST /servers to the guest kernel. memory: resident, idle, two hosts. network: guests' packets, ports in Neutron and OVN. storage: volumes, made, attached, written. stall: how long hostile requests keep others waiting",
      ).choices(['control', 'boot', 'memory', 'network', 'storage', 'stall']),
    )
    .option('--json', 'as JSON')
    .option('-y, --yes', 'install missing Debian packages without asking')
    .addHelpText(
      'after',
      '\nExit code: 0 every bar holds, 1 one is missed.\n\nExamples:\n  ./cobalt bench control\n  ./cobalt bench boot --json',
    )
    .action(async (what: string, options: { json?: true }) => {
      const say = (text: string): void => void process.stderr.write(`  measuring: ${text}\n`);
      const figures =
        what === 'control'
          ? await (await import('#tools/bench/control.ts')).benchControl(say)
          : what === 'boot'
            ? await (await import('#tools/bench/boot.ts')).benchBoot(say)
            : what === 'network'
              ? await (await import('#tools/bench/network.ts')).benchNetwork(say)
              : what === 'storage'
                ? await (await import('#tools/bench/storage.ts')).benchStorage(say)
                : what === 'stall'
                  ? await (await import('#tools/bench/stall.ts')).benchStall(say)
                  : await (await import('#tools/bench/memory.ts')).benchMemory(say);
      report(`cobalt bench ${what}`, figures, options.json ?? false);
      process.exitCode = figures.every(holds) ? 0 : 1;
    });
}
