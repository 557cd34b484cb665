// Creates a bootable BIOS disk from a kernel and an initrd: MBR, one FAT partition, syslinux. Needs
// no root and no loop devices.
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from '#hosts/local/run-tool.ts';

const mib = 1024 * 1024;
const partitionStart = 1 * mib;
const sector = 512;

const bootMenu = (commandLine: string): string => `SERIAL 0 115200
DEFAULT tiny
PROMPT 0
TIMEOUT 1
LABEL tiny
 KERNEL /vmlinuz
 INITRD /initrd
 APPEND ${commandLine}
`;

/** Writes `${workDir}/disk.qcow2` from `${workDir}/kernel` and `${workDir}/initrd`. */
export async function buildDisk(
  workDir: string,
  commandLine: string,
  sizeMib: number,
): Promise<void> {
  const raw = join(workDir, 'disk.raw');
  await writeFile(raw, '');
  await truncate(raw, sizeMib * mib);
  await runTool('/sbin/sfdisk', ['-q', raw], {
    input: `label: dos\nstart=${partitionStart / sector}, type=6, bootable\n`,
  });
  await writeAtStart(raw, await readFile('/usr/lib/syslinux/mbr/mbr.bin'));
  await runTool('/sbin/mkfs.fat', [
    '-F',
    '16',
    '-n',
    'TINY',
    '--offset',
    String(partitionStart / sector),
    raw,
    String((sizeMib - 1) * 1024),
  ]);
  const partition = ['-i', `${raw}@@${partitionStart}`];
  const env = { ...process.env, MTOOLS_SKIP_CHECK: '1' };
  await writeFile(join(workDir, 'syslinux.cfg'), bootMenu(commandLine));
  await runTool('mcopy', [...partition, join(workDir, 'kernel'), '::/vmlinuz'], { env });
  await runTool('mcopy', [...partition, join(workDir, 'initrd'), '::/initrd'], { env });
  await runTool('mcopy', [...partition, join(workDir, 'syslinux.cfg'), '::/syslinux.cfg'], { env });
  await runTool('syslinux', ['-t', String(partitionStart), '-i', raw]);
  await runTool('qemu-img', [
    'convert',
    '-f',
    'raw',
    '-O',
    'qcow2',
    raw,
    join(workDir, 'disk.qcow2'),
  ]);
}

async function writeAtStart(path: string, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, 0);
  } finally {
    await handle.close();
  }
}
