// Reads facts about a host from its files: operating system, kernel, machine, firmware; and which
// daemons run. `root` is the host's file system as this process sees it: `/`, or `/proc/PID/root`
// of a host in namespaces of its own.
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { machine } from 'node:os';
import path from 'node:path';
import type { SystemFacts, UnitFacts } from '#ports/node-facts.ts';
import { unlessMissing } from './outcome.ts';

const longestFile = 64 * 1024;

/**
 * The content of a file, up to a maximum length. Opened non-blocking, so that a pipe or device
 * cannot make the caller wait.
 */
async function text(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(longestFile), 0, longestFile, 0);
    return buffer.toString('utf8', 0, bytesRead).replaceAll('\0', '').trim();
  } finally {
    await handle.close();
  }
}

/**
 * Parses the shell-like assignments of os-release.
 * https://www.freedesktop.org/software/systemd/man/os-release.html
 */
export function parseOsRelease(file: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of file.split('\n')) {
    const at = line.indexOf('=');
    if (at <= 0 || line.startsWith('#')) continue;
    const value = line.slice(at + 1).trim();
    const quote = value[0];
    const isQuoted = (quote === '"' || quote === "'") && value.length > 1 && value.endsWith(quote);
    const inner = isQuoted ? value.slice(1, -1) : value;
    values.set(line.slice(0, at).trim(), inner.replace(/\\(.)/g, '$1'));
  }
  return values;
}

/** Converts a date such as `05/17/2023`, the format of firmware; undefined: it is not a date. */
export function firmwareDate(date: string | undefined): string | undefined {
  const [, month, day, year] = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(date ?? '') ?? [];
  const iso = `${year}-${month}-${day}T00:00:00Z`;
  return year !== undefined && !Number.isNaN(Date.parse(iso)) ? iso : undefined;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/**
 * Reads the facts, each time anew: an update may change the files while this process runs. Fails as
 * open(2) does.
 */
export async function systemFacts(root: string): Promise<SystemFacts> {
  const at = (file: string): string => path.join(root, file);
  const optional = async (file: string): Promise<string | undefined> =>
    (await unlessMissing(text(at(file)), '').catch(() => '')) || undefined;
  const dmi = async (file: string) => await optional(`sys/class/dmi/id/${file}`);
  // If this file cannot be read, the function fails; all others are optional.
  const kernelRelease = await text(at('proc/sys/kernel/osrelease'));
  const os = parseOsRelease(
    (await optional('etc/os-release')) ?? (await optional('usr/lib/os-release')) ?? '',
  );
  const features = os.get('GARDENLINUX_FEATURES');
  const facts: Record<keyof SystemFacts, string | string[] | undefined> = {
    version: os.get('GARDENLINUX_VERSION') ?? os.get('VERSION_ID'),
    variantId: os.get('VARIANT_ID'),
    prettyName: os.get('PRETTY_NAME'),
    gardenLinuxCommitId: os.get('GARDENLINUX_COMMIT_ID_LONG'),
    gardenLinuxFeatures: features?.split(',').filter(Boolean),
    machine: machine(),
    kernelName: await optional('proc/sys/kernel/ostype'),
    kernelRelease,
    kernelVersion: await optional('proc/sys/kernel/version'),
    kernelCommandLine: await optional('proc/cmdline'),
    hardwareVendor: await dmi('sys_vendor'),
    hardwareModel: await dmi('product_name'),
    hardwareSerial: await dmi('product_serial'),
    firmwareVersion: await dmi('bios_version'),
    firmwareVendor: await dmi('bios_vendor'),
    firmwareDate: firmwareDate(await dmi('bios_date')),
    bootId: await optional('proc/sys/kernel/random/boot_id'),
  };
  // Only undefined values were removed, so every field has its type.
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== undefined),
  ) as Present<SystemFacts>;
}

/**
 * A daemon, by the processes that stand for its unit: on a host without systemd, a unit counts as
 * running if processes of all these names exist.
 */
export interface ProcessUnit {
  unit: string;
  processes: readonly string[];
}

export const hypervisorUnits: readonly ProcessUnit[] = [
  { unit: 'libvirtd.service', processes: ['libvirtd'] },
  { unit: 'openvswitch-switch.service', processes: ['ovsdb-server', 'ovs-vswitchd'] },
  { unit: 'ovn-controller.service', processes: ['ovn-controller'] },
];

/** The state of each unit. Fails as readdir(2) does. */
export async function unitFacts(root: string, units: readonly ProcessUnit[]): Promise<UnitFacts[]> {
  const running = new Set<string>();
  const folder = path.join(root, 'proc');
  for (const entry of await readdir(folder)) {
    if (!/^\d+$/.test(entry)) continue;
    // A process that has ended meanwhile is skipped.
    const stat = await text(path.join(folder, entry, 'stat')).catch(() => '');
    const [name, state] = [stat.indexOf('('), stat.lastIndexOf(')')];
    if (name < 0 || state < name || stat[state + 2] === 'Z') continue;
    running.add(stat.slice(name + 1, state));
  }
  return units.map(({ unit, processes }) => {
    const missing = processes.filter((each) => !running.has(each));
    return {
      unit,
      isRunning: missing.length === 0,
      message:
        missing.length === 0
          ? `the process runs (${processes.join(', ')})`
          : `no process ${missing.join(', ')}`,
    };
  });
}
