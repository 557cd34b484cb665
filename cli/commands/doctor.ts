// `cobalt doctor`: reports what this machine can and cannot do, with the command that repairs it;
// --audit looks for contradictions in the cloud.
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { examineAcceleration } from '#compose/acceleration.ts';
import { cloudConfigSchema } from '#compose/config.ts';
import { databaseGrowth } from '#compose/database-sizes.ts';
import { homeDir, homePaths } from '#compose/home.ts';
import { isFault } from '#contracts/common/fault.ts';
import { installedPackages } from '#hosts/local/installed-packages.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import type { NfsClient } from '#hosts/local/nfs-client.ts';
import { systemClock } from '#platform/clock.ts';
import { ConfigError, loadConfig } from '#platform/config/config.ts';
import { silentLog } from '#platform/log.ts';
import { readChoices } from '../choices.ts';
import { findControl } from '../control-process.ts';
import { debianPackages } from '../packages.ts';
import { findHome, homeOption } from '../state-folder.ts';

interface Finding {
  about: string;
  state: 'good' | 'note' | 'bad';
  text: string;
  /** The command that repairs the problem. */
  mend?: string;
}

export function define(command: Command): void {
  command
    .option(...homeOption)
    .option(
      '--audit',
      'hold databases, placement, libvirt and disks against each other and print every difference',
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 nothing is wrong, 1 something is.\n\nExamples:\n  ./cobalt doctor\n  ./cobalt doctor --audit',
    )
    .action(async (options: { home?: string; audit?: true; json?: true }) => {
      const { dir } = findHome(options.home) ?? { dir: homeDir(undefined, process.env) };
      await (options.audit
        ? audit(dir, options.json ?? false)
        : examine(dir, options.json ?? false));
    });
}

async function audit(dir: string, json: boolean): Promise<void> {
  if (!existsSync(homePaths(dir).databases)) {
    process.stdout.write(`Nothing to audit: no cloud was ever started in ${dir}.\n`);
    return;
  }
  const { observeCloud } = await import('#compose/observe-cloud.ts');
  const { compare } = await import('#compose/audit.ts');
  const cloudRuns = (await findControl(homePaths(dir).controlPid)) !== undefined;
  const { distributed } = await readChoices(homePaths(dir).choices);
  const observed = await observeCloud(dir, process.env, { cloudRuns, distributed });
  const differences = compare(observed);
  process.exitCode = differences.length === 0 ? 0 : 1;
  const { servers } = observed.nova;
  const busy = servers.filter((server) => server.taskState !== null).length;
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ differences, servers: servers.length, busy, hosts: observed.hosts.length, unreachable: observed.unreachable }, null, 2)}\n`,
    );
    return;
  }
  for (const { what, detail } of differences) process.stdout.write(`  ✗ ${what}: ${detail}\n`);
  if (!cloudRuns && observed.unreachable.length > 0)
    process.stdout.write(`  - not asked, they are off: ${observed.unreachable.join(', ')}\n`);
  process.stdout.write(
    `  ${differences.length === 0 ? '✓ no differences' : `${differences.length} differences`} (${servers.length} servers, ${busy} of them busy and not judged; ${observed.placement.allocations.length} allocations; ${observed.hosts.length} hosts)\n`,
  );
}

const gib = 1024 ** 3;
const marks = { good: '✓', note: '-', bad: '✗' } as const;

async function examine(dir: string, json: boolean): Promise<void> {
  const findings = [
    asRoot(),
    runtime(),
    memory(),
    await disk(dir),
    await packages(),
    await acceleration(dir),
    await volumes(dir),
    ...(await databases(dir)),
    await cloud(dir),
  ];
  process.exitCode = findings.some(({ state }) => state === 'bad') ? 1 : 0;
  if (json) {
    process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
    return;
  }
  for (const { about, state, text, mend } of findings)
    process.stdout.write(
      `  ${marks[state]} ${about.padEnd(14)} ${text}\n${mend === undefined ? '' : `${' '.repeat(19)}→ ${mend}\n`}`,
    );
}

const asRoot = (): Finding =>
  process.getuid?.() === 0
    ? { about: 'rights', state: 'good', text: 'root: real hypervisor hosts can be made' }
    : {
        about: 'rights',
        state: 'note',
        text: 'not root: simulated hosts only',
        mend: 'sudo ./cobalt up',
      };

const runtime = (): Finding => ({
  about: 'runtime',
  state: 'good',
  text: `Node ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'})`,
});

function memory(): Finding {
  const total = totalmem() / gib;
  return {
    about: 'memory',
    state: total < 2 ? 'bad' : 'good',
    text: `${total.toFixed(1)} GiB; the cloud takes 0.3, each small guest 0.3`,
    ...(total < 2 ? { mend: 'use a machine with 2 GiB or more' } : {}),
  };
}

async function disk(dir: string): Promise<Finding> {
  let existing = dir;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  const free = (bavail * bsize) / gib;
  return {
    about: 'disk',
    state: free < 2 ? 'bad' : 'good',
    text: `${free.toFixed(1)} GiB free for ${dir}`,
    ...(free < 2 ? { mend: 'free some space, or choose another folder with --home' } : {}),
  };
}

const mib = 1024 ** 2;
const dayMs = 24 * 3_600_000;
const signed = (bytes: number): string => `${bytes < 0 ? '' : '+'}${(bytes / mib).toFixed(1)}`;

/**
 * Reports how the databases grow, so that endless growth is noticed before the disk is full. Empty
 * if there is no cloud yet.
 */
async function databases(dir: string): Promise<Finding[]> {
  const now = systemClock.now();
  const { total, since, databases: each } = await databaseGrowth(homePaths(dir), now);
  if (each.length === 0) return [];
  const growth =
    since === null
      ? ''
      : `, ${signed(since.bytes)} MiB in ${Math.max(1, Math.round((now - since.atMs) / dayMs))} days`;
  return [
    {
      about: 'databases',
      state: 'good',
      text: `${(total / mib).toFixed(1)} MiB${growth} (${each.map(({ name, bytes, growthBytes }) => `${name} ${(bytes / mib).toFixed(1)}${since === null ? '' : ` ${signed(growthBytes)}`}`).join(', ')})`,
    },
  ];
}

async function packages(): Promise<Finding> {
  const wanted = debianPackages()
    .filter(({ commands }) => commands.includes('up'))
    .map(({ name }) => name);
  const installed = await installedPackages(wanted);
  const missing = wanted.filter((name) => !installed.has(name));
  if (missing.length === 0)
    return {
      about: 'packages',
      state: 'good',
      text: `all ${wanted.length} Debian packages are there`,
    };
  return {
    about: 'packages',
    state: 'note',
    text: `missing: ${missing.join(' ')}`,
    mend: './cobalt up installs them',
  };
}

async function acceleration(dir: string): Promise<Finding> {
  if (!existsSync('/usr/bin/qemu-system-x86_64'))
    return {
      about: 'virtualisation',
      state: 'note',
      text: 'QEMU is not installed yet: KVM was not tried',
    };
  const home = homePaths(dir);
  const config = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env: process.env,
    prefix: 'COBALT',
  }).catch((error: unknown) => {
    if (error instanceof ConfigError) return error;
    throw error;
  });
  if (config instanceof ConfigError)
    return {
      about: 'virtualisation',
      state: 'bad',
      text: config.message,
      mend: 'correct the file',
    };
  const mode = await examineAcceleration(config.acceleration, home);
  if (isFault(mode)) return { about: 'virtualisation', state: 'bad', text: mode.message };
  if (mode.kind === 'kvm')
    return { about: 'virtualisation', state: 'good', text: `guests run under KVM: ${mode.why}` };
  return {
    about: 'virtualisation',
    state: 'note',
    text: `guests are emulated (TCG): ${mode.why}`,
    mend: 'guests run, but slower; use a machine with hardware virtualisation to have it quicker',
  };
}

const volumeWays: Record<NfsClient, string> = {
  kernel: 'mounted by the kernel, images locked by QEMU',
  libnfs:
    "QEMU's own NFS client (this kernel mounts none), images locked on the filer by the host's agent",
};

async function volumes(dir: string): Promise<Finding> {
  const hosts = existsSync(homePaths(dir).databases)
    ? await createLocalHosts({
        stateDir: dir,
        log: silentLog,
        clock: systemClock,
        kvm: false,
      }).list()
    : [];
  const ways = Object.entries(volumeWays).flatMap(([client, way]) => {
    const names = hosts.filter(({ nfsClient }) => nfsClient === client).map(({ name }) => name);
    return names.length === 0 ? [] : [`${names.join(', ')}: ${way}`];
  });
  return {
    about: 'volumes',
    state: 'good',
    text: ways.join('; ') || 'each host finds out at its first start how it reaches them',
  };
}

async function cloud(dir: string): Promise<Finding> {
  const control = await findControl(homePaths(dir).controlPid);
  if (control)
    return {
      about: 'cloud',
      state: 'good',
      text: `runs in ${dir} (process ${control.pid}, port ${control.port})`,
    };
  return {
    about: 'cloud',
    state: 'note',
    text: existsSync(homePaths(dir).databases)
      ? `stopped; its state is in ${dir}`
      : 'none was started yet',
    mend: './cobalt up --detach',
  };
}
