// The Debian packages that each command needs, from the list that the launcher installs from. Used
// by `doctor` and for the reference documents.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface DebianPackage {
  name: string;
  /**
   * Commands of the CLI that need the package: 'up', 'test', ...; 'distributed' stands for `up
   * --distributed`.
   */
  commands: string[];
  /** What the package is needed for, in a few words. */
  purpose: string;
}

export function debianPackages(): DebianPackage[] {
  return readFileSync(join(import.meta.dirname, 'debian-packages.txt'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', commands = '', ...purpose] = line.trim().split(/\s+/);
      return { name, commands: commands.split(','), purpose: purpose.join(' ') };
    });
}
