// `cobalt bench kube`: 2,000 Hypervisors in the Kubernetes API of an embedded cloud, accessed over
// TLS from another process, while the operator reconciles each of them.
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Json } from '#contracts/common/json.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { startBenchCloud } from './cloud.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';
import { residentMb, startBareServer, transactionsPerSecond } from './yardsticks.ts';

const count = 2_000;
const concurrency = 8;
const watched = 300;
const hypervisors = '/apis/kvm.cloud.sap/v1/hypervisors';

export async function benchKube(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 0, simulated: 1 });
  const bare = await startBareServer();
  const kube = await connect(join(cloud.dir, 'kubernetes/kubeconfig'));
  try {
    say('transactions of SQLite');
    const transactions = await transactionsPerSecond();
    const beforeMb = await residentMb(cloud.pid);
    say(`${count} hypervisors created`);
    const created = await perSecond(
      async (index) => await kube.ask('POST', hypervisors, hypervisor(index)),
    );
    await eventually(
      async () => {
        const { items } = (await kube.ask('GET', hypervisors)) as { items: { status?: object }[] };
        return items.length > count && items.every(({ status }) => status !== undefined);
      },
      { withinMs: 120_000, everyMs: 1_000, what: 'the operator has looked at each' },
    );
    say('their status patched');
    const patched = await perSecond(
      async (index) => await kube.ask('PATCH', `${hypervisors}/bench${index}/status`, status(1)),
    );
    const addedMb = (await residentMb(cloud.pid)) - beforeMb;
    say('a watch');
    const eventMs = await watchLatencies(kube);
    const { p50Ms: bareMs } = await bare.requests({}, { count: 1_000, concurrency: 1 });
    say('a list of all');
    const listMs: number[] = [];
    for (let round = 0; round < 15; round += 1) {
      const startedAt = performance.now();
      await kube.text('GET', hypervisors);
      listMs.push(performance.now() - startedAt);
    }
    const text = await kube.text('GET', hypervisors);
    const { p50Ms: bareListMs } = await bare.requests(JSON.parse(text) as Json, {
      count: 20,
      concurrency: 1,
    });
    const sqlite = { what: 'SQLite', value: transactions, unit: 'transactions/s' };
    return [
      {
        what: `${count} hypervisors created, ${concurrency} at a time`,
        value: created,
        unit: 'objects/s',
        yardstick: sqlite,
        bar: { atLeast: 0.008 },
      },
      {
        what: `status of ${count} patched, ${concurrency} at a time`,
        value: patched,
        unit: 'patches/s',
        yardstick: sqlite,
        bar: { atLeast: 0.015 },
      },
      {
        what: 'a status patch until its watch event, p95',
        value: eventMs,
        unit: 'ms',
        yardstick: { what: 'bare node:http, one request', value: bareMs },
        bar: { atMost: 200 },
      },
      {
        what: `list of ${count} hypervisors, p50`,
        value: median(listMs),
        unit: 'ms',
        yardstick: { what: 'bare node:http, same answer', value: bareListMs },
        bar: { atMost: 4 },
      },
      {
        what: `resident memory that ${count} hypervisors add`,
        value: addedMb,
        unit: 'MB',
        yardstick: { what: 'their JSON', value: Buffer.byteLength(text) / 1e6 },
      },
    ];
  } finally {
    kube.close();
    await bare.close();
    await cloud.close();
  }
}

const hypervisor = (index: number): object => ({
  metadata: { name: `bench${index}`, labels: { 'topology.kubernetes.io/zone': 'az1' } },
  // None of these Hypervisors exists in Nova.
  spec: { lifecycleEnabled: false, customTraits: ['CUSTOM_A', 'CUSTOM_B'] },
});

const status = (round: number): object => ({
  status: {
    numInstances: round,
    instances: Array.from({ length: 10 }, (_, index) => ({
      id: `4f0d8bd6-0000-4000-8000-00000000000${index}`,
      name: `server-${index}`,
      active: true,
    })),
  },
});

async function perSecond(call: (index: number) => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await call(index);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return (count * 1_000) / (performance.now() - startedAt);
}

/** Time from a PATCH until its watch event, ms, one patch at a time. */
async function watchLatencies(kube: Connection): Promise<number> {
  const { metadata } = (await kube.ask('GET', `${hypervisors}?limit=1`)) as {
    metadata: { resourceVersion: string };
  };
  let onEvent: (name: string) => void = () => undefined;
  const stop = await kube.watch(
    `${hypervisors}?watch=1&resourceVersion=${metadata.resourceVersion}`,
    ({ object }) => onEvent(object.metadata.name),
  );
  const latencies: number[] = [];
  for (let index = 0; index < watched; index += 1) {
    const notification = new Promise<void>((resolve) => {
      onEvent = (name) => {
        if (name === `bench${index}`) resolve();
      };
    });
    const startedAt = performance.now();
    await Promise.all([
      kube.ask('PATCH', `${hypervisors}/bench${index}/status`, status(2)),
      notification.then(() => latencies.push(performance.now() - startedAt)),
    ]);
  }
  stop();
  return latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.95)] ?? 0;
}

interface WatchEvent {
  object: { metadata: { name: string } };
}

interface Connection {
  text(method: string, path: string, body?: object): Promise<string>;
  ask(method: string, path: string, body?: object): Promise<unknown>;
  /** Resolves when the watch is open; returns a function that ends it. */
  watch(path: string, onEvent: (event: WatchEvent) => void): Promise<() => void>;
  close(): void;
}

async function connect(kubeconfig: string): Promise<Connection> {
  const { clusters, users } = parse(await readFile(kubeconfig, 'utf8')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
  };
  const decoded = (text: string): string => Buffer.from(text, 'base64').toString();
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: concurrency + 1,
    ca: decoded(ca),
    cert: decoded(cert),
    key: decoded(key),
  });
  const open = (method: string, path: string, type: string) =>
    request(`${server}${path}`, { method, agent, headers: { 'content-type': type } });
  const text: Connection['text'] = async (method, path, body) =>
    await new Promise((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const httpRequest = open(method, path, type).on('error', reject);
      httpRequest.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) < 300) resolve(answer);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`));
        });
      });
      httpRequest.end(body && JSON.stringify(body));
    });
  return {
    text,
    ask: async (method, path, body) => JSON.parse(await text(method, path, body)) as unknown,
    watch: async (path, onEvent) =>
      await new Promise((resolve, reject) => {
        const httpRequest = open('GET', path, 'application/json').on('error', reject);
        httpRequest.on('response', (response) => {
          let rest = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            const lines = (rest + chunk).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) onEvent(JSON.parse(line) as WatchEvent);
          });
          resolve(() => void httpRequest.destroy());
        });
        httpRequest.end();
      }),
    close: () => agent.destroy(),
  };
}
