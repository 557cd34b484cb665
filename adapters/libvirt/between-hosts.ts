// Guests of which libvirt knows nothing on this host, though something of them is here: those that
// may still move in, and those that have moved out and are not forgotten yet.
import { stat } from 'node:fs/promises';
import type { Driver } from './driver.ts';
import { unlessMissing } from './outcome.ts';

/** A move that nobody ended after this long is forgotten. */
const longestMs = 24 * 3_600_000;

/** Whether the guest's folder is no garbage, and its locks are kept, though there is no domain. */
export async function isBetweenHosts(driver: Driver, uuid: string): Promise<boolean> {
  const { awaited, departing } = driver.folder.guest(uuid);
  const marks = await Promise.all(
    [awaited, departing].map(async (mark) => await unlessMissing(stat(mark), null)),
  );
  return marks.some((mark) => mark !== null && driver.now() - mark.mtimeMs < longestMs);
}
