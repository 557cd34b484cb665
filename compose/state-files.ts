// Checks the files of a state folder before they are used: their permissions, and whether the
// databases that were there still exist and are whole.
import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { writeWhole } from './home.ts';
import type { Home } from './home.ts';

export const databaseNames = [
  'keystone',
  'glance',
  'placement',
  'nova',
  'neutron',
  'cinder',
  'ha',
] as const;
export type DatabaseName = (typeof databaseNames)[number];

export const databaseFile = (home: Home, name: DatabaseName): string =>
  join(home.databases, `${name}.sqlite`);

/**
 * Removes group's and others' permissions from secret files (a copy may have opened them). Returns
 * the repaired paths.
 */
export async function tightenModes(home: Home): Promise<string[]> {
  const mended: string[] = [];
  for (const path of [
    home.dir,
    home.databases,
    home.fernetKeys,
    join(home.dir, 'secrets.json'),
    home.cloudsYaml,
    home.configFile,
  ]) {
    const { mode } = (await stat(path).catch(() => undefined)) ?? { mode: 0 }; // not created yet
    if ((mode & 0o077) === 0) continue;
    await chmod(path, mode & 0o700);
    mended.push(path);
  }
  return mended;
}

/**
 * Recreates the folder for the sockets of image conversions, empty. Only the control plane that
 * holds the state folder's lock may call this: then no conversion is running there.
 */
export async function prepareConversions(home: Home): Promise<void> {
  await rm(home.conversions, { recursive: true, force: true });
  await mkdir(home.conversions, { mode: 0o700 });
}

const recordOf = (home: Home): string => join(home.databases, 'made.json');

/**
 * Checks the databases. conflict: one of this cloud's databases is missing while others exist, or a
 * file is not a database. The message names the file and a remedy.
 */
export async function checkDatabases(home: Home): Promise<Outcome<void>> {
  // Cast: the file is written by `recordDatabases`.
  const recorded = JSON.parse(await readFile(recordOf(home), 'utf8').catch(() => '[]')) as string[];
  const present = databaseNames.filter((name) => existsSync(databaseFile(home, name)));
  const missing =
    present.length === 0
      ? []
      : databaseNames.filter((name) => recorded.includes(name) && !present.includes(name));
  const wayOut =
    'Restore it from a backup (docs/how-to/operate.md), or begin anew with: cobalt up --reset';
  for (const name of missing) {
    return fault(
      'conflict',
      `The database ${databaseFile(home, name)} is missing, while those of other services are there. ${wayOut}`,
    );
  }
  for (const name of present) {
    const whole = await looksWhole(databaseFile(home, name));
    if (isFault(whole)) return fault('conflict', `${whole.message} ${wayOut}`);
  }
}

/** Records that the databases exist, so that a missing one is noticed from now on. */
export async function recordDatabases(home: Home): Promise<void> {
  await writeWhole(recordOf(home), `${JSON.stringify(databaseNames)}\n`, 0o600);
}

const magic = 'SQLite format 3\0'; // https://www.sqlite.org/fileformat.html, 1.3

async function looksWhole(path: string): Promise<Outcome<void>> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    // An empty file is accepted: an earlier start died before its first write.
    if (bytesRead > 0 && buffer.toString('latin1') !== magic)
      return fault('conflict', `The file ${path} is no SQLite database, or a damaged one.`);
  } finally {
    await file.close();
  }
}
