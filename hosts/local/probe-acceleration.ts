// Decides whether guests run under KVM or under emulation (TCG) on this machine. The presence of
// /dev/kvm proves nothing: it may fail, or hang every real kernel (KVM in software, e.g. the module
// kvm_pvm). So the same guest is booted under both and the times are compared. Used by `up` and
// `doctor`.
import { existsSync } from 'node:fs';
import { access, constants, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { bootId } from '#platform/process-start-time.ts';
import { ToolMissing, tryTool } from './run-tool.ts';

export type AccelerationSetting = 'auto' | 'kvm' | 'tcg';

export interface Acceleration {
  kind: 'kvm' | 'tcg';
  /** The reason, for operators; contains both times if both were measured. */
  why: string;
}

/**
 * A Linux guest that ends QEMU through its debug-exit device as soon as its init runs; see
 * images/guest/probe-initrd.ts.
 */
export interface ProbeGuest {
  /** Path of a bzImage. */
  kernel: string;
  /** Gzipped initramfs. */
  ramdisk: Buffer;
}

export interface ProbeOptions {
  setting: AccelerationSetting;
  /** File in which the result is stored; see `answerFile`. */
  file: string;
  /**
   * Provides the guest to measure with; called only if a measurement is needed. undefined: there is
   * no kernel yet; a fault: the kernel cannot be obtained, with the reason.
   */
  guest: () => Promise<Outcome<ProbeGuest | undefined>>;
  /** Measure even if there is a stored result. */
  fresh?: boolean;
}

/** The time from QEMU's start to user space, or why it was not reached. */
export type BootTrial =
  | { kind: 'booted'; ms: number }
  | { kind: 'timedOut'; afterMs: number }
  | { kind: 'failed'; why: string };

const qemu = '/usr/bin/qemu-system-x86_64';
/**
 * Raised whenever the measurement or its evaluation changes: results of another version are not
 * used.
 */
export const probeVersion = 2;
const emulatedBootTimeoutMs = 60_000;
/**
 * KVM may take this many times as long as emulation before its trial is aborted: long enough to
 * report how much slower it is.
 */
const patience = 3;
/**
 * Use KVM only if it is faster by this factor; below it, the gain is not worth the risk. Hardware
 * KVM boots this guest 5 to 10 times faster than emulation.
 */
const clearlyFaster = 1.5;
/** QEMU's exit code when the guest writes 0x10 to its debug-exit device: (0x10 << 1) | 1. */
const reachedUserSpace = 33;

/**
 * The accelerator to use. `auto`: the stored result for this boot, kernel, QEMU and probe, within
 * milliseconds; otherwise both are measured, 4 to 15 s. If nothing can be measured: emulation, with
 * the reason. unavailable: `kvm` is required and /dev/kvm cannot be used.
 */
export async function probeAcceleration({
  setting,
  file,
  guest,
  fresh = false,
}: ProbeOptions): Promise<Outcome<Acceleration>> {
  if (setting === 'tcg') return { kind: 'tcg', why: 'chosen by the setting `acceleration`' };
  const obstacle = await kvmObstacle();
  if (setting === 'kvm') {
    if (obstacle !== null)
      return fault(
        'unavailable',
        `acceleration: kvm is demanded, but ${obstacle}. Choose auto or tcg.`,
      );
    return { kind: 'kvm', why: 'chosen by the setting `acceleration`' };
  }
  if (obstacle !== null) return { kind: 'tcg', why: obstacle };
  const measuredFor = {
    probe: probeVersion,
    boot: bootId(),
    kernel: release(),
    qemu: await qemuVersion(),
  };
  const keptAnswer = fresh ? null : await readKept(file, measuredFor);
  if (keptAnswer) return keptAnswer;
  const probeGuest = await guest();
  if (probeGuest === undefined)
    return {
      kind: 'tcg',
      why: 'KVM was not tried: there is no guest kernel yet (`cobalt up` fetches one)',
    };
  if (isFault(probeGuest)) return { kind: 'tcg', why: `KVM was not tried: ${probeGuest.message}` };
  const acceleration = await compare(probeGuest);
  await keep(file, { measuredFor, acceleration });
  return acceleration;
}

/**
 * Path of the stored result: one for all clouds of the machine if run by root (only root can write
 * to /run), else one for each state folder.
 */
export function answerFile(stateDir: string): string {
  return process.getuid?.() === 0
    ? '/run/cobalt-acceleration.json'
    : join(stateDir, 'acceleration.json');
}

async function compare(guest: ProbeGuest): Promise<Acceleration> {
  const tcg = await tryBoot('tcg', guest, emulatedBootTimeoutMs);
  const kvm = await tryBoot(
    'kvm',
    guest,
    tcg.kind === 'booted' ? patience * tcg.ms : emulatedBootTimeoutMs,
  );
  return judge(tcg, kvm);
}

/** Decides, from both measurements, which accelerator to use and why. Pure. */
export function judge(tcg: BootTrial, kvm: BootTrial): Acceleration {
  if (kvm.kind === 'failed') return { kind: 'tcg', why: `KVM boots no guest: ${kvm.why}` };
  if (tcg.kind !== 'booted') {
    const emulation =
      tcg.kind === 'failed' ? tcg.why : `not in user space after ${seconds(tcg.afterMs)}`;
    if (kvm.kind === 'booted')
      return {
        kind: 'kvm',
        why: `KVM boots a guest in ${seconds(kvm.ms)}, emulation does not (${emulation})`,
      };
    return {
      kind: 'tcg',
      why: `neither KVM (not in user space after ${seconds(kvm.afterMs)}) nor emulation (${emulation}) boots a guest`,
    };
  }
  if (kvm.kind === 'timedOut') {
    const factor = `more than ${(kvm.afterMs / tcg.ms).toFixed(1)} times`;
    return {
      kind: 'tcg',
      why: `KVM is slower than emulation by ${factor} (not in user space after ${seconds(kvm.afterMs)}, emulation in ${seconds(tcg.ms)})`,
    };
  }
  const times = `user space in ${seconds(kvm.ms)}, emulation in ${seconds(tcg.ms)}`;
  const gain = tcg.ms / kvm.ms;
  if (gain >= clearlyFaster)
    return { kind: 'kvm', why: `KVM is ${gain.toFixed(1)} times faster than emulation (${times})` };
  if (gain >= 1) return { kind: 'tcg', why: `KVM is hardly faster than emulation (${times})` };
  return {
    kind: 'tcg',
    why: `KVM is slower than emulation by ${(1 / gain).toFixed(1)} times (${times})`,
  };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Boots the guest until its init runs. Exported for the test. */
export async function tryBoot(
  accelerator: 'kvm' | 'tcg',
  guest: ProbeGuest,
  timeoutMs: number,
): Promise<BootTrial> {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-probe-'));
  try {
    const ramdisk = join(folder, 'ramdisk');
    await writeFile(ramdisk, guest.ramdisk);
    const startedAt = systemClock.monotonicMs();
    const result = await tryTool(
      qemu,
      [
        '-accel',
        accelerator,
        '-machine',
        'pc',
        '-cpu',
        'max',
        '-m',
        '128',
        '-nodefaults',
        '-display',
        'none',
        '-no-reboot',
        '-serial',
        'stdio',
        '-device',
        'isa-debug-exit,iobase=0xf4,iosize=4',
        '-kernel',
        guest.kernel,
        '-initrd',
        ramdisk,
        '-append',
        'console=ttyS0 quiet mitigations=off panic=-1',
      ],
      { timeoutMs },
    );
    const ms = Math.round(systemClock.monotonicMs() - startedAt);
    if (result.code === reachedUserSpace) return { kind: 'booted', ms };
    if (ms >= timeoutMs) return { kind: 'timedOut', afterMs: timeoutMs };
    const lastLine = `${result.stderr}\n${result.stdout}`.trim().split('\n').at(-1) ?? '';
    return { kind: 'failed', why: `QEMU ended with ${result.code}: ${lastLine}` };
  } catch (error) {
    if (error instanceof ToolMissing) return { kind: 'failed', why: error.message };
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Why KVM cannot even be tried; null if it can. */
async function kvmObstacle(): Promise<string | null> {
  if (!existsSync(qemu)) return `${qemu} is missing: apt-get install qemu-system-x86`;
  if (!existsSync('/dev/kvm')) {
    return 'there is no /dev/kvm: switch on virtualisation in the firmware (or nested virtualisation on the outer host)';
  }
  const usable = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return usable ? null : '/dev/kvm may not be opened: run as root, or join the group kvm';
}

async function qemuVersion(): Promise<string> {
  return (await tryTool(qemu, ['--version'])).stdout.split('\n')[0] ?? '';
}

async function keep(file: string, answer: object): Promise<void> {
  const temporary = `${file}.${process.pid}`;
  try {
    await writeFile(temporary, JSON.stringify(answer), { mode: 0o600 });
    await rename(temporary, file);
  } catch {
    // A full disk, or no folder yet (`doctor` before `up`): without a stored result the next call
    // measures again.
    await rm(temporary, { force: true });
  }
}

async function readKept(
  file: string,
  measuredFor: Record<string, string | number>,
): Promise<Acceleration | null> {
  try {
    const stored = JSON.parse(await readFile(file, 'utf8')) as {
      measuredFor: unknown;
      acceleration: Acceleration;
    }; // cast: written by this file, see above
    return JSON.stringify(stored.measuredFor) === JSON.stringify(measuredFor)
      ? stored.acceleration
      : null;
  } catch {
    return null; // missing, or written by another version: measure again
  }
}
