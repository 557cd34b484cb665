// `cobalt bench boot`: the time from POST /servers to the guest kernel's first line on the console,
// in turns with `virsh create` of the same domain on the same host.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchCloud } from './cloud.ts';
import { startBenchCloud } from './cloud.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';

const run = promisify(execFile);
const rounds = 5;
const bootTimeoutMs = 120_000;

export async function benchBoot(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 1, simulated: 0 });
  try {
    const { images } = await cloud.admin.ask<{ images: { id: string }[] }>(
      'image',
      'GET',
      '/v2/images?name=tiny',
    );
    const imageId = images[0]?.id ?? '';
    say('warm up: image cache, QEMU capabilities');
    const warm = await throughNova(cloud, imageId);
    const xml = await keepBootFiles(cloud, warm.xml);
    await destroyServer(cloud, warm.id);
    const [ours, bare]: [number[], number[]] = [[], []];
    for (let round = 1; round <= rounds; round += 1) {
      say(`round ${round} of ${rounds}`);
      const server = await throughNova(cloud, imageId);
      ours.push(server.ms);
      await destroyServer(cloud, server.id);
      bare.push(await throughVirsh(cloud, xml));
    }
    return [
      {
        what: 'POST /servers to the first console line, median',
        value: median(ours),
        unit: 'ms',
        yardstick: { what: 'virsh create of the same domain', value: median(bare) },
        bar: { atMost: 1.25 },
      },
    ];
  } finally {
    await cloud.close();
  }
}

const hostDir = (cloud: BenchCloud): string => join(cloud.dir, 'hosts', 'h1');
const virsh = async (cloud: BenchCloud, ...args: string[]): Promise<string> =>
  (
    await run('virsh', [
      '-q',
      '-c',
      `qemu+unix:///system?socket=${join(hostDir(cloud), 'run', 'libvirt', 'libvirt-sock')}`,
      ...args,
    ])
  ).stdout;

async function throughNova(
  cloud: BenchCloud,
  imageId: string,
): Promise<{ id: string; ms: number; xml: string }> {
  const startedAt = performance.now();
  const { server } = await cloud.admin.ask<{ server: { id: string } }>(
    'compute',
    'POST',
    '/v2.1/servers',
    { server: { name: 'bench', imageRef: imageId, flavorRef: '42', networks: 'none' } },
  );
  let log: string | undefined;
  const deadline = performance.now() + bootTimeoutMs;
  for (;;) {
    if (performance.now() > deadline) throw new Error('the guest did not boot in time');
    log ??= await consoleLogOf(cloud, server.id);
    if (log !== undefined && (await readFile(log, 'utf8').catch(() => '')).includes('\n')) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const ms = performance.now() - startedAt;
  return { id: server.id, ms, xml: await virsh(cloud, 'dumpxml', '--inactive', server.id) };
}

/**
 * Copies kernel and initrd for the bare guest: the originals are in the server's folder, which is
 * deleted with the server.
 */
async function keepBootFiles(cloud: BenchCloud, xml: string): Promise<string> {
  const folder = join(hostDir(cloud), 'data', 'bench-boot');
  await mkdir(folder, { recursive: true });
  let bootableXml = xml;
  for (const [, path = ''] of xml.matchAll(/<(?:kernel|initrd)>([^<]+)</g)) {
    const copy = join(folder, basename(path));
    await copyFile(path, copy);
    bootableXml = bootableXml.replaceAll(path, copy);
  }
  return bootableXml;
}

async function consoleLogOf(cloud: BenchCloud, id: string): Promise<string | undefined> {
  const xml = await virsh(cloud, 'dumpxml', id).catch(() => '');
  return /<log file='([^']+)'/.exec(xml)?.[1];
}

async function destroyServer(cloud: BenchCloud, id: string): Promise<void> {
  await cloud.admin.send('compute', 'DELETE', `/v2.1/servers/${id}`);
  while ((await cloud.admin.send('compute', 'GET', `/v2.1/servers/${id}`)).status !== 404)
    await new Promise((resolve) => setTimeout(resolve, 100));
}

/**
 * Boots the same domain under another name; its overlay is created beforehand, so that only virsh
 * and QEMU are measured.
 */
async function throughVirsh(cloud: BenchCloud, xml: string): Promise<number> {
  const [uuid, name] = [randomUUID(), `bare-${randomUUID().slice(0, 8)}`];
  const folder = join(hostDir(cloud), 'data', name);
  await mkdir(folder, { recursive: true });
  const own = (path: string): string => join(folder, path.split('/').at(-1) ?? 'disk');
  let text = xml
    .replace(/<uuid>[^<]*<\/uuid>/, `<uuid>${uuid}</uuid>`)
    .replace(/<name>[^<]*<\/name>/, `<name>${name}</name>`)
    .replaceAll(/<entry name='uuid'>[^<]*/g, `<entry name='uuid'>${uuid}`);
  for (const [, path] of xml.matchAll(/<source file='([^']+)'\/>/g)) {
    if (path === undefined) continue;
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', own(path), '1G']);
    text = text.replaceAll(path, own(path));
  }
  for (const pattern of [
    /<log file='([^']+)'/g,
    /socket='([^']+)'/g,
    /path='([^']+)' mode/g,
    /mode='bind' path='([^']+)'/g,
  ]) {
    for (const [, path] of xml.matchAll(pattern))
      if (path !== undefined) text = text.replaceAll(path, own(path));
  }
  const file = join(folder, 'domain.xml');
  await writeFile(file, text);
  const log = /<log file='([^']+)'/.exec(text)?.[1] ?? '';
  const startedAt = performance.now();
  await virsh(cloud, 'create', file);
  const deadline = performance.now() + bootTimeoutMs;
  while (!(await readFile(log, 'utf8').catch(() => '')).includes('\n')) {
    if (performance.now() > deadline) throw new Error('the bare guest did not boot in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const ms = performance.now() - startedAt;
  await virsh(cloud, 'destroy', name).catch(() => '');
  await rm(folder, { recursive: true, force: true });
  return ms;
}
