// `cobalt completion`: prints a completion script for the shell.
import type { Command } from 'commander';
import { Argument } from 'commander';
import { bashCompletion, zshCompletion } from '../completion.ts';
import { createProgram } from '../program.ts';

export function define(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'bash or zsh').choices(['bash', 'zsh']))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(./cobalt completion bash)\n  ./cobalt completion bash > /etc/bash_completion.d/cobalt',
    )
    .action(async (shell: 'bash' | 'zsh') => {
      const program = await createProgram('all');
      process.stdout.write(shell === 'bash' ? bashCompletion(program) : zshCompletion(program));
    });
}
