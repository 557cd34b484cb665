// Checks that this machine has what the namespaced parts of a local cloud need, before they start.
import { existsSync } from 'node:fs';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

/**
 * forbidden: not root; unavailable: a program is missing, with the package that has it. `what`:
 * e.g. 'the filer needs'.
 */
export function checkNeeds(
  what: string,
  programs: readonly (readonly [path: string, packages: string])[],
): Outcome<undefined> {
  if (process.getuid?.() !== 0)
    return fault('forbidden', `${what} root: run ./cobalt as root or with sudo`);
  return missingProgram(programs);
}

/** unavailable: the first that is missing, with the packages that have it. */
export function missingProgram(
  programs: readonly (readonly [path: string, packages: string])[],
): Fault | undefined {
  const missing = programs.find(([program]) => !existsSync(program));
  return missing && fault('unavailable', `${missing[0]} is missing: apt-get install ${missing[1]}`);
}
