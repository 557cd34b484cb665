// Keeps the serial console's log bounded. QEMU appends with O_APPEND and never rotates
// (stdio_handler = "file"), so the driver does: it copies the last half to a second file, then
// truncates. Lines written between the two steps are lost, at most a few of a guest that writes a
// lot.
import { open, readdir, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { Driver } from './driver.ts';
import { isGuestUuid, partSuffix, type GuestFolder } from './host-folder.ts';
import { asOutcome, unlessMissing } from './outcome.ts';

/** The last `maxBytes` of both files together. */
export function readConsole(
  driver: Driver,
  uuid: string,
  maxBytes: number,
): Promise<Outcome<string>> {
  return asOutcome(async () => {
    const folder = driver.folder.guest(uuid);
    const current = await tail(folder.consoleLog, maxBytes);
    if (current === null && (await driver.domains.find(uuid)) === null)
      return fault('notFound', `no guest ${uuid} on this host`);
    const missing = maxBytes - (current?.length ?? 0);
    const before = missing > 0 ? await tail(folder.consoleLogBefore, missing) : null;
    return wholeCharacters(Buffer.concat([before ?? Buffer.alloc(0), current ?? Buffer.alloc(0)]));
  });
}

/**
 * Cuts the logs that have become too long. One `stat` for each guest, cheap enough for a timer.
 * Each guest's log stays below 1.5 times `maxBytes` plus what it writes in one interval.
 */
export async function boundConsoles(driver: Driver): Promise<void> {
  for (const uuid of (await unlessMissing(readdir(driver.folder.guests), [])).filter(isGuestUuid)) {
    const folder = driver.folder.guest(uuid);
    const log = await unlessMissing(stat(folder.consoleLog), null);
    if (log && log.size > driver.settings.consoleLogMaxBytes)
      await cut(folder, driver.settings.consoleLogMaxBytes / 2);
  }
}

async function cut(folder: GuestFolder, keepBytes: number): Promise<void> {
  const lastHalf = await tail(folder.consoleLog, keepBytes);
  if (lastHalf === null) return;
  const part = folder.consoleLogBefore + partSuffix;
  await writeFile(part, lastHalf);
  await rename(part, folder.consoleLogBefore);
  await truncate(folder.consoleLog, 0);
}

async function tail(path: string, maxBytes: number): Promise<Buffer | null> {
  const file = await unlessMissing(open(path, 'r'), null);
  if (!file) return null;
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.max(0, Math.min(Math.floor(maxBytes), size)));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * The text from the first whole character on: the cut may have split one, whose remaining UTF-8
 * bytes (10xxxxxx) are dropped.
 */
function wholeCharacters(bytes: Buffer): string {
  let start = 0;
  while (start < 3 && start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start).toString('utf8');
}
