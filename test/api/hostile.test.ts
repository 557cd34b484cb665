// Hostile requests to all routes: valid ones, nearly valid ones, and ones that no client sends.
// None is answered by a 5xx, none blocks the others, none leaks memory. `FUZZ_REQUESTS=200000
// ./cobalt test hostile --no-checks` is the long run; FUZZ_SEED selects other requests.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock, withDeadline } from '#platform/clock.ts';
import { startHostileCloud } from './hostile/hostile-cloud.ts';
import type { HostileAnswer, HostileCloud, HostileRequest } from './hostile/hostile-cloud.ts';
import { Random } from './hostile/random.ts';

const requests = Number(process.env['FUZZ_REQUESTS'] ?? 3_000);
const seed = Number(process.env['FUZZ_SEED'] ?? 1);
/**
 * After this many requests the cloud is recreated, since requests use up quotas, delete objects and
 * revoke tokens.
 */
const requestsPerCloud = 2_000;
const maxStallMs = 50;
/** Many times the longest time for which a handler waits. */
const hangMs = 60_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void; // V8's own, enabled by the flag above

/** Status of functions that this cloud does not offer. */
const notOffered = 501;
/** Requests that may be answered by a 5xx: consoles of simulated guests, which have no screen. */
const mayBeUnavailable = (request: HostileRequest): boolean =>
  /\/action$|remote-consoles/.test(request.path);

interface Findings {
  faults: Map<string, string>;
  statuses: Map<number, number>;
  routes: Set<string>;
  heaps: number[];
}

async function judge(
  cloud: HostileCloud,
  request: HostileRequest,
  { faults, statuses, routes }: Findings,
): Promise<void> {
  const answer: HostileAnswer | undefined = await withDeadline(
    cloud.send(request),
    hangMs,
    () => undefined,
    systemClock,
  );
  const shown = `${request.method} ${request.path.slice(0, 300)}?${request.query.slice(0, 300)} ${JSON.stringify({ ...request.headers, 'x-auth-token': '' })} ${request.body?.toString('latin1').slice(0, 1_500) ?? ''}`;
  if (!answer) {
    faults.set(`${request.route}: no answer`, shown);
    return;
  }
  statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
  if (answer.status < 300) routes.add(request.route);
  if (
    answer.status >= 500 &&
    answer.status !== notOffered &&
    !(answer.status === 503 && mayBeUnavailable(request))
  )
    faults.set(
      `${request.route}: ${answer.status}`,
      `${shown}\n  ${answer.text.slice(0, 300)}\n  ${cloud.errors().join('').slice(0, 1_500)}`,
    );
  // Compilation and garbage collection also take time: the shortest of several runs counts.
  let fastestMs = answer.cpuMs;
  for (let attempt = 0; attempt < 5 && fastestMs > maxStallMs; attempt += 1)
    fastestMs = Math.min(fastestMs, (await cloud.send(request)).cpuMs);
  if (fastestMs > maxStallMs)
    faults.set(`${request.route}: takes ${Math.round(fastestMs / 10) * 10} ms`, shown);
}

describe('hostile requests', () => {
  it(`(${requests}) are answered without a 5xx, without a stall, without a leak`, async (t) => {
    const random = new Random(seed);
    const findings: Findings = {
      faults: new Map(),
      statuses: new Map(),
      routes: new Set(),
      heaps: [],
    };
    for (let sent = 0; sent < requests;) {
      const cloud = await startHostileCloud(random);
      for (let here = 1; here <= requestsPerCloud && sent < requests; here += 1, sent += 1) {
        await judge(cloud, cloud.make(), findings);
        if (
          here % 100 === 0 &&
          !(await cloud.renewTokens().then(
            () => true,
            () => false,
          ))
        )
          break; // its users were deleted or locked by requests
      }
      collect();
      findings.heaps.push(process.memoryUsage().heapUsed / 1024 / 1024);
      await cloud.stop();
    }
    const { faults, statuses, routes, heaps } = findings;
    t.diagnostic(
      `statuses ${JSON.stringify(Object.fromEntries([...statuses].sort(([a], [b]) => a - b)))}, ${routes.size} routes answered well, heap after each cloud, MiB: ${heaps.map(Math.round).join(' ')}`,
    );
    assert.deepEqual(
      [...faults].map(([what, request]) => `${what}\n  ${request}`),
      [],
    );
    assert.ok(
      (statuses.get(200) ?? 0) > requests * 0.02 && routes.size > 20,
      'hardly any request was right: nothing behind the edge was tried',
    );
    const [first = 0, last = 0] = [heaps[1] ?? heaps[0], heaps.at(-1)];
    assert.ok(
      last < first + 40,
      `the heap grew from ${Math.round(first)} to ${Math.round(last)} MiB`,
    );
  });
});
