// Checks, before they start, that this machine has what the local parts of a cloud need.
import { existsSync } from 'node:fs';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

/**
 * Checks that this process is root and the programs exist. forbidden: not root; unavailable: a
 * program is missing, with the package that contains it. `what`: start of the message, e.g. 'the
 * filer needs'.
 */
export function checkNeeds(
  what: string,
  programs: readonly (readonly [path: string, packages: string])[],
): Outcome<undefined> {
  if (process.getuid?.() !== 0)
    return fault('forbidden', `${what} root: run ./cobalt as root or with sudo`);
  return missingProgram(programs);
}

/** Fault `unavailable` for the first missing program, with its packages; undefined if all exist. */
export function missingProgram(
  programs: readonly (readonly [path: string, packages: string])[],
): Fault | undefined {
  const missing = programs.find(([program]) => !existsSync(program));
  return missing && fault('unavailable', `${missing[0]} is missing: apt-get install ${missing[1]}`);
}
