// Guests without a domain on this host whose files must be kept: those that are expected to arrive
// by live migration, and those that have just left.
import { stat } from 'node:fs/promises';
import type { Driver } from './driver.ts';
import { unlessMissing } from './outcome.ts';

/** After this time a migration that was never ended is given up, and its files count as garbage. */
const longestMs = 24 * 3_600_000;

/** Whether the guest's folder and locks must be kept although there is no domain. */
export async function isBetweenHosts(driver: Driver, uuid: string): Promise<boolean> {
  const { awaited, departing } = driver.folder.guest(uuid);
  const marks = await Promise.all(
    [awaited, departing].map(async (mark) => await unlessMissing(stat(mark), null)),
  );
  return marks.some((mark) => mark !== null && driver.now() - mark.mtimeMs < longestMs);
}
