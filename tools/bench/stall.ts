// `cobalt bench stall`: how long one hostile request keeps everybody else waiting. Two measurements
// bound the stall from above: the longest wait of another connection that requests a version
// document without a pause, and the CPU time of the control plane's main thread while it answers
// only the hostile request. The smaller one counts, because other load on the machine increases
// only the first.
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { BenchCloud } from './cloud.ts';
import { startBenchCloud } from './cloud.ts';
import type { HostileCall, HostileFacts } from './hostile-requests.ts';
import { hostileCalls, slowRules } from './hostile-requests.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';
import { hashingMs } from './yardsticks.ts';

/**
 * The shortest stall of this many rounds counts: a stall of the machine itself is rare, one that
 * the request causes occurs each time.
 */
const rounds = 3;

export async function benchStall(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 0, simulated: 2 });
  try {
    const calls = hostileCalls(await prepare(cloud));
    say(`${calls.length} hostile requests`);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const stalls: { what: string; ms: number }[] = [];
    const statuses = new Map<number, number>();
    for (const call of calls) {
      let ms = Infinity;
      for (let round = 0; round < rounds; round += 1) {
        const { status, stallMs } = await stallOf(cloud, agent, call);
        ms = Math.min(ms, stallMs, await runningOf(cloud, call));
        if (round === 0) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      stalls.push({ what: call.what, ms });
    }
    agent.destroy();
    const worst = stalls.toSorted((a, b) => b.ms - a.ms);
    say(`statuses: ${[...statuses].map(([status, count]) => `${count} x ${status}`).join(', ')}`);
    say(
      `longest: ${worst
        .slice(0, 5)
        .map(({ what, ms }) => `${what} ${ms.toFixed(1)} ms`)
        .join(', ')}`,
    );
    const failed = [...statuses].reduce(
      (sum, [status, count]) => sum + (status >= 500 || status === 0 ? count : 0),
      0,
    );
    return [
      {
        what: 'longest stall under hostile requests',
        value: worst[0]?.ms ?? 0,
        unit: 'ms',
        yardstick: { what: 'SHA-512 of 16 MiB', value: hashingMs() },
        bar: { atMost: 2.5 },
      },
      { what: 'the same, median', value: median(stalls.map(({ ms }) => ms)), unit: 'ms' },
      {
        what: 'of them answered by 5xx or not at all',
        value: failed,
        unit: '',
        bar: { atMost: 0 },
      },
    ];
  } finally {
    await cloud.close();
  }
}

async function prepare({ admin, adminPassword, origin }: BenchCloud): Promise<HostileFacts> {
  const { id: imageId } = await admin.ask<{ id: string }>('image', 'POST', '/v2/images', {
    name: 'bench',
    disk_format: 'raw',
    container_format: 'bare',
  });
  const { volume } = await admin.ask<{ volume: { id: string } }>('volume', 'POST', '/v3/volumes', {
    volume: { size: 1 },
  });
  const { network } = await admin.ask<{ network: { id: string } }>(
    'network',
    'POST',
    '/v2.0/networks',
    { network: { name: 'bench' } },
  );
  const token = async (
    identity: object,
  ): Promise<{ id: string; userId: string; projectId: string }> => {
    const answer = await fetch(`${origin}/identity/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth: identity }),
    });
    const { token: facts } = (await answer.json()) as {
      token: { user: { id: string }; project: { id: string } };
    };
    return {
      id: answer.headers.get('x-subject-token') ?? '',
      userId: facts.user.id,
      projectId: facts.project.id,
    };
  };
  const domain = { id: 'default' };
  const own = await token({
    identity: {
      methods: ['password'],
      password: { user: { name: 'admin', domain, password: adminPassword } },
    },
    scope: { project: { name: 'admin', domain } },
  });
  const { application_credential: ruled } = await admin.ask<{
    application_credential: { id: string; secret: string };
  }>('identity', 'POST', `/v3/users/${own.userId}/application_credentials`, {
    application_credential: { name: 'bench', access_rules: slowRules() },
  });
  const { id: ruledToken } = await token({
    identity: {
      methods: ['application_credential'],
      application_credential: { id: ruled.id, secret: ruled.secret },
    },
  });
  return {
    token: own.id,
    ruledToken,
    imageId,
    volumeId: volume.id,
    networkId: network.id,
    projectId: own.projectId,
  };
}

async function stallOf(
  cloud: BenchCloud,
  agent: Agent,
  call: HostileCall,
): Promise<{ status: number; stallMs: number }> {
  let isOver = false;
  let stallMs = 0;
  const probing = (async () => {
    while (!isOver) {
      const startedAt = performance.now();
      await send(cloud.port, agent, {
        what: '',
        method: 'GET',
        path: '/compute/v2.1',
        headers: {},
      });
      stallMs = Math.max(stallMs, performance.now() - startedAt);
    }
  })();
  const status = await send(cloud.port, undefined, call);
  isOver = true;
  await probing;
  return { status, stallMs };
}

/** CPU time of the main thread during one request, ms. proc(5), schedstat. */
async function runningOf(cloud: BenchCloud, call: HostileCall): Promise<number> {
  const runningNs = async (): Promise<number> =>
    Number(
      (await readFile(`/proc/${cloud.pid}/task/${cloud.pid}/schedstat`, 'utf8')).split(' ', 1)[0],
    );
  const before = await runningNs();
  await send(cloud.port, undefined, call);
  return ((await runningNs()) - before) / 1e6;
}

/** Sends the request; returns the status, or 0 if the connection ended early. */
async function send(
  port: number,
  agent: Agent | undefined,
  { method, path, headers, body }: HostileCall,
): Promise<number> {
  return await new Promise((resolve) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: agent ?? false,
        headers: { ...headers, ...(body ? { 'content-length': body.length } : {}) },
      },
      (incoming) => {
        incoming.resume();
        incoming.on('end', () => resolve(incoming.statusCode ?? 0));
        incoming.on('error', () => resolve(0));
      },
    );
    outgoing.on('error', () => resolve(0));
    outgoing.end(body);
  });
}
