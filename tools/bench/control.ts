// `cobalt bench control`: the control plane alone, 100 simulated hosts, SQLite, one process, the
// load over HTTP sockets from another.
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { plainInventory } from '#contracts/placement/wire.ts';
import type { BenchCloud } from './cloud.ts';
import { adminProject, startBenchCloud } from './cloud.ts';
import { download, imageMib, upload } from './copy-image.ts';
import { listFigure } from './list-figure.ts';
import { createLoad } from './load.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';
import { runParts } from './run-parts.ts';
import type { BareServer } from './yardsticks.ts';
import { passwordHashMs, startBareServer, transactionsPerSecond, untilIdle } from './yardsticks.ts';

const simulatedHosts = 100;

const parts = [emptyList, password, candidates, createServers, listServers, images, memory];

export async function benchControl(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 0, simulated: simulatedHosts });
  say('waiting until the new hosts are taken in');
  await untilIdle(cloud.pid);
  const bare = await startBareServer();
  try {
    return await runParts(parts, say, cloud, bare);
  } finally {
    await bare.close();
    await cloud.close();
  }
}

async function emptyList({ port, admin }: BenchCloud, bare: BareServer): Promise<Figure[]> {
  const call = () => ({
    method: 'GET',
    path: '/compute/v2.1/servers',
    headers: { 'x-auth-token': admin.token },
  });
  const one = createLoad(port, 1);
  await one.run(200, call, 200);
  const alone = await one.run(500, call, 200);
  one.close();
  const eight = createLoad(port, 8);
  const many = await eight.run(6000, call, 200);
  eight.close();
  const bareAlone = await bare.requests({ servers: [] }, { count: 1000, concurrency: 1 });
  const bareMany = await bare.requests({ servers: [] }, { count: 6000, concurrency: 8 });
  return [
    {
      what: 'GET /servers of an empty project, p50',
      value: median(alone.latenciesMs),
      unit: 'ms',
      yardstick: { what: 'bare node:http', value: bareAlone.p50Ms },
      bar: { atMost: 8 },
      stock: '25 ms',
    },
    {
      what: 'GET /servers, 8 at a time',
      value: 6000 / many.seconds,
      unit: 'req/s',
      yardstick: { what: 'bare node:http', value: bareMany.perSecond },
      bar: { atLeast: 0.1 },
      stock: '80 req/s',
    },
  ];
}

async function password({ port, adminPassword }: BenchCloud): Promise<Figure[]> {
  const load = createLoad(port, 1);
  const domain = { id: 'default' };
  const body = {
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { name: 'admin', domain, password: adminPassword } },
      },
      scope: { project: { name: 'admin', domain } },
    },
  };
  const { latenciesMs } = await load.run(
    30,
    () => ({ method: 'POST', path: '/identity/v3/auth/tokens', body }),
    201,
  );
  load.close();
  return [
    {
      what: 'token from a password, p50',
      value: median(latenciesMs),
      unit: 'ms',
      yardstick: { what: 'the hash alone', value: await passwordHashMs() },
      bar: { atMost: 2 },
      stock: '250 ms',
    },
  ];
}

async function candidates(cloud: BenchCloud, bare: BareServer): Promise<Figure[]> {
  const { port, admin } = cloud;
  const headers = { 'x-auth-token': admin.token, 'openstack-api-version': 'placement 1.36' };
  const load = createLoad(port, 4);
  const uuids = Array.from({ length: 1000 - simulatedHosts }, () => randomUUID());
  await load.run(
    uuids.length,
    (index) => ({
      method: 'POST',
      path: '/placement/resource_providers',
      headers,
      body: { uuid: uuids[index] ?? '', name: `bench-${index}` },
    }),
    200,
  );
  await load.run(
    uuids.length,
    (index) => ({
      method: 'PUT',
      path: `/placement/resource_providers/${uuids[index]}/inventories`,
      headers,
      body: {
        resource_provider_generation: 0,
        inventories: {
          VCPU: plainInventory(64),
          MEMORY_MB: plainInventory(262_144),
          DISK_GB: plainInventory(4096),
        },
      },
    }),
    200,
  );
  load.close();
  const figure = await listFigure(cloud, bare, {
    what: 'GET /allocation_candidates, 1,000 providers, p50',
    path: '/placement/allocation_candidates?resources=VCPU:1,MEMORY_MB:512,DISK_GB:1',
    headers,
    field: 'allocation_requests',
    expected: 1000,
    calls: { warmUp: 20, measured: 200, bare: 200 },
    concurrency: 1,
    atMost: 3.5,
    stock: '230-360 ms',
  });
  // The extra providers are not hosts: they must not be candidates for the servers created next.
  const clean = createLoad(port, 4);
  await clean.run(
    uuids.length,
    (index) => ({
      method: 'DELETE',
      path: `/placement/resource_providers/${uuids[index]}`,
      headers,
    }),
    204,
  );
  clean.close();
  return [figure];
}

async function prepareServers(cloud: BenchCloud): Promise<string> {
  const { admin, origin } = cloud;
  const { id } = await admin.ask<{ id: string }>('image', 'POST', '/v2/images', {
    name: 'bench',
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'public',
  });
  await fetch(`${origin}/image/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { 'x-auth-token': admin.token, 'content-type': 'application/octet-stream' },
    body: randomBytes(65_536),
  });
  await admin.ask('compute', 'PUT', `/v2.1/os-quota-sets/${await adminProject(cloud)}`, {
    quota_set: { instances: -1, cores: -1, ram: -1 },
  });
  return id;
}

let imageId = '';

async function createMany(cloud: BenchCloud, count: number, concurrency: number): Promise<number> {
  const { port, admin } = cloud;
  if (imageId === '') imageId = await prepareServers(cloud);
  const headers = { 'x-auth-token': admin.token, 'openstack-api-version': 'compute 2.90' };
  const load = createLoad(port, concurrency);
  const startedAt = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) {
        const index = next++;
        const createAnswer = await load.send({
          method: 'POST',
          path: '/compute/v2.1/servers',
          headers,
          body: {
            server: {
              name: `bench-${index}`,
              imageRef: imageId,
              flavorRef: '42',
              networks: 'none',
            },
          },
        });
        if (createAnswer.status !== 202)
          throw new Error(`POST /servers: ${createAnswer.status} ${createAnswer.body.toString()}`);
        const { server } = JSON.parse(createAnswer.body.toString()) as { server: { id: string } };
        for (;;) {
          const shown = await load.send({
            method: 'GET',
            path: `/compute/v2.1/servers/${server.id}`,
            headers,
          });
          const { status } = (JSON.parse(shown.body.toString()) as { server: { status: string } })
            .server;
          if (status === 'ACTIVE') break;
          if (status === 'ERROR')
            throw new Error(`a server ended in ERROR: ${shown.body.toString()}`);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    }),
  );
  load.close();
  return (performance.now() - startedAt) / 1000;
}

async function createServers(cloud: BenchCloud): Promise<Figure[]> {
  await createMany(cloud, 8, 8);
  const seconds = await createMany(cloud, 100, 8);
  const transactions = await transactionsPerSecond();
  return [
    {
      what: '100 servers created until ACTIVE, 8 at a time',
      value: 100 / seconds,
      unit: 'servers/s',
      yardstick: { what: 'SQLite', unit: 'transactions/s', value: transactions },
      bar: { atLeast: 0.004 },
      stock: '1.35 servers/s',
    },
  ];
}

async function listServers(cloud: BenchCloud, bare: BareServer): Promise<Figure[]> {
  await createMany(cloud, 1000 - 108, 16);
  return [
    await listFigure(cloud, bare, {
      what: 'GET /servers/detail of 1,000 servers, p50',
      path: '/compute/v2.1/servers/detail',
      headers: { 'x-auth-token': cloud.admin.token },
      field: 'servers',
      expected: 1000,
      calls: { warmUp: 5, measured: 30, bare: 50 },
      concurrency: 1,
      atMost: 8,
      stock: '1,620 ms',
    }),
  ];
}

async function images({ port, admin }: BenchCloud, bare: BareServer): Promise<Figure[]> {
  const [ups, downs]: [number[], number[]] = [[], []];
  for (let round = 0; round < 5; round += 1) {
    const { id } = await admin.ask<{ id: string }>('image', 'POST', '/v2/images', {
      name: `bench-${round}`,
      disk_format: 'raw',
      container_format: 'bare',
    });
    const path = `/image/v2/images/${id}/file`;
    const image = { port, path, headers: { 'x-auth-token': admin.token } };
    ups.push(await upload(image));
    downs.push(await download(image));
    await admin.send('image', 'DELETE', `/v2/images/${id}`);
  }
  const copy = { port: bare.port, path: '/file', headers: {} };
  const [bareUps, bareDowns]: [number[], number[]] = [[], []];
  for (let round = 0; round < 5; round += 1) {
    bareUps.push(await upload(copy));
    bareDowns.push(await download(copy));
  }
  return [
    {
      what: `image upload of ${imageMib} MiB`,
      value: median(ups),
      unit: 'MB/s',
      yardstick: { what: 'bare node:http to a file', value: median(bareUps) },
      bar: { atLeast: 0.3 },
      stock: '190 MB/s',
    },
    {
      what: `image download of ${imageMib} MiB`,
      value: median(downs),
      unit: 'MB/s',
      yardstick: { what: 'bare node:http from a file', value: median(bareDowns) },
      bar: { atLeast: 0.4 },
      stock: '760 MB/s',
    },
  ];
}

async function memory({ pid }: BenchCloud): Promise<Figure[]> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  const peak = Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024;
  return [{ what: 'resident memory at most, under this load', value: peak, unit: 'MiB' }];
}
