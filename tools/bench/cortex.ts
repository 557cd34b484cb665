// `cobalt bench cortex`: placement decisions over a fleet in memory, with and without claims, on
// one core, beside a naive implementation of the same pipeline, whose decisions must be the same.
import { isFault } from '#contracts/common/fault.ts';
import { Fleet } from '#services/cortex/domain/fleet/fleet.ts';
import type { HostFacts, ReservationFacts } from '#services/cortex/domain/fleet/host-facts.ts';
import { naiveDecision } from '#services/cortex/domain/naive-pipeline.testing.ts';
import type { Pipeline } from '#services/cortex/domain/pipeline/build-pipeline.ts';
import { buildPipeline } from '#services/cortex/domain/pipeline/build-pipeline.ts';
import { defaultPipelines } from '#services/cortex/domain/pipeline/default-pipelines.ts';
import type { Decision } from '#services/cortex/domain/pipeline/engine.ts';
import { Engine } from '#services/cortex/domain/pipeline/engine.ts';
import { generalPurpose } from '#services/cortex/domain/request/infer-pipeline.ts';
import { parseNovaRequest } from '#services/cortex/domain/request/parse-nova-request.ts';
import type { PlacementRequest } from '#services/cortex/domain/request/placement-request.ts';
import type { RequestShares } from '#services/cortex/domain/synthetic-fleet.testing.ts';
import {
  createChance,
  syntheticHosts,
  syntheticRequest,
  syntheticReservation,
  usualShares,
} from '#services/cortex/domain/synthetic-fleet.testing.ts';
import type { ClaimRates } from './cortex-claims.ts';
import { decideAndClaim } from './cortex-claims.ts';
import { freshness } from './cortex-freshness.ts';
import type { Figure } from './report.ts';

const seed = 1;
/** Number of hosts in an answer, best first. */
const answered = 10;
const pacedPerSecond = 2_000;
const pacedSeconds = 5;
/** Number of servers that live at once: when one more arrives, the oldest leaves. */
const living = 1_000;

export async function benchCortex(say: (text: string) => void): Promise<Figure[]> {
  const of = (hosts: number, shares?: RequestShares) => {
    say(`${hosts} hosts`);
    return measure(hosts, shares);
  };
  const [small, middle, large] = [of(1_000), of(5_000), of(20_000)];
  const named = { ...usualShares, aggregates: 1 };
  const [middleNamed, largeNamed] = [of(5_000, named), of(20_000, named)];
  say(`${pacedPerSecond} decisions a second`);
  const { p50Ms, p99Ms } = paced(5_000);
  say('the naive form');
  const naiveMs = naive(5_000);
  say('decisions with claims in Placement');
  const claims = await claimed(5_000);
  say('how soon a claim counts');
  const claimFreshness = await freshness();
  const perSecond = (us: number): number => 1e6 / us;
  return [
    {
      what: `decisions of one core, 5,000 hosts, all 17 filters and 6 weighers`,
      value: perSecond(middle),
      unit: 'decisions/s',
      bar: { atLeast: 10_000 },
    },
    { what: 'the same, 1,000 hosts', value: perSecond(small), unit: 'decisions/s' },
    { what: 'the same, 20,000 hosts', value: perSecond(large), unit: 'decisions/s' },
    {
      what: 'time of a decision, 20,000 hosts against 5,000',
      value: large / middle,
      unit: 'x',
      bar: { atMost: 4.4 },
    },
    {
      what: 'the same, each request names an aggregate of 20 hosts',
      value: largeNamed / middleNamed,
      unit: 'x',
      bar: { atMost: 3 },
    },
    { what: `a decision at ${pacedPerSecond}/s, 5,000 hosts, p50`, value: p50Ms, unit: 'ms' },
    { what: 'the same, p99', value: p99Ms, unit: 'ms', bar: { atMost: 5 } },
    {
      what: 'decisions of one core with claims in Placement on SQLite, 64 clients',
      value: claims.cpuPerSecond,
      unit: 'decisions/s',
      bar: { atLeast: 1_500 },
    },
    { what: 'the same, by the clock', value: claims.perSecond, unit: 'decisions/s' },
    {
      what: 'from a claim until decisions see it, by the bus, p50',
      value: claimFreshness.p50Ms,
      unit: 'ms',
    },
    { what: 'the same, p99', value: claimFreshness.p99Ms, unit: 'ms', bar: { atMost: 100 } },
    {
      what: 'the naive form: decisions in its time for one',
      value: (naiveMs * 1e3) / middle,
      unit: 'x',
      bar: { atLeast: 100 },
    },
    { what: 'the naive form, 5,000 hosts', value: naiveMs, unit: 'ms/decision' },
  ];
}

interface Scene {
  hosts: HostFacts[];
  reservations: ReservationFacts[];
  requests: PlacementRequest[];
  fleet: Fleet;
  engine: Engine;
  pipeline: Pipeline;
}

function prepare(count: number, shares: RequestShares, requests: number): Scene {
  const chance = createChance(seed);
  const hosts = syntheticHosts(count, chance);
  const reservations = Array.from({ length: count / 5 }, (_, index) =>
    syntheticReservation(index, hosts, chance),
  );
  const fleet = new Fleet();
  for (const host of hosts) fleet.apply(host);
  for (const reservation of reservations) fleet.applyReservation(reservation);
  const spec = defaultPipelines[generalPurpose];
  const pipeline = spec && buildPipeline(generalPurpose, spec);
  if (!pipeline || isFault(pipeline)) throw new Error(`the pipeline ${generalPurpose} is wrong`);
  return {
    hosts,
    reservations,
    requests: Array.from({ length: requests }, (_, index) =>
      parseNovaRequest(syntheticRequest(index, hosts, chance, shares)),
    ),
    fleet,
    engine: new Engine(fleet),
    pipeline,
  };
}

/**
 * Makes a function that decides about a request and takes the capacity of the best host; the
 * capacity of the oldest server is given back.
 */
function createArrivals({ fleet, engine, pipeline }: Scene) {
  const arrived: (readonly [host: number, request: PlacementRequest])[] = [];
  const change = (host: number, { resources }: PlacementRequest, sign: 1 | -1): void => {
    const used: Record<string, number> = {};
    for (const [name, amount] of resources)
      used[name] = (fleet.resource(name).used[host] ?? 0) + sign * amount;
    fleet.applyUsage(fleet.names[host] ?? '', used);
  };
  return (request: PlacementRequest): Decision => {
    const decision = engine.decide(pipeline, request, { limit: answered });
    const [best] = decision.targets;
    if (best) {
      change(best.host, request, 1);
      arrived.push([best.host, request]);
    }
    const oldest = arrived.length > living ? arrived.shift() : undefined;
    if (oldest) change(...oldest, -1);
    return decision;
  };
}

/**
 * Microseconds of CPU time for a decision, including the change of the fleet. CPU time, so that
 * other processes on the machine do not count.
 */
function measure(count: number, shares = usualShares): number {
  const scene = prepare(count, shares, 4_000);
  const arrive = createArrivals(scene);
  for (const request of scene.requests) arrive(request);
  const rounds: number[] = [];
  for (let round = 0; round < 12; round += 1) {
    const before = process.cpuUsage();
    let placed = 0;
    for (const request of scene.requests) placed += arrive(request).targets.length > 0 ? 1 : 0;
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / scene.requests.length);
    if (placed < scene.requests.length / 10) throw new Error(`only ${placed} servers were placed`);
  }
  // The best round: others were disturbed more by other processes.
  return Math.min(...rounds);
}

/**
 * Latencies under a fixed rate of requests, measured from the time at which a request is due, even
 * if earlier ones are still being answered.
 */
function paced(count: number): { p50Ms: number; p99Ms: number } {
  const scene = prepare(count, usualShares, 4_000);
  const arrive = createArrivals(scene);
  for (const request of scene.requests) arrive(request);
  const latencies: number[] = [];
  const start = performance.now();
  for (let index = 0; index < pacedPerSecond * pacedSeconds; index += 1) {
    const dueMs = start + (index * 1_000) / pacedPerSecond;
    while (performance.now() < dueMs);
    const request = scene.requests[index % scene.requests.length];
    if (request) arrive(request);
    latencies.push(performance.now() - dueMs);
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function claimed(count: number): Promise<ClaimRates> {
  const { hosts, fleet } = prepare(count, usualShares, 0);
  const chance = createChance(seed + 1);
  const requests = Array.from({ length: 6_000 }, (_, index) => {
    const request = syntheticRequest(index, hosts, chance);
    // Each request is for a different server.
    request.spec['nova_object.data'].instance_uuid = `claimed-${index}`;
    return { ...request, options: { max_candidates: answered } };
  });
  return await decideAndClaim(fleet, hosts, requests);
}

/**
 * Milliseconds of CPU time of the naive pipeline; throws if it decides differently than the engine.
 */
function naive(count: number): number {
  const { hosts, reservations, requests, engine, pipeline } = prepare(count, usualShares, 12);
  const [, ...measured] = requests.map((request) => {
    const before = process.cpuUsage();
    const [naiveBest] = naiveDecision({ hosts, reservations }, request);
    const { user, system } = process.cpuUsage(before);
    const [best] = engine.decide(pipeline, request, { limit: 1 }).targets;
    if (best?.name !== naiveBest?.name)
      throw new Error(`the engine takes ${best?.name}, the naive form ${naiveBest?.name}`);
    return (user + system) / 1_000;
  });
  return measured.reduce((sum, ms) => sum + ms, 0) / measured.length;
}
