// The `cobalt` command: runs the chosen command and turns errors into messages and exit codes.
import { CommanderError } from 'commander';
import { createProgram } from './program.ts';
import { UserError } from './user-error.ts';

// A reader that closes the pipe early (`| head -1`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  });
}

try {
  const program = await createProgram(process.argv.slice(2).find((word) => !word.startsWith('-')));
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else if (error instanceof UserError || (error instanceof Error && error.name === 'ConfigError')) {
    process.stderr.write(`cobalt: ${error.message}\n`);
    process.exitCode = error instanceof UserError ? error.exitCode : 1;
  } else throw error;
}
