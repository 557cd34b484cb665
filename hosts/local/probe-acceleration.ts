// Does KVM really boot a guest here? A present /dev/kvm may fail, or run guests far slower than emulation (nested
// virtualisation without hardware help), so a tiny guest is tried under a deadline. Used by `up` and `doctor`.
import { existsSync } from 'node:fs';
import { access, constants, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootId } from './init-process.ts';
import { ToolMissing, tryTool } from './run-tool.ts';

export type Acceleration = { kvm: true; bootMs: number } | { kvm: false; why: string };

const qemu = '/usr/bin/qemu-system-x86_64';
/** Working KVM needs 0.1 to 0.3 s from QEMU's start to the guest's end, emulation 0.2 s; 4.4 s was seen of a KVM of no use. */
const probeTimeoutMs = 2_000;
/** What QEMU answers when the guest writes 0x10 to its debug-exit device: (0x10 << 1) | 1. */
const guestRan = 33;

/**
 * The answer of this boot of the machine: kept in `stateDir`, tried anew after a reboot or with `fresh`. A few milliseconds
 * when kept, up to 2 s otherwise. Never fails: what cannot be tried is `{kvm: false}` with the reason and the cure.
 */
export async function probeAcceleration({ stateDir, fresh = false }: { stateDir: string; fresh?: boolean }): Promise<Acceleration> {
  if (!existsSync(qemu)) return { kvm: false, why: `${qemu} is missing: apt-get install qemu-system-x86` };
  if (!existsSync('/dev/kvm')) return { kvm: false, why: 'there is no /dev/kvm: switch on virtualisation in the firmware (or nested virtualisation on the outer host)' };
  if (!(await mayUse('/dev/kvm'))) return { kvm: false, why: '/dev/kvm is not ours to use: run as root, or join the group kvm' };
  const file = join(stateDir, 'acceleration.json');
  const boot = await bootId();
  const kept = fresh ? null : await readKept(file, boot);
  if (kept) return kept;
  const acceleration = await tryGuest('kvm', probeTimeoutMs);
  await mkdir(stateDir, { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify({ boot, acceleration }));
  await rename(`${file}.new`, file);
  return acceleration;
}

/** Boots one guest: firmware, then a boot sector that ends QEMU. Exported for the test, which tries emulation too. */
export async function tryGuest(accelerator: 'kvm' | 'tcg', timeoutMs: number): Promise<Acceleration> {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-probe-'));
  try {
    const disk = join(folder, 'boot.img');
    await writeFile(disk, bootSector());
    const startedAt = performance.now();
    const result = await tryTool(qemu, [
      '-accel', accelerator, '-machine', 'pc', '-m', '16', '-nodefaults', '-display', 'none', '-no-reboot',
      '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-drive', `file=${disk},format=raw,if=ide`,
    ], { timeoutMs });
    const bootMs = Math.round(performance.now() - startedAt);
    if (result.code === guestRan) return { kvm: true, bootMs };
    if (bootMs >= timeoutMs) return { kvm: false, why: `/dev/kvm is there, but a tiny guest did not boot within ${timeoutMs / 1000} s` };
    return { kvm: false, why: `/dev/kvm is there, but QEMU ended with ${result.code}: ${result.stderr.trim().split('\n').at(-1) ?? ''}` };
  } catch (error) {
    if (error instanceof ToolMissing) return { kvm: false, why: error.message };
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** 512 bytes: mov al,0x10; out 0xf4,al; hlt; jmp back. */
function bootSector(): Buffer {
  const sector = Buffer.alloc(512);
  sector.set([0xb0, 0x10, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd]);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

async function mayUse(device: string): Promise<boolean> {
  return access(device, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}

async function readKept(file: string, boot: string): Promise<Acceleration | null> {
  try {
    const kept = JSON.parse(await readFile(file, 'utf8')) as { boot: string; acceleration: Acceleration }; // written above
    return kept.boot === boot ? kept.acceleration : null;
  } catch {
    return null; // not there, or half written by an older version: try again
  }
}
