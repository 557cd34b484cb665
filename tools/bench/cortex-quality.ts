// `cobalt bench quality`: how densely servers are packed on seeded traces of arrivals and
// departures, by Cortex's pipelines and, on the same traces, by Nova's default weighers.
import { isFault } from '#contracts/common/fault.ts';
import { buildPipeline } from '#services/cortex/domain/pipeline/build-pipeline.ts';
import { defaultPipelines } from '#services/cortex/domain/pipeline/default-pipelines.ts';
import { Engine } from '#services/cortex/domain/pipeline/engine.ts';
import { generalPurpose, hanaBinPacking } from '#services/cortex/domain/request/infer-pipeline.ts';
import { noRequest } from '#services/cortex/domain/request/placement-request.ts';
import { fleetOf, host as smallFleetHost } from '#services/cortex/domain/small-fleet.testing.ts';
import type { Chance } from '#services/cortex/domain/synthetic-fleet.testing.ts';
import { createChance } from '#services/cortex/domain/synthetic-fleet.testing.ts';
import type { Figure } from './report.ts';

const hostCount = 200;
const host = { vcpus: 256, memoryGib: 512 };
/** vCPUs and GiB of memory; some flavors are rich in memory, some in vCPUs, some balanced. */
const flavors = [
  [2, 4],
  [4, 16],
  [8, 32],
  [16, 32],
  [8, 64],
  [32, 128],
] as const;
/** Six mixes: the relative frequency of each flavor. */
const mixes = [
  [8, 4, 2, 1, 1, 0],
  [4, 4, 4, 2, 2, 1],
  [1, 1, 1, 8, 1, 1],
  [1, 1, 1, 1, 8, 1],
  [0, 2, 4, 0, 2, 4],
  [4, 0, 0, 4, 4, 4],
] as const;
const arrivals = 6_000;

interface Flavor {
  vcpus: number;
  memoryGib: number;
}

/** A placement policy. `choose` returns a host's index; undefined: there is no room. */
interface Policy {
  choose(server: number, flavor: Flavor): number | undefined;
  change(host: number, flavor: Flavor, sign: 1 | -1): void;
}

interface Outcome {
  /** Hosts with servers, divided by the fewest hosts that could hold them. */
  hostsToBound: number;
  /** Share of the free memory that is on hosts without room for the mix's largest flavor. */
  stranded: number;
  /** Share of arrivals for which no host was found. */
  failed: number;
}

export async function benchQuality(say: (text: string) => void): Promise<Figure[]> {
  const policies: readonly [string, () => Policy][] = [
    ['packing', () => byPipeline(hanaBinPacking)],
    ['general', () => byPipeline(generalPurpose)],
    ["Nova's weighers", byNova],
  ];
  const figures: Figure[] = [];
  for (const [name, create] of policies) {
    say(name);
    const half = mixes.map((mix, at) => run(create(), mix, { seed: at + 1, load: 0.6 }));
    const full = mixes.map((mix, at) => run(create(), mix, { seed: at + 1, load: 0.9 }));
    await Promise.resolve();
    const mean = (of: (outcome: Outcome) => number, outcomes: readonly Outcome[]): number =>
      outcomes.reduce((sum, one) => sum + of(one), 0) / outcomes.length;
    figures.push(
      {
        what: `${name}: hosts used against the lower bound, 60 % load`,
        value: mean((one) => one.hostsToBound, half),
        unit: 'x',
        ...(name === 'packing' && { bar: { atMost: 1.03 } }),
      },
      {
        what: `${name}: stranded of what is free, 90 % load`,
        value: mean((one) => one.stranded, full) * 100,
        unit: '%',
      },
      {
        what: `${name}: failed placements, 90 % load`,
        value: mean((one) => one.failed, full) * 100,
        unit: '%',
      },
    );
  }
  return figures;
}

/**
 * Runs a trace: servers arrive while less than `load` is used, and random ones leave when more is
 * used.
 */
function run(
  policy: Policy,
  mix: readonly number[],
  { seed, load }: { seed: number; load: number },
): Outcome {
  const chance = createChance(seed);
  const flavors = mix.flatMap((share, at) => Array.from({ length: share }, () => flavorAt(at)));
  const living: { host: number; flavor: Flavor }[] = [];
  const used = { vcpus: 0, memoryGib: 0 };
  const note = (flavor: Flavor, sign: 1 | -1): void => {
    used.vcpus += sign * flavor.vcpus;
    used.memoryGib += sign * flavor.memoryGib;
  };
  const loadNow = (flavor: Flavor): number =>
    Math.max(
      (used.vcpus + flavor.vcpus) / (host.vcpus * hostCount),
      (used.memoryGib + flavor.memoryGib) / (host.memoryGib * hostCount),
    );
  let failed = 0;
  for (let server = 0; server < arrivals; server += 1) {
    const flavor = chance.oneOf(flavors);
    while (loadNow(flavor) > load) leave(policy, living, chance, note);
    const at = policy.choose(server, flavor);
    if (at === undefined) {
      failed += 1;
      continue;
    }
    policy.change(at, flavor, 1);
    note(flavor, 1);
    living.push({ host: at, flavor });
  }
  return { ...shapeOf(living, flavors), failed: failed / arrivals };
}

const flavorAt = (at: number): Flavor => {
  const [vcpus = 0, memoryGib = 0] = flavors[at] ?? [];
  return { vcpus, memoryGib };
};

function leave(
  policy: Policy,
  living: { host: number; flavor: Flavor }[],
  chance: Chance,
  note: (flavor: Flavor, sign: 1 | -1) => void,
): void {
  const [leaving] = living.splice(chance.below(living.length), 1);
  if (!leaving) throw new Error('nobody is there who could leave');
  policy.change(leaving.host, leaving.flavor, -1);
  note(leaving.flavor, -1);
}

function shapeOf(
  living: readonly { host: number; flavor: Flavor }[],
  flavors: readonly Flavor[],
): Pick<Outcome, 'hostsToBound' | 'stranded'> {
  const free = Array.from({ length: hostCount }, () => ({ ...host }));
  for (const { host: at, flavor } of living) {
    const one = free[at];
    if (!one) continue;
    one.vcpus -= flavor.vcpus;
    one.memoryGib -= flavor.memoryGib;
    if (one.vcpus < 0 || one.memoryGib < 0) throw new Error('a host is booked twice');
  }
  const sum = (of: (flavor: Flavor) => number): number =>
    living.reduce((total, { flavor }) => total + of(flavor), 0);
  const bound = Math.max(
    Math.ceil(sum(({ vcpus }) => vcpus) / host.vcpus),
    Math.ceil(sum(({ memoryGib }) => memoryGib) / host.memoryGib),
  );
  const largest = flavors.reduce((a, b) => (b.memoryGib > a.memoryGib ? b : a));
  const total = free.reduce((all, { memoryGib }) => all + memoryGib, 0);
  const stranded = free
    .filter((one) => one.memoryGib < largest.memoryGib || one.vcpus < largest.vcpus)
    .reduce((all, { memoryGib }) => all + memoryGib, 0);
  return {
    hostsToBound: new Set(living.map((one) => one.host)).size / bound,
    stranded: stranded / Math.max(1, total),
  };
}

function byPipeline(name: string): Policy {
  const spec = defaultPipelines[name];
  const pipeline = spec && buildPipeline(name, spec);
  if (!pipeline || isFault(pipeline)) throw new Error(`the pipeline ${name} is wrong`);
  const size = { vcpus: [0, host.vcpus], memoryGib: [0, host.memoryGib] } as const;
  const fleet = fleetOf(
    ...Array.from({ length: hostCount }, (_, at) => smallFleetHost(`h${at}`, size)),
  );
  const engine = new Engine(fleet);
  const numberOf = new Map(
    Array.from({ length: hostCount }, (_, at) => [fleet.positionOf(`h${at}`) ?? -1, at]),
  );
  return {
    choose(server, { vcpus, memoryGib }) {
      const resources = new Map([
        ['VCPU', vcpus],
        ['MEMORY_MB', memoryGib * 1024],
      ]);
      const request = { ...noRequest, serverId: `${server}`, resources };
      const [best] = engine.decide(pipeline, request, { limit: 1 }).targets;
      return best && numberOf.get(best.host);
    },
    change(at, { vcpus, memoryGib }, sign) {
      const position = fleet.positionOf(`h${at}`) ?? 0;
      const used = (name: string): number => fleet.resource(name).used[position] ?? 0;
      fleet.applyUsage(`h${at}`, {
        VCPU: used('VCPU') + sign * vcpus,
        MEMORY_MB: used('MEMORY_MB') + sign * memoryGib * 1024,
      });
    },
  };
}

/**
 * Nova's RAMWeigher and CPUWeigher, each normalised to its least and greatest value; both spread.
 * nova/scheduler.
 */
function byNova(): Policy {
  const free = Array.from({ length: hostCount }, () => ({ ...host }));
  return {
    choose(_server, flavor) {
      const fitting = [...free.keys()].filter((at) => {
        const one = free[at];
        return one && one.vcpus >= flavor.vcpus && one.memoryGib >= flavor.memoryGib;
      });
      const weight = new Map(fitting.map((at) => [at, 0]));
      for (const kind of ['vcpus', 'memoryGib'] as const) {
        const values = fitting.map((at) => free[at]?.[kind] ?? 0);
        const [least, most] = [Math.min(...values), Math.max(...values)];
        if (most > least)
          fitting.forEach((at, index) => {
            const scaled = ((values[index] ?? 0) - least) / (most - least);
            weight.set(at, (weight.get(at) ?? 0) + scaled);
          });
      }
      const [best] = fitting.sort((a, b) => (weight.get(b) ?? 0) - (weight.get(a) ?? 0));
      return best;
    },
    change(at, { vcpus, memoryGib }, sign) {
      const one = free[at];
      if (!one) return;
      one.vcpus -= sign * vcpus;
      one.memoryGib -= sign * memoryGib;
    },
  };
}
