// Creates a bootable BIOS disk from a folder with a Linux system: MBR, GRUB after it, one ext4
// partition. Needs no loop devices and no mounts.
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from '#hosts/local/run-tool.ts';

const grubFolder = '/usr/lib/grub/i386-pc';
const mib = 1024 * 1024;
const sector = 512;
const partitionStart = 1 * mib;
/** Bytes of machine code at the start of an MBR; disk signature and partition table follow. */
const bootCodeBytes = 440;
const toolTimeoutMs = 600_000;
const grubModules = [
  'biosdisk',
  'part_msdos',
  'ext2',
  'search',
  'search_label',
  'serial',
  'terminal',
  'normal',
  'configfile',
  'linux',
  'echo',
  'all_video',
];

/**
 * Writes `${workDir}/disk.qcow2`, `sizeMib` large, compressed. The system has `/boot/grub/grub.cfg`
 * and mounts its root by `label`. Throws with the end of the tool's messages, also if the system is
 * too large for the disk.
 */
export async function makeBootDisk(
  workDir: string,
  root: string,
  { label, sizeMib }: { label: string; sizeMib: number },
): Promise<void> {
  const raw = join(workDir, 'disk.raw');
  await writeFile(raw, '');
  await truncate(raw, sizeMib * mib);
  await runTool('/sbin/sfdisk', ['-q', raw], {
    input: `label: dos\nstart=${partitionStart / sector}, type=83, bootable\n`,
  });
  await runTool(
    '/sbin/mkfs.ext4',
    [
      '-q',
      '-L',
      label,
      '-d',
      root,
      '-E',
      `offset=${partitionStart}`,
      raw,
      `${(sizeMib - partitionStart / mib) * 1024}k`,
    ],
    { timeoutMs: toolTimeoutMs },
  );
  await installGrub(workDir, raw);
  await runTool(
    'qemu-img',
    ['convert', '-c', '-f', 'raw', '-O', 'qcow2', raw, join(workDir, 'disk.qcow2')],
    { timeoutMs: toolTimeoutMs },
  );
}

/**
 * Writes GRUB's boot.img and core image to the start of the disk. boot.img loads the sector after
 * it, where the core image begins, which loads the rest of itself from the following sectors: both
 * are the default, so nothing needs to be patched. GRUB manual, "BIOS installation: MBR".
 */
async function installGrub(workDir: string, raw: string): Promise<void> {
  const core = join(workDir, 'core.img');
  await runTool('grub-mkimage', [
    '-O',
    'i386-pc',
    '-o',
    core,
    '-p',
    '(hd0,msdos1)/boot/grub',
    ...grubModules,
  ]);
  const coreImage = await readFile(core);
  if (coreImage.length > partitionStart - sector)
    throw new Error(
      `GRUB's core image does not fit before the partition: ${coreImage.length} bytes`,
    );
  const disk = await open(raw, 'r+');
  try {
    await disk.write(await readFile(join(grubFolder, 'boot.img')), 0, bootCodeBytes, 0);
    await disk.write(coreImage, 0, coreImage.length, sector);
  } finally {
    await disk.close();
  }
}
