// `cobalt keys`: rotates the Fernet keys that encrypt Keystone's tokens.
import type { Command } from 'commander';
import { rotateFernetKeys } from '#compose/rotate-fernet-keys.ts';
import { homeOption, requireHome } from '../state-folder.ts';

export function define(command: Command): void {
  command.addHelpText('after', '\nExamples:\n  ./cobalt keys rotate');
  command
    .command('rotate')
    .description('Seal new tokens with a new key.')
    .option(...homeOption)
    .addHelpText(
      'after',
      '\nTokens sealed before stay valid through one more rotation: rotate no more often than tokens live (an hour\nby default). On one of the machines that share the folder `fernet-keys` of Keystone; all of them follow by\nthemselves. Upstream: keystone-manage fernet_rotate.\n\nExamples:\n  ./cobalt keys rotate',
    )
    .action(async ({ home }: { home?: string }) => {
      const keys = await rotateFernetKeys(requireHome(home));
      process.stdout.write(`  ✓ key ${keys.primary} seals tokens now; keys kept: ${keys.count}\n`);
    });
}
