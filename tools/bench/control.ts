// `cobalt bench control`: the control plane alone, 100 simulated hosts, SQLite, one process, the
// load over HTTP sockets from another.
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { BenchCloud } from './cloud.ts';
import { startBenchCloud } from './cloud.ts';
import { createLoad } from './load.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';

const simulatedHosts = 100;
const mib = 1024 * 1024;

export async function benchControl(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 0, simulated: simulatedHosts });
  try {
    const figures: Figure[] = [];
    for (const part of [
      emptyList,
      password,
      candidates,
      createServers,
      listServers,
      images,
      memory,
    ]) {
      say(part.name);
      figures.push(...(await part(cloud)));
    }
    return figures;
  } finally {
    await cloud.close();
  }
}

async function emptyList({ port, admin }: BenchCloud): Promise<Figure[]> {
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
  return [
    {
      what: 'GET /servers of an empty project, p50',
      value: median(alone.latenciesMs),
      unit: 'ms',
      bar: { atMost: 2 },
      stock: '25 ms',
    },
    {
      what: 'GET /servers, 8 at a time',
      value: 6000 / many.seconds,
      unit: 'req/s',
      bar: { atLeast: 1500 },
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
      bar: { atMost: 60 },
      stock: '250 ms',
    },
  ];
}

async function candidates({ port, admin }: BenchCloud): Promise<Figure[]> {
  const headers = { 'x-auth-token': admin.token, 'openstack-api-version': 'placement 1.36' };
  const inventory = (total: number) => ({
    total,
    reserved: 0,
    min_unit: 1,
    max_unit: total,
    step_size: 1,
    allocation_ratio: 1,
  });
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
          VCPU: inventory(64),
          MEMORY_MB: inventory(262_144),
          DISK_GB: inventory(4096),
        },
      },
    }),
    200,
  );
  load.close();
  const one = createLoad(port, 1);
  const call = () => ({
    method: 'GET',
    path: '/placement/allocation_candidates?resources=VCPU:1,MEMORY_MB:512,DISK_GB:1',
    headers,
  });
  await one.run(20, call, 200);
  const { latenciesMs, answers } = await one.run(200, call, 200);
  one.close();
  const found = (
    JSON.parse(answers[0]?.body.toString() ?? '{}') as { allocation_requests: unknown[] }
  ).allocation_requests.length;
  if (found !== 1000) throw new Error(`${found} candidates were found, 1000 were expected`);
  // The extra providers are no hosts: they must not be candidates of the servers made next.
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
  return [
    {
      what: 'GET /allocation_candidates, 1,000 providers, p50',
      value: median(latenciesMs),
      unit: 'ms',
      bar: { atMost: 5 },
      stock: '230-360 ms',
    },
  ];
}

async function prepareServers({ admin, origin }: BenchCloud): Promise<string> {
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
  const { token } = await admin
    .ask<{ token: { project: { id: string } } }>('identity', 'GET', '/v3/auth/tokens')
    .catch(() => ({ token: { project: { id: '' } } }));
  const projectId =
    token.project.id ||
    (
      await admin.ask<{ projects: { id: string; name: string }[] }>(
        'identity',
        'GET',
        '/v3/auth/projects',
      )
    ).projects.find(({ name }) => name === 'admin')?.id;
  await admin.ask('compute', 'PUT', `/v2.1/os-quota-sets/${projectId}`, {
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
        const made = await load.send({
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
        if (made.status !== 202)
          throw new Error(`POST /servers: ${made.status} ${made.body.toString()}`);
        const { server } = JSON.parse(made.body.toString()) as { server: { id: string } };
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
  return [
    {
      what: '100 servers created until ACTIVE, 8 at a time',
      value: 100 / seconds,
      unit: 'servers/s',
      bar: { atLeast: 50 },
      stock: '1.35 servers/s',
    },
  ];
}

async function listServers(cloud: BenchCloud): Promise<Figure[]> {
  await createMany(cloud, 1000 - 108, 16);
  const load = createLoad(cloud.port, 1);
  const call = () => ({
    method: 'GET',
    path: '/compute/v2.1/servers/detail',
    headers: { 'x-auth-token': cloud.admin.token },
  });
  await load.run(5, call, 200);
  const { latenciesMs, answers } = await load.run(30, call, 200);
  load.close();
  const found = (JSON.parse(answers[0]?.body.toString() ?? '{}') as { servers: unknown[] }).servers
    .length;
  if (found !== 1000) throw new Error(`${found} servers were listed, 1000 were expected`);
  return [
    {
      what: 'GET /servers/detail of 1,000 servers, p50',
      value: median(latenciesMs),
      unit: 'ms',
      bar: { atMost: 40 },
      stock: '1,620 ms',
    },
  ];
}

const imageMib = 100;

async function images({ port, admin }: BenchCloud): Promise<Figure[]> {
  const chunk = randomBytes(mib);
  const ups: number[] = [];
  const downs: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const { id } = await admin.ask<{ id: string }>('image', 'POST', '/v2/images', {
      name: `bench-${round}`,
      disk_format: 'raw',
      container_format: 'bare',
    });
    const path = `/image/v2/images/${id}/file`;
    const startedAt = performance.now();
    await new Promise<void>((resolve, reject) => {
      const put = request(
        {
          host: '127.0.0.1',
          port,
          method: 'PUT',
          path,
          headers: {
            'x-auth-token': admin.token,
            'content-type': 'application/octet-stream',
            'content-length': imageMib * mib,
          },
        },
        (answer) => {
          answer.resume();
          answer.on('end', () =>
            answer.statusCode === 204
              ? resolve()
              : reject(new Error(`upload: ${answer.statusCode}`)),
          );
        },
      );
      put.on('error', reject);
      let sent = 0;
      const push = (): void => {
        while (sent < imageMib) {
          sent += 1;
          if (!put.write(chunk)) {
            put.once('drain', push);
            return;
          }
        }
        put.end();
      };
      push();
    });
    ups.push((imageMib * mib) / 1e6 / ((performance.now() - startedAt) / 1000));
    const readFrom = performance.now();
    let size = 0;
    await new Promise<void>((resolve, reject) => {
      request(
        { host: '127.0.0.1', port, method: 'GET', path, headers: { 'x-auth-token': admin.token } },
        (answer) => {
          answer.on('data', (data: Buffer) => (size += data.length));
          answer.on('end', resolve);
          answer.on('error', reject);
        },
      ).end();
    });
    if (size !== imageMib * mib) throw new Error(`download: ${size} bytes`);
    downs.push(size / 1e6 / ((performance.now() - readFrom) / 1000));
    await admin.send('image', 'DELETE', `/v2/images/${id}`);
  }
  return [
    {
      what: `image upload of ${imageMib} MiB`,
      value: median(ups),
      unit: 'MB/s',
      bar: { atLeast: 300 },
      stock: '190 MB/s',
    },
    {
      what: `image download of ${imageMib} MiB`,
      value: median(downs),
      unit: 'MB/s',
      bar: { atLeast: 800 },
      stock: '760 MB/s',
    },
  ];
}

async function memory({ pid }: BenchCloud): Promise<Figure[]> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  const peak = Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024;
  return [{ what: 'resident memory at most, under this load', value: peak, unit: 'MiB' }];
}
