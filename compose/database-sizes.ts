// How large the databases are and how they grow: one sample a day, reported by `cobalt doctor`.
import { readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#platform/clock.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { Home } from './home.ts';

export interface SizeSample {
  atMs: number;
  /** Bytes of each database, including its SQLite write-ahead log. */
  bytes: Record<string, number>;
}

export interface Growth {
  total: number;
  /** Growth since the oldest sample within `withinMs`; null if there is no sample yet. */
  since: { atMs: number; bytes: number } | null;
  /** Largest first. */
  databases: { name: string; bytes: number; growthBytes: number }[];
}

const dayMs = 24 * 3_600_000;
const withinMs = 30 * dayMs;
const maxSamples = 60;
const samplesFile = (home: Pick<Home, 'dir'>): string => join(home.dir, 'database-sizes.json');

/** Bytes of each SQLite database in the folder, with its write-ahead log. */
export async function databaseSizes(
  home: Pick<Home, 'databases'>,
): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const file of await readdir(home.databases).catch(() => [])) {
    const name = /^([a-z]+)\.sqlite(?:-wal)?$/.exec(file)?.[1];
    if (name !== undefined)
      sizes[name] =
        (sizes[name] ?? 0) +
        ((await stat(join(home.databases, file)).catch(() => undefined))?.size ?? 0);
  }
  return sizes;
}

/** The samples; [] if there are none or the file is damaged, since they are statistics only. */
async function samples(home: Pick<Home, 'dir'>): Promise<SizeSample[]> {
  try {
    return JSON.parse(await readFile(samplesFile(home), 'utf8')) as SizeSample[]; // written below
  } catch {
    return [];
  }
}

/** The task that takes one sample a day. */
export const recordSizes = (home: Pick<Home, 'dir' | 'databases'>, clock: Clock): Task => ({
  name: 'cloud.record-database-sizes',
  everyMs: 3_600_000,
  scope: 'every',
  atStart: true,
  async run() {
    const pastSamples = await samples(home);
    if (clock.now() - (pastSamples.at(-1)?.atMs ?? 0) < dayMs) return;
    const file = samplesFile(home);
    await writeFile(
      `${file}.new`,
      JSON.stringify(
        [...pastSamples, { atMs: clock.now(), bytes: await databaseSizes(home) }].slice(
          -maxSamples,
        ),
      ),
      { mode: 0o600 },
    );
    await rename(`${file}.new`, file);
  },
});

/** The present sizes, and their growth since the oldest recent sample. */
export async function databaseGrowth(
  home: Pick<Home, 'dir' | 'databases'>,
  nowMs: number,
): Promise<Growth> {
  const [sizes, pastSamples] = [await databaseSizes(home), await samples(home)];
  const oldest = pastSamples.find(({ atMs }) => nowMs - atMs <= withinMs);
  const sum = (bytes: Record<string, number>): number =>
    Object.values(bytes).reduce((total, each) => total + each, 0);
  return {
    total: sum(sizes),
    since: oldest ? { atMs: oldest.atMs, bytes: sum(sizes) - sum(oldest.bytes) } : null,
    databases: Object.entries(sizes)
      .map(([name, bytes]) => ({
        name,
        bytes,
        growthBytes: oldest ? bytes - (oldest.bytes[name] ?? 0) : 0,
      }))
      .toSorted((a, b) => b.bytes - a.bytes),
  };
}
