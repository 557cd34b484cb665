// `cobalt bench storage`: volumes are created on a simulated backend and on the filer, attached to
// a running guest and written to, in turns with QEMU's own tool writing to the same file.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tenant } from '#test/e2e/network.testing.ts';
import type { Guest } from '#test/e2e/network.testing.ts';
import type { BenchCloud } from './cloud.ts';
import { adminProject, startBenchCloud } from './cloud.ts';
import { createLoad } from './load.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';
import { runParts } from './run-parts.ts';
import { transactionsPerSecond } from './yardsticks.ts';

const run = promisify(execFile);
const volumes = 100;
const waitMs = 120_000;

interface Volume {
  id: string;
  status: string;
}

export async function benchStorage(say: (text: string) => void): Promise<Figure[]> {
  const figures: Figure[] = [];
  say('volumes on a simulated backend');
  const simulated = await startBenchCloud({ hosts: 0, simulated: 1 });
  try {
    await liftQuota(simulated);
    await createMany(simulated, 10);
    figures.push({
      what: `${volumes} volumes of 1 GiB until available, simulated backend`,
      value: volumes / (await createMany(simulated, volumes)),
      unit: 'volumes/s',
      yardstick: { what: 'SQLite', unit: 'transactions/s', value: await transactionsPerSecond() },
      bar: { atLeast: 0.01 },
      stock: '8 volumes/s, fake driver',
    });
  } finally {
    await simulated.close();
  }
  const real = await startBenchCloud({ hosts: 1, simulated: 0 });
  try {
    await liftQuota(real);
    figures.push(...(await runParts([onFiler, attach, write], say, real)));
  } finally {
    await real.close();
  }
  return figures;
}

async function liftQuota(cloud: BenchCloud): Promise<void> {
  const id = await adminProject(cloud);
  await cloud.admin.ask('volume', 'PUT', `/v3/os-quota-sets/${id}`, {
    quota_set: { volumes: -1, gigabytes: -1 },
  });
}

/** Creates `count` volumes, 8 at a time; returns the seconds until all are available. */
async function createMany(cloud: BenchCloud, count: number): Promise<number> {
  const headers = { 'x-auth-token': cloud.admin.token };
  const load = createLoad(cloud.port, 8);
  const startedAt = performance.now();
  const { answers } = await load.run(
    count,
    (index) => ({
      method: 'POST',
      path: '/volume/v3/volumes',
      headers,
      body: { volume: { size: 1, name: `bench-${index}` } },
    }),
    202,
  );
  const ids = new Set(
    answers.map(({ body }) => (JSON.parse(body.toString()) as { volume: Volume }).volume.id),
  );
  for (const deadline = startedAt + waitMs; ;) {
    const { body } = await load.send({
      method: 'GET',
      path: '/volume/v3/volumes?status=available&limit=1000',
      headers,
    });
    const available = (JSON.parse(body.toString()) as { volumes: { id: string }[] }).volumes.filter(
      ({ id }) => ids.has(id),
    ).length;
    if (available === count) break;
    if (performance.now() > deadline)
      throw new Error(`${available} of ${count} volumes are available`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  load.close();
  return (performance.now() - startedAt) / 1000;
}

async function onFiler(cloud: BenchCloud): Promise<Figure[]> {
  await createMany(cloud, 10);
  return [
    {
      what: `${volumes} volumes of 1 GiB until available, on the filer`,
      value: volumes / (await createMany(cloud, volumes)),
      unit: 'volumes/s',
      yardstick: {
        what: 'qemu-img create',
        unit: 'images/s',
        value: await imagesPerSecond(cloud),
      },
      bar: { atLeast: 0.2 },
    },
  ];
}

/** How many images of 1 GiB qemu-img creates per second in a local folder. */
async function imagesPerSecond({ dir }: BenchCloud): Promise<number> {
  const count = 30;
  const startedAt = performance.now();
  for (let index = 0; index < count; index += 1)
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', join(dir, 'yardstick.qcow2'), '1G']);
  return count / ((performance.now() - startedAt) / 1000);
}

/** libvirt's own time to attach a local file to the running guest, median, ms. */
async function virshAttachMs({ dir }: BenchCloud, id: string): Promise<number> {
  const host = join(dir, 'hosts', 'h1');
  const socket = join(host, 'run', 'libvirt', 'libvirt-sock');
  const connection = ['-q', '-c', `qemu+unix:///system?socket=${socket}`];
  const times: number[] = [];
  for (const target of ['vdv', 'vdw', 'vdx', 'vdy', 'vdz']) {
    const file = join(host, 'data', `yardstick-${target}.img`);
    await run('qemu-img', ['create', '-q', '-f', 'raw', file, '1G']);
    const startedAt = performance.now();
    await run('virsh', [...connection, 'attach-disk', id, file, target, '--live']);
    times.push(performance.now() - startedAt);
    await run('virsh', [...connection, 'detach-disk', id, target, '--live']);
  }
  return median(times);
}

let guest: Guest | undefined;
let free: string[] = [];

async function statusBecomes({ admin }: BenchCloud, id: string, status: string): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (
    (await admin.ask<{ volume: Volume }>('volume', 'GET', `/v3/volumes/${id}`)).volume.status !==
    status
  ) {
    if (performance.now() > deadline) throw new Error(`volume ${id} does not become ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function attach(cloud: BenchCloud): Promise<Figure[]> {
  const admin = await tenant(cloud, 'admin');
  const group = await admin.groupNamed('bench');
  await admin.rule(group, { protocol: 'tcp', port_range_min: 22, port_range_max: 22 });
  guest = await admin.guest(
    'bench',
    (await admin.network('bench', ['10.8.0.0/24'], { router: await admin.router() })).id,
    { securityGroups: ['bench'] },
  );
  free = (
    await cloud.admin.ask<{ volumes: { id: string }[] }>('volume', 'GET', '/v3/volumes?limit=12')
  ).volumes.map(({ id }) => id);
  const times: number[] = [];
  for (const id of free.slice(0, 11)) {
    const startedAt = performance.now();
    await cloud.admin.ask('compute', 'POST', `/v2.1/servers/${guest.id}/os-volume_attachments`, {
      volumeAttachment: { volumeId: id },
    });
    await statusBecomes(cloud, id, 'in-use');
    times.push(performance.now() - startedAt);
    await cloud.admin.ask(
      'compute',
      'DELETE',
      `/v2.1/servers/${guest.id}/os-volume_attachments/${id}`,
    );
    await statusBecomes(cloud, id, 'available');
  }
  return [
    {
      what: 'a volume attached to a running guest until in-use, p50',
      value: median(times.slice(1)),
      unit: 'ms',
      yardstick: {
        what: 'virsh attach-disk of a local file',
        value: await virshAttachMs(cloud, guest.id),
      },
      bar: { atMost: 4 },
    },
  ];
}

const written = 512;

/**
 * The guest writes to the volume, then QEMU's own tool to the same file, in turns. Both bypass all
 * caches and wait until the data are stored.
 */
async function write(cloud: BenchCloud): Promise<Figure[]> {
  const id = free[11] ?? '';
  if (!guest || id === '') throw new Error('the guest of the part before is gone');
  const [inside, outside]: [number[], number[]] = [[], []];
  for (let round = 0; round < 3; round += 1) {
    await cloud.admin.ask('compute', 'POST', `/v2.1/servers/${guest.id}/os-volume_attachments`, {
      volumeAttachment: { volumeId: id },
    });
    await statusBecomes(cloud, id, 'in-use');
    const device = (
      await guest.sh(
        `while :; do for d in /sys/block/vd*; do [ "$(cat $d/serial 2>/dev/null)" = ${id.slice(0, 20)} ] && echo /dev/\${d##*/} && exit; done; usleep 100000; done`,
      )
    ).trim();
    const took = await guest.sh(
      `start=$(cut -d' ' -f1 /proc/uptime); dd if=/dev/zero of=${device} bs=4M count=${written / 4} oflag=direct conv=fsync 2>/dev/null; echo $start $(cut -d' ' -f1 /proc/uptime)`,
      120_000,
    );
    const [start = 0, end = 0] = took.trim().split(' ').map(Number);
    // The first round allocates the file's clusters, so it does not count.
    if (round > 0) inside.push((written * 1024 * 1024) / 1e6 / (end - start));
    await cloud.admin.ask(
      'compute',
      'DELETE',
      `/v2.1/servers/${guest.id}/os-volume_attachments/${id}`,
    );
    await statusBecomes(cloud, id, 'available');
    const cidr = (await readFile(join(cloud.dir, 'ovn/management-cidr'), 'utf8')).trim();
    const url = `nfs://${cidr.replace(/\d+\/\d+$/, '254')}/vol/volume-${id}`;
    const startedAt = performance.now();
    await run('qemu-io', [
      '-f',
      'qcow2',
      '-t',
      'none',
      ...Array.from({ length: written / 4 }, (_, index) => [
        '-c',
        `write -q ${index * 4}M 4M`,
      ]).flat(),
      '-c',
      'flush',
      url,
    ]);
    if (round > 0)
      outside.push((written * 1024 * 1024) / 1e6 / ((performance.now() - startedAt) / 1000));
  }
  return [
    {
      what: `${written} MiB written in the guest`,
      value: median(inside),
      unit: 'MB/s',
      yardstick: { what: "QEMU's own tool, same file", value: median(outside) },
      bar: { atLeast: 0.8 },
    },
  ];
}
