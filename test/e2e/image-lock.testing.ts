// For end-to-end tests of volumes: whether a volume's image is locked on the filer, as a QEMU that
// locks its images sees it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryTool } from '#hosts/local/run-tool.ts';

export async function imageIsLocked(cloudDir: string, volumeId: string): Promise<boolean> {
  const share = join(cloudDir, 'filer/export');
  const { active } = JSON.parse(readFileSync(join(share, `volume-${volumeId}.info`), 'utf8')) as {
    active: string;
  }; // cast: the format of adapters/nfs/chain.ts
  const { code, stderr } = await tryTool('qemu-io', [
    '-r',
    '-f',
    'qcow2',
    '-c',
    'read 0 512',
    join(share, active),
  ]);
  assert.ok(code === 0 || /Failed to (lock byte|get .*lock)/.test(stderr), stderr);
  return code !== 0;
}
