// `cobalt bench migrate`: live migration of a guest of 128 MiB with a local disk between two hosts,
// in turns by os-migrateLive and by `virsh migrate` of the same guest, over the same TLS.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchCloud } from './cloud.ts';
import { startBenchCloud } from './cloud.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';

const run = promisify(execFile);
const rounds = 5;
const wholeBarMs = 6_000;
const timeoutMs = 60_000;

interface Move {
  wholeMs: number;
  downtimeMs: number;
}

export async function benchMigrate(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 2, simulated: 0 });
  try {
    say('a guest boots');
    const id = await bootedGuest(cloud);
    // Warm-up: fills image caches and what libvirt caches about QEMU.
    await throughNova(cloud, id, 'h2');
    await throughNova(cloud, id, 'h1');
    const [ours, bare]: [Move[], Move[]] = [[], []];
    for (let round = 1; round <= rounds; round += 1) {
      say(`round ${round} of ${rounds}`);
      ours.push(await throughNova(cloud, id, 'h2'));
      // Pauses the control plane, which would otherwise correct what libvirt does without it.
      process.kill(cloud.pid, 'SIGSTOP');
      try {
        bare.push(await throughVirsh(cloud, id, 'h2', 'h1'));
        bare.push(await throughVirsh(cloud, id, 'h1', 'h2'));
      } finally {
        process.kill(cloud.pid, 'SIGCONT');
      }
      ours.push(await throughNova(cloud, id, 'h1'));
    }
    const whole = median(ours.map(({ wholeMs }) => wholeMs));
    return [
      {
        what: 'os-migrateLive to completed, 128 MiB and a local disk, median',
        value: whole,
        unit: 'ms',
        yardstick: {
          what: 'virsh migrate of the same guest',
          value: median(bare.map(({ wholeMs }) => wholeMs)),
        },
      },
      {
        what: 'the same, of 6 s',
        value: whole / wholeBarMs,
        unit: '',
        bar: { atMost: 1 },
      },
      {
        what: 'downtime of the guest, by QEMU, median',
        value: median(ours.map(({ downtimeMs }) => downtimeMs)),
        unit: 'ms',
        yardstick: {
          what: 'virsh migrate of the same guest',
          value: median(bare.map(({ downtimeMs }) => downtimeMs)),
        },
        bar: { atMost: 1.1 },
      },
    ];
  } finally {
    await cloud.close();
  }
}

type Host = 'h1' | 'h2';
const hostDir = (cloud: BenchCloud, host: Host): string => join(cloud.dir, 'hosts', host);
const virsh = async (cloud: BenchCloud, host: Host, ...args: string[]): Promise<string> => {
  const socket = join(hostDir(cloud, host), 'run', 'libvirt', 'libvirt-sock');
  const words = ['-q', '-c', `qemu+unix:///system?socket=${socket}`, ...args];
  return (await run('virsh', words, { timeout: timeoutMs })).stdout;
};
const pause = async (ms: number): Promise<void> =>
  await new Promise((resolve) => setTimeout(resolve, ms));

async function bootedGuest(cloud: BenchCloud): Promise<string> {
  const { images } = await cloud.admin.ask<{ images: { id: string }[] }>(
    'image',
    'GET',
    '/v2/images?name=tiny',
  );
  const { server } = await cloud.admin.ask<{ server: { id: string } }>(
    'compute',
    'POST',
    '/v2.1/servers',
    {
      server: {
        name: 'bench',
        imageRef: images[0]?.id ?? '',
        flavorRef: '42',
        networks: 'none',
        availability_zone: 'nova:h1',
      },
    },
  );
  const log = join(hostDir(cloud, 'h1'), 'data', 'guests', server.id, 'console.log');
  const untilMs = performance.now() + timeoutMs;
  while (!(await readFile(log, 'utf8').catch(() => '')).includes('login:')) {
    if (performance.now() > untilMs) throw new Error('the guest did not boot in time');
    await pause(100);
  }
  return server.id;
}

async function throughNova(cloud: BenchCloud, id: string, host: Host): Promise<Move> {
  const startedAt = performance.now();
  await cloud.admin.ask('compute', 'POST', `/v2.1/servers/${id}/action`, {
    'os-migrateLive': { host, block_migration: 'auto' },
  });
  for (;;) {
    const { server } = await cloud.admin.ask<{ server: Record<string, string | null> }>(
      'compute',
      'GET',
      `/v2.1/servers/${id}`,
    );
    if (server['OS-EXT-STS:task_state'] === null) {
      if (server['OS-EXT-SRV-ATTR:host'] !== host) throw new Error('the server did not move');
      break;
    }
    if (performance.now() - startedAt > timeoutMs)
      throw new Error('the server did not move in time');
    await pause(50); // polling costs the guest time on a small machine
  }
  return { wholeMs: performance.now() - startedAt, downtimeMs: await downtimeOf(cloud, id, host) };
}

/** Downtime of the migration that brought the guest here, by virsh-domjobinfo(1), ms. */
async function downtimeOf(cloud: BenchCloud, id: string, host: Host): Promise<number> {
  const text = await virsh(cloud, host, 'domjobinfo', '--completed', id);
  const found = /Total downtime:\s*(\d+(?:\.\d+)?)\s+(ms|s)/.exec(text);
  if (!found) throw new Error(`no downtime in: ${text}`);
  return Number(found[1]) * (found[2] === 's' ? 1_000 : 1);
}

/**
 * Migrates by virsh, with the destination's files created beforehand, so that only virsh, libvirt
 * and QEMU are measured.
 */
async function throughVirsh(
  cloud: BenchCloud,
  id: string,
  source: Host,
  host: Host,
): Promise<Move> {
  const [from, to] = [hostDir(cloud, source), hostDir(cloud, host)];
  const folder = join(to, 'data', 'guests', id);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const disks: string[] = [];
  for (const name of await readdir(join(from, 'data', 'guests', id))) {
    const [old, own] = [join(from, 'data', 'guests', id, name), join(folder, name)];
    const { stdout } = await run('qemu-img', ['info', '-U', '--output=json', old]);
    // Cast: the output of qemu-img info.
    const info = JSON.parse(stdout) as {
      format: string;
      'virtual-size': number;
      'backing-filename'?: string;
      'backing-filename-format'?: string;
    };
    if (info.format !== 'qcow2') {
      await copyFile(old, own);
      continue;
    }
    disks.push(name);
    const backing = info['backing-filename'];
    const based = backing
      ? ['-b', backing.replace(from, to), '-F', info['backing-filename-format'] ?? 'qcow2']
      : [];
    const size = String(info['virtual-size']);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...based, own, size]);
  }
  const moved = async (...flags: string[]): Promise<string> => {
    const file = join(to, 'data', `bench${basename(flags.join('')) || '-live'}.xml`);
    const xml = await virsh(cloud, source, 'dumpxml', ...flags, id);
    await writeFile(
      file,
      xml
        .replaceAll(/\s*<backingStore type[^]*?<\/backingStore>(?=\s*<target)/g, '')
        .replaceAll(`${from}/`, `${to}/`),
    );
    return file;
  };
  const [live, persistent] = [await moved('--migratable'), await moved('--inactive')];
  const address = /migration_host = "(.*)"/.exec(
    await readFile(join(to, 'etc/libvirt/qemu.conf'), 'utf8'),
  )?.[1];
  const targets = (await virsh(cloud, source, 'domblklist', id))
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([target = '', path = '']) => (disks.includes(basename(path)) ? [target] : []));
  const way = ['migrate', '--live', '--p2p', '--tls', '--persistent', '--undefinesource'];
  const storage =
    targets.length > 0 ? ['--copy-storage-inc', '--migrate-disks', targets.join(',')] : [];
  const definitions = ['--xml', live, '--persistent-xml', persistent];
  const places = ['--migrateuri', `tcp://${address}`, id, `qemu+tls://${address}/system`];
  const startedAt = performance.now();
  await virsh(cloud, source, ...way, ...storage, ...definitions, ...places);
  const wholeMs = performance.now() - startedAt;
  return { wholeMs, downtimeMs: await downtimeOf(cloud, id, host) };
}
