// The figures of `cobalt bench control`, measured in slices of less than a second each, so that two
// clouds can be measured in turns. Used by control.ts (one cloud) and side-by-side.ts (two).
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { plainInventory } from '#contracts/placement/wire.ts';
import { systemClock } from '#platform/clock.ts';
import type { BenchCloud } from './cloud.ts';
import { adminProject } from './cloud.ts';
import type { MeasuredFigure } from './compare.ts';
import type { Target } from './copy-image.ts';
import { download, imageMib, upload } from './copy-image.ts';
import { bareList, timeList } from './list-figure.ts';
import type { MeasuredList } from './list-figure.ts';
import type { Answer, Call } from './load.ts';
import { createLoad } from './load.ts';
import type { Bar, Yardstick } from './report.ts';
import { median } from './report.ts';
import type { BareServer } from './yardsticks.ts';
import { passwordHashMs, transactionsPerSecond } from './yardsticks.ts';

/** Default number of simulated hosts in a measured cloud. */
export const simulatedHosts = 100;
const listed = 1000;

export interface ControlCloud extends BenchCloud {
  hosts: number;
  imageId: string;
  /** Number of servers created so far. */
  servers: number;
}

export interface ControlFigure {
  what: string;
  unit: string;
  /** Slices in a run; the figure is the median over them. */
  slices: number;
  /** Measures one slice; returns its median or rate. */
  measure(cloud: ControlCloud): Promise<number>;
  yardstick(bare: BareServer, cloud: ControlCloud): Promise<Yardstick>;
  bar: Bar;
  stock: string;
}

/** Figures that need the same objects in the cloud. */
export interface ControlPart {
  name: string;
  /** Creates these objects and warms the cloud up. */
  prepare?(cloud: ControlCloud): Promise<void>;
  figures: readonly ControlFigure[];
  /** Deletes the objects of `prepare`. */
  clean?(cloud: ControlCloud): Promise<void>;
}

/** Registers an image and lifts the quota of servers. */
export async function prepareControl(cloud: BenchCloud, hosts: number): Promise<ControlCloud> {
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
  return { ...cloud, hosts, imageId: id, servers: 0 };
}

interface Amount {
  count: number;
  concurrency: number;
  /** Expected status of each answer. */
  expected: number;
}

async function calls(
  { port }: BenchCloud,
  { count, concurrency, expected }: Amount,
  make: (index: number) => Call,
): Promise<{ latenciesMs: number[]; seconds: number }> {
  const load = createLoad(port, concurrency);
  try {
    return await load.run(count, make, expected);
  } finally {
    load.close();
  }
}

/** The figure of a list: its time, beside a bare server's time for the same answer. */
const figureOf = (
  list: Omit<MeasuredList, 'headers'>,
  headersOf: (cloud: BenchCloud) => Record<string, string>,
): ControlFigure => ({
  what: list.what,
  unit: 'ms',
  slices: 10,
  measure: async (cloud) =>
    await timeList(cloud, { ...list, headers: headersOf(cloud) }, list.calls.measured),
  yardstick: async (bare, cloud) =>
    await bareList(cloud, bare, { ...list, headers: headersOf(cloud) }),
  bar: { atMost: list.atMost },
  stock: list.stock,
});

const tokenOf = ({ admin }: BenchCloud) => ({ 'x-auth-token': admin.token });

const emptyListOf = (cloud: BenchCloud): Call => ({
  method: 'GET',
  path: '/compute/v2.1/servers',
  headers: tokenOf(cloud),
});
const emptyAnswer = { servers: [] };
const [oneByOne, eight] = [
  { count: 100, concurrency: 1, expected: 200 },
  { count: 1000, concurrency: 8, expected: 200 },
];

const emptyList: ControlPart = {
  name: 'emptyList',
  prepare: async (cloud) => void (await calls(cloud, eight, () => emptyListOf(cloud))),
  figures: [
    {
      what: 'GET /servers of an empty project, p50',
      unit: 'ms',
      slices: 10,
      measure: async (cloud) =>
        median((await calls(cloud, oneByOne, () => emptyListOf(cloud))).latenciesMs),
      async yardstick(bare) {
        const { p50Ms } = await bare.requests(emptyAnswer, { count: 1000, concurrency: 1 });
        return { what: 'bare node:http', value: p50Ms };
      },
      bar: { atMost: 8 },
      stock: '25 ms',
    },
    {
      what: 'GET /servers, 8 at a time',
      unit: 'req/s',
      slices: 10,
      measure: async (cloud) =>
        eight.count / (await calls(cloud, eight, () => emptyListOf(cloud))).seconds,
      async yardstick(bare) {
        const { perSecond } = await bare.requests(emptyAnswer, { count: 6000, concurrency: 8 });
        return { what: 'bare node:http', value: perSecond };
      },
      bar: { atLeast: 0.1 },
      stock: '80 req/s',
    },
  ],
};

const tokens = { count: 6, concurrency: 1, expected: 201 };

function passwordRequest({ adminPassword }: BenchCloud): Call {
  const domain = { id: 'default' };
  const user = { name: 'admin', domain, password: adminPassword };
  return {
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    body: {
      auth: {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { name: 'admin', domain } },
      },
    },
  };
}

const password: ControlPart = {
  name: 'password',
  figures: [
    {
      what: 'token from a password, p50',
      unit: 'ms',
      slices: 6,
      measure: async (cloud) =>
        median((await calls(cloud, tokens, () => passwordRequest(cloud))).latenciesMs),
      yardstick: async () => ({ what: 'the hash alone', value: await passwordHashMs() }),
      bar: { atMost: 2 },
      stock: '250 ms',
    },
  ],
};

const placementHeaders = ({ admin }: BenchCloud) => ({
  'x-auth-token': admin.token,
  'openstack-api-version': 'placement 1.36',
});
const extraProviders = Array.from({ length: listed }, () => randomUUID());

const candidateList = {
  what: 'GET /allocation_candidates, 1,000 providers, p50',
  path: '/placement/allocation_candidates?resources=VCPU:1,MEMORY_MB:512,DISK_GB:1',
  field: 'allocation_requests',
  expected: listed,
  calls: { warmUp: 20, measured: 20, bare: 200 },
  concurrency: 1,
  atMost: 3.5,
  stock: '230-360 ms',
};

/** Makes a request for each resource provider that was added beyond the hosts. */
async function eachProvider(
  cloud: ControlCloud,
  expected: number,
  make: (uuid: string, index: number) => Omit<Call, 'headers'>,
): Promise<void> {
  const load = { count: Math.max(0, listed - cloud.hosts), concurrency: 4, expected };
  const headers = placementHeaders(cloud);
  await calls(cloud, load, (index) => ({ ...make(extraProviders[index] ?? '', index), headers }));
}

const candidates: ControlPart = {
  name: 'candidates',
  async prepare(cloud) {
    await eachProvider(cloud, 200, (uuid, index) => ({
      method: 'POST',
      path: '/placement/resource_providers',
      body: { uuid, name: `bench-${index}` },
    }));
    await eachProvider(cloud, 200, (uuid) => ({
      method: 'PUT',
      path: `/placement/resource_providers/${uuid}/inventories`,
      body: {
        resource_provider_generation: 0,
        inventories: {
          VCPU: plainInventory(64),
          MEMORY_MB: plainInventory(262_144),
          DISK_GB: plainInventory(4096),
        },
      },
    }));
  },
  figures: [figureOf(candidateList, placementHeaders)],
  // Removed, since these providers are no hosts and must not become candidates for servers created
  // later.
  clean: async (cloud) =>
    await eachProvider(cloud, 204, (uuid) => ({
      method: 'DELETE',
      path: `/placement/resource_providers/${uuid}`,
    })),
};

const atATime = 8;
const pollEveryMs = 50;

/** Creates servers and waits until each is ACTIVE; returns the duration in seconds. */
async function createServers(cloud: ControlCloud, count: number): Promise<number> {
  const { port, admin, imageId } = cloud;
  const headers = { 'x-auth-token': admin.token, 'openstack-api-version': 'compute 2.90' };
  const load = createLoad(port, atATime);
  const startedAt = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      while (next < count) {
        const name = `bench-${next++}`;
        const server = { name, imageRef: imageId, flavorRef: '42', networks: 'none' };
        const path = '/compute/v2.1/servers';
        const created = await load.send({ method: 'POST', path, headers, body: { server } });
        if (created.status !== 202)
          throw new Error(`POST /servers: ${created.status} ${created.body.toString()}`);
        const { id } = serverIn(created);
        // Polls after a pause, and rarely: polling is not what is measured, and a faster cloud
        // would otherwise get more polls.
        for (let status = ''; status !== 'ACTIVE';) {
          await systemClock.sleep(pollEveryMs);
          const answer = await load.send({ method: 'GET', path: `${path}/${id}`, headers });
          ({ status } = serverIn(answer));
          if (status === 'ERROR')
            throw new Error(`a server ended in ERROR: ${answer.body.toString()}`);
        }
      }
    }),
  );
  load.close();
  cloud.servers += count;
  return (performance.now() - startedAt) / 1000;
}

const serverIn = ({ body }: Answer): { id: string; status: string } =>
  (JSON.parse(body.toString()) as { server: { id: string; status: string } }).server;

const serversASlice = 50;
export const creationUnit = 'servers/s';

const creation: ControlPart = {
  name: 'creation',
  prepare: async (cloud) => void (await createServers(cloud, serversASlice)),
  figures: [
    {
      what: 'servers created until ACTIVE, 8 at a time',
      unit: creationUnit,
      slices: 5,
      measure: async (cloud) => serversASlice / (await createServers(cloud, serversASlice)),
      yardstick: async () => ({
        what: 'SQLite',
        unit: 'transactions/s',
        value: await transactionsPerSecond(),
      }),
      bar: { atLeast: 0.004 },
      stock: '1.35 servers/s',
    },
  ],
};

const serverList = {
  what: 'GET /servers/detail of 1,000 servers, p50',
  path: '/compute/v2.1/servers/detail',
  field: 'servers',
  expected: listed, // a page's limit; there may be more
  calls: { warmUp: 5, measured: 5, bare: 50 },
  concurrency: 1,
  atMost: 8,
  stock: '1,620 ms',
};

const serverLists: ControlPart = {
  name: 'serverLists',
  async prepare(cloud) {
    await createServers(cloud, Math.max(0, listed - cloud.servers));
    await timeList(cloud, { ...serverList, headers: tokenOf(cloud) }, serverList.calls.warmUp);
  },
  figures: [figureOf(serverList, tokenOf)],
};

async function newImage({ port, admin }: BenchCloud): Promise<{ id: string; target: Target }> {
  const { id } = await admin.ask<{ id: string }>('image', 'POST', '/v2/images', {
    name: 'copy',
    disk_format: 'raw',
    container_format: 'bare',
  });
  const headers = { 'x-auth-token': admin.token };
  return { id, target: { port, path: `/image/v2/images/${id}/file`, headers } };
}

/** Uploads an image, calls `copy` and removes the image; returns the result of `copy`. */
async function withImage(
  cloud: BenchCloud,
  copy: (target: Target, uploaded: number) => Promise<number> | number,
): Promise<number> {
  const { id, target } = await newImage(cloud);
  try {
    return await copy(target, await upload(target));
  } finally {
    await cloud.admin.send('image', 'DELETE', `/v2/images/${id}`);
  }
}

async function bareCopies(
  { port }: BareServer,
  copy: (target: Target) => Promise<number>,
): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < 5; round += 1)
    rates.push(await copy({ port, path: '/file', headers: {} }));
  return median(rates);
}

const images: ControlPart = {
  name: 'images',
  prepare: async (cloud) => void (await withImage(cloud, (_, uploaded) => uploaded)),
  figures: [
    {
      what: `image upload of ${imageMib} MiB`,
      unit: 'MB/s',
      slices: 5,
      measure: async (cloud) => await withImage(cloud, (_, uploaded) => uploaded),
      yardstick: async (bare) => ({
        what: 'bare node:http to a file',
        value: await bareCopies(bare, upload),
      }),
      bar: { atLeast: 0.3 },
      stock: '190 MB/s',
    },
    {
      what: `image download of ${imageMib} MiB`,
      unit: 'MB/s',
      slices: 5,
      measure: async (cloud) => await withImage(cloud, download),
      yardstick: async (bare) => ({
        what: 'bare node:http from a file',
        value: await bareCopies(bare, download),
      }),
      bar: { atLeast: 0.4 },
      stock: '760 MB/s',
    },
  ],
};

export const controlParts: readonly ControlPart[] = [
  emptyList,
  password,
  candidates,
  creation,
  serverLists,
  images,
];

/** Sum of the peak resident memory of all processes, MiB. proc(5), status. */
export async function peakMemory({ pids }: BenchCloud): Promise<MeasuredFigure> {
  let value = 0;
  for (const pid of await pids()) {
    const text = await readFile(`/proc/${pid}/status`, 'utf8');
    value += Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024;
  }
  return { what: 'resident memory at most, under this load', value, unit: 'MiB' };
}
