// Finds the state folder of a command and checks that it exists and that this user may read it.
import { accessSync, constants, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Home } from '#compose/home.ts';
import { homeDir, homePaths } from '#compose/home.ts';
import { UserError } from './user-error.ts';

export const homeOption = [
  '--home <dir>',
  'state folder (default: $COBALT_HOME, /var/lib/cobaltcore as root, else below ~/.local/state)',
] as const;

/**
 * The folder's paths; undefined: it does not exist. Throws a UserError if this user may not use it.
 * Files written from now on are readable only by their owner.
 */
export function openFolder(dir: string): Home | undefined {
  process.umask(0o077);
  try {
    statSync(dir);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES' || code === 'EPERM')
      throw new UserError(
        `The state folder ${dir} is another user's${ownerOf(dir)}. Run this command as that user (sudo), or name another with --home.`,
      );
    throw new UserError(`The state folder ${dir} cannot be used: ${message}`);
  }
  return homePaths(dir);
}

/**
 * The state folder of a command; undefined: it does not exist and no option names it, so no cloud
 * was ever started.
 */
export function findHome(option: string | undefined): Home | undefined {
  const dir = homeDir(option, process.env);
  const home = openFolder(dir);
  if (!home && option !== undefined)
    throw new UserError(
      `There is no state folder ${dir}: no cloud was ever started there. \`./cobalt up --home ${dir}\` makes one.`,
    );
  return home;
}

/** As `findHome`, for commands that need a cloud: throws a UserError if there is none. */
export function requireHome(option: string | undefined): Home {
  const home = findHome(option);
  if (home) return home;
  throw new UserError(
    `No cloud was ever started in ${homeDir(option, process.env)}. Start one with ./cobalt up --detach`,
  );
}

function ownerOf(dir: string): string {
  try {
    const { uid } = statSync(dir);
    return ` (user ${uid}; you are ${userInfo().username})`;
  } catch {
    return ''; // not even the folder's owner can be read
  }
}
