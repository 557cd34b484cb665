// A config drive: an ISO 9660 image labelled `config-2` with Joliet and Rock Ridge names, built by xorriso.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runTool } from './child-process.ts';

const BUILD_MS = 30_000;

export async function writeConfigDrive(isoPath: string, files: Record<string, string>): Promise<void> {
  const tree = await mkdtemp(`${isoPath}-tree-`);
  try {
    for (const [name, content] of Object.entries(files)) {
      const target = path.resolve(tree, name);
      if (!target.startsWith(tree + path.sep)) throw new Error(`config drive path ${JSON.stringify(name)} leaves the drive`);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, content);
    }
    // xorriso refuses to write into a file it did not make: an earlier attempt goes first.
    await rm(isoPath, { force: true });
    await runTool('xorriso', ['-as', 'mkisofs', '-quiet', '-J', '-r', '-V', 'config-2', '-o', isoPath, tree], BUILD_MS);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
