// Options shared by the commands of a distributed cloud: serve, migrate, config.
import { existsSync } from 'node:fs';
import { homeDir, homePaths } from '#compose/home.ts';
import { UserError } from './user-error.ts';

export interface ConfigOptions {
  home?: string;
  config?: string;
}

export const configOptions = {
  config: [
    '--config <file>',
    'settings (default: $COBALT_CONFIG, else cobalt.yaml in the state folder)',
  ],
} as const;

/**
 * The path of the settings file. A file named by option or variable must exist; the default one
 * need not.
 */
export function configFileOf({ home, config }: ConfigOptions): string {
  const path = config ?? process.env['COBALT_CONFIG'];
  if (path === undefined) return homePaths(homeDir(home, process.env)).configFile;
  if (!existsSync(path)) throw new UserError(`--config ${path}: there is no such file.`);
  return path;
}
