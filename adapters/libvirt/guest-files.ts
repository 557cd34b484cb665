// Creates the files of a guest plan, concurrently. Each file appears complete or not at all, and an
// existing one is kept: safe to repeat.
import { link, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { isFault } from '#contracts/common/fault.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import { runTool } from './child-process.ts';
import type { GuestFile } from './guest-plan.ts';
import { iso9660 } from './iso9660.ts';
import { writeWhole, writeWholeOnce } from './write-whole.ts';

const toolMs = 60_000;
/** Deadline for copying a complete disk. */
const copyMs = 10 * 60_000;

export async function makeGuestFiles(
  root: string,
  files: GuestFile[],
  diskImages: Pick<DiskImages, 'run'>,
): Promise<void> {
  await mkdir(root, { recursive: true });
  // Waits for all of them before it reports the first failure; otherwise a late writer would write
  // into a folder that is being removed.
  const results = await Promise.allSettled(files.map((file) => make(file, diskImages)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function make(file: GuestFile, diskImages: Pick<DiskImages, 'run'>): Promise<void> {
  switch (file.kind) {
    case 'overlay':
      return writeWholeOnce(file.path, (part) =>
        runTool(
          'qemu-img',
          [
            'create',
            '-q',
            '-f',
            'qcow2',
            '-u',
            '-b',
            file.backing,
            '-F',
            file.backingFormat,
            part,
            String(file.sizeBytes),
          ],
          toolMs,
        ),
      );
    case 'copy':
      return writeWholeOnce(file.path, async (part) => {
        const convert = ['convert', '-f', file.backingFormat, '-O', 'qcow2', file.backing, part];
        const resize = ['resize', '-q', '-f', 'qcow2', part, String(file.sizeBytes)];
        for (const args of [convert, resize]) {
          const outcome = await diskImages.run(args, { timeoutMs: copyMs });
          if (isFault(outcome))
            throw new Error(`copy an image into a root disk: ${outcome.message}`);
        }
      });
    case 'blank':
      return writeWholeOnce(file.path, (part) =>
        runTool('qemu-img', ['create', '-q', '-f', 'qcow2', part, String(file.sizeBytes)], toolMs),
      );
    case 'ephemeral':
      return writeWholeOnce(file.path, async (part) => {
        await sparse(part, file.sizeBytes);
        await runTool(
          'mkfs.ext4',
          ['-q', '-F', '-L', 'ephemeral0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', part],
          toolMs,
        );
      });
    case 'swap':
      return writeWholeOnce(file.path, async (part) => {
        await sparse(part, file.sizeBytes);
        await runTool('mkswap', [part], toolMs);
      });
    case 'configDrive':
      // Always rewritten: a repeated build may have other content.
      return writeWhole(file.path, (part) =>
        writeFile(part, iso9660('config-2', file.files), { mode: 0o600 }),
      );
    case 'link':
      await rm(file.path, { force: true });
      return link(file.to, file.path);
  }
}

async function sparse(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}
