// `cobalt bench network`: ports that are created over HTTP and written to a real northbound
// database, listed, and written again after its loss.
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answersHttp, stream, tenant } from '#test/e2e/network.testing.ts';
import type { Guest } from '#test/e2e/network.testing.ts';
import type { BenchCloud } from './cloud.ts';
import { adminProject, startBenchCloud } from './cloud.ts';
import { listFigure } from './list-figure.ts';
import { createLoad } from './load.ts';
import { insertedPortsMs } from './ovsdb-yardstick.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';
import { runParts } from './run-parts.ts';
import type { BareServer } from './yardsticks.ts';
import { startBareServer, transactionsPerSecond } from './yardsticks.ts';

const run = promisify(execFile);
const syncedPorts = 10_000;
/** Neutron's limit: `maxBulk` in services/neutron/api/attributes.ts. */
const portsPerRequest = 250;
const rebuildDeadlineMs = 120_000;

interface Port {
  id: string;
  fixed_ips: { ip_address: string }[];
}

const parts = [guests, createPorts, listPorts, crowdedSubnet, rebuild];

export async function benchNetwork(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 2, simulated: 0 });
  const bare = await startBareServer();
  try {
    await liftQuota(cloud);
    return await runParts(parts, say, cloud, bare);
  } finally {
    await bare.close();
    await cloud.close();
  }
}

const headersOf = ({ admin }: BenchCloud): Record<string, string> => ({
  'x-auth-token': admin.token,
});

async function liftQuota(cloud: BenchCloud): Promise<void> {
  const id = await adminProject(cloud);
  await cloud.admin.ask('network', 'PUT', `/v2.0/quotas/${id}`, {
    quota: { port: -1, network: -1, subnet: -1 },
  });
}

async function makeNetwork({ admin }: BenchCloud, cidr: string): Promise<string> {
  const { network } = await admin.ask<{ network: { id: string } }>(
    'network',
    'POST',
    '/v2.0/networks',
    { network: { name: `bench ${cidr}` } },
  );
  await admin.ask('network', 'POST', '/v2.0/subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr },
  });
  return network.id;
}

const nbctl = async ({ dir }: BenchCloud, ...words: string[]): Promise<string> =>
  (
    await run(
      'ovn-nbctl',
      [`--db=unix:${join(dir, 'ovn/run/nb.sock')}`, '--timeout=10', ...words],
      { maxBuffer: 64 * 1024 * 1024 },
    ).catch(() => ({ stdout: '' }))
  ).stdout;

/** How many of our ports are in the northbound database; their names are UUIDs. */
const written = async (cloud: BenchCloud): Promise<number> =>
  (await nbctl(cloud, '--bare', '--columns=name', 'find', 'Logical_Switch_Port', 'type=""'))
    .split('\n')
    .filter((line) => line.length === 36).length;

async function allWritten(cloud: BenchCloud, count: number, deadlineMs: number): Promise<void> {
  const startedAt = performance.now();
  while ((await written(cloud)) < count) {
    if (performance.now() - startedAt > deadlineMs)
      throw new Error(
        `the northbound database has ${await written(cloud)} ports, ${count} were expected`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * OVN's own time from a change of the northbound database until all hosts have applied it; median,
 * ms.
 */
async function syncMs(cloud: BenchCloud): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const startedAt = performance.now();
    await nbctl(cloud, '--wait=hv', 'sync');
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

const streamMegabytes = 24;

/**
 * Measures what guests see: TCP throughput over Geneve in both directions and both IP versions, and
 * how soon a changed security group rule takes effect.
 */
async function guests(cloud: BenchCloud): Promise<Figure[]> {
  const admin = await tenant(cloud, 'admin');
  const group = await admin.groupNamed('bench');
  for (const ethertype of ['IPv4', 'IPv6'])
    await admin.rule(group, {
      protocol: 'tcp',
      port_range_min: 5001,
      port_range_max: 5001,
      ethertype,
    });
  await admin.rule(group, { protocol: 'tcp', port_range_min: 22, port_range_max: 22 });
  const network = await admin.network('bench guests', ['10.9.0.0/24', 'fd00:9::/64'], {
    router: await admin.router(),
  });
  const [a, b] = (await Promise.all(
    ['h1', 'h2'].map(
      async (host) =>
        await admin.guest(`bench-${host}`, network.id, { host, securityGroups: ['bench'] }),
    ),
  )) as [Guest, Guest]; // cast: one guest on each host
  const ways = [
    [a, b, a.fixed],
    [b, a, b.fixed],
    [a, b, a.fixedV6 ?? ''],
    [b, a, b.fixedV6 ?? ''],
  ] as const;
  const rates: number[] = [];
  // The first run warms up: under emulation a guest's code is translated at its first use.
  for (const measured of [false, true]) {
    for (const [from, to, address] of ways) {
      const rate = await stream(from, to, address, streamMegabytes);
      if (measured) rates.push(rate);
    }
  }
  const loopback = {
    v4: await stream(a, a, '127.0.0.1', streamMegabytes),
    v6: await stream(a, a, '::1', streamMegabytes),
  };
  await a.sh('mkdir -p /tmp/www; echo hello >/tmp/www/index.html; httpd -p 80 -h /tmp/www');
  const [opened, closed]: [number[], number[]] = [[], []];
  const until = async (open: boolean, times: number[]): Promise<void> => {
    const startedAt = performance.now();
    while ((await answersHttp(a.floating)) !== open)
      if (performance.now() - startedAt > 30_000) throw new Error('a rule has no effect');
    times.push(performance.now() - startedAt);
  };
  for (let round = 0; round < 3; round += 1) {
    const rule = await admin.rule(group, {
      protocol: 'tcp',
      port_range_min: 80,
      port_range_max: 80,
    });
    await until(true, opened);
    await cloud.admin.ask('network', 'DELETE', `/v2.0/security-group-rules/${rule}`);
    await until(false, closed);
  }
  const yardstick = { what: 'ovn-nbctl --wait=hv sync', value: await syncMs(cloud) };
  for (const { id } of [a, b]) {
    await cloud.admin.send('compute', 'DELETE', `/v2.1/servers/${id}`);
    while ((await cloud.admin.send('compute', 'GET', `/v2.1/servers/${id}`)).status !== 404)
      await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return [
    {
      what: 'TCP between guests on two hosts by IPv4, slower of both ways',
      value: Math.min(...rates.slice(0, 2)),
      unit: 'MB/s',
      yardstick: { what: "a guest's own loopback", value: loopback.v4 },
      bar: { atLeast: 0.2 },
    },
    {
      what: 'the same by IPv6',
      value: Math.min(...rates.slice(2)),
      unit: 'MB/s',
      yardstick: { what: "a guest's own loopback", value: loopback.v6 },
      bar: { atLeast: 0.2 },
    },
    {
      what: 'a rule made until packets pass, slowest of 3',
      value: Math.max(...opened),
      unit: 'ms',
      yardstick,
      bar: { atMost: 60 },
    },
    {
      what: 'a rule deleted until they do not, slowest of 3',
      value: Math.max(...closed),
      unit: 'ms',
      yardstick,
      bar: { atMost: 60 },
    },
  ];
}

async function createPorts(cloud: BenchCloud): Promise<Figure[]> {
  const [headers, count] = [headersOf(cloud), 1500];
  const warm = await makeNetwork(cloud, '10.1.0.0/24');
  const network = await makeNetwork(cloud, '10.2.0.0/20');
  const load = createLoad(cloud.port, 8);
  const call = (id: string) => () => ({
    method: 'POST',
    path: '/network/v2.0/ports',
    headers,
    body: { port: { network_id: id } },
  });
  const base = await written(cloud);
  await load.run(200, call(warm), 201);
  await allWritten(cloud, base + 200, 30_000);
  const startedAt = performance.now();
  const { seconds } = await load.run(count, call(network), 201);
  await allWritten(cloud, base + 200 + count, 60_000);
  const untilWritten = (performance.now() - startedAt) / 1000;
  load.close();
  return [
    {
      what: `${count} ports, 8 at a time, until OVN has their rows`,
      value: count / untilWritten,
      unit: 'ports/s',
      yardstick: { what: 'SQLite', unit: 'transactions/s', value: await transactionsPerSecond() },
      bar: { atLeast: 0.02 },
      stock: '7.5 ports/s, without OVN',
    },
    { what: 'the same, until Neutron has answered', value: count / seconds, unit: 'ports/s' },
  ];
}

async function listPorts(cloud: BenchCloud, bare: BareServer): Promise<Figure[]> {
  const network = await makeNetwork(cloud, '10.3.0.0/23');
  await cloud.admin.ask('network', 'POST', '/v2.0/ports', {
    ports: Array.from({ length: 200 }, () => ({
      network_id: network,
      device_owner: 'bench:listed',
    })),
  });
  return [
    await listFigure(cloud, bare, {
      what: 'GET /ports of 200, 8 at a time, p50',
      path: `/network/v2.0/ports?network_id=${network}&device_owner=bench:listed`,
      headers: headersOf(cloud),
      field: 'ports',
      expected: 200,
      calls: { warmUp: 200, measured: 800, bare: 800 },
      concurrency: 8,
      atMost: 2,
      stock: '560 ms',
    }),
  ];
}

async function crowdedSubnet(cloud: BenchCloud): Promise<Figure[]> {
  const network = await makeNetwork(cloud, '10.4.0.0/22');
  const load = createLoad(cloud.port, 500);
  const { answers, seconds } = await load.run(
    500,
    () => ({
      method: 'POST',
      path: '/network/v2.0/ports',
      headers: headersOf(cloud),
      body: { port: { network_id: network } },
    }),
    201,
  );
  load.close();
  const addresses = answers.map(
    ({ body }) => (JSON.parse(body.toString()) as { port: Port }).port.fixed_ips[0]?.ip_address,
  );
  return [
    {
      what: '500 ports at once on one /22: addresses given twice',
      value: 500 - new Set(addresses).size,
      unit: '',
      bar: { atMost: 0 },
    },
    { what: '500 ports at once on one /22', value: 500 / seconds, unit: 'ports/s' },
  ];
}

async function rebuild(cloud: BenchCloud): Promise<Figure[]> {
  const existingPorts = await written(cloud);
  for (let count = existingPorts; count < syncedPorts; count += portsPerRequest) {
    const network = await makeNetwork(cloud, `10.${100 + Math.floor(count / 250)}.0.0/22`);
    await cloud.admin.ask('network', 'POST', '/v2.0/ports', {
      ports: Array.from({ length: Math.min(portsPerRequest, syncedPorts - count) }, () => ({
        network_id: network,
      })),
    });
  }
  await allWritten(cloud, syncedPorts, rebuildDeadlineMs);
  const dir = join(cloud.dir, 'ovn');
  const init = (await readFile(join(dir, 'init.pid'), 'utf8')).split(' ')[1] ?? '';
  const database = (await readFile(join(dir, 'run/nb.pid'), 'utf8')).trim();
  await rm(join(dir, 'db/nb.db'));
  const startedAt = performance.now();
  await run('nsenter', ['-t', init, '-m', '-p', '/bin/kill', '-9', database]);
  await allWritten(cloud, syncedPorts, rebuildDeadlineMs);
  const seconds = (performance.now() - startedAt) / 1000;
  return [
    {
      what: `${syncedPorts.toLocaleString('en')} ports into a northbound database that was lost, from its death`,
      value: seconds,
      unit: 's',
      yardstick: {
        what: 'ovsdb-tool inserts them',
        value: (await insertedPortsMs(syncedPorts)) / 1000,
      },
      bar: { atMost: 10 },
    },
  ];
}
