// Plans a short list of live migrations that balances a fleet and moves the servers that detectors
// name; empty for a balanced fleet. Pure. Each server moves at most once, and only if the two
// hosts' total excess shrinks, so that nothing moves back and forth.
import type { Step } from './balance.ts';
import { Balance } from './balance.ts';
import type { BalanceGoal, MovableFleet, MovableServer } from './movable-fleet.ts';
import { defaultGoal, staysWithGroup } from './movable-fleet.ts';

export interface PlanOptions extends BalanceGoal {
  mostMigrations: number;
  /** Limit of migrations per host, as source or target. */
  mostPerHost: number;
  /** Servers that are not moved for balance: they moved lately, or their migration failed. */
  resting: ReadonlySet<string>;
  /** Servers that a detector wants off their host, with the reason. */
  leaving: ReadonlyMap<string, string>;
}

export interface PlannedMigration {
  server: string;
  name: string;
  from: string;
  to: string;
  /** Memory to be copied, MiB. */
  memoryMib: number;
  reason: string;
  /** By how much the hosts' excess shrinks, in units of the balanced resource. */
  gain: number;
  /** The source host's usage as a share of its capacity, 0 to 1. */
  useOfSource: readonly [before: number, after: number];
  /** The target host's usage as a share of its capacity, 0 to 1. */
  useOfTarget: readonly [before: number, after: number];
}

export const defaultPlanOptions: PlanOptions = {
  ...defaultGoal,
  mostMigrations: 50,
  mostPerHost: 10,
  resting: new Set(),
  leaving: new Map(),
};

/**
 * Scores a move; the highest score is taken. `evenness`: how much nearer hosts come to the mean.
 */
type Preference = (gain: number, evenness: number, size: number) => number;
/**
 * A plan is made with each of these, since none suits every fleet: of the plans that result, the
 * one with the least excess, then the shortest, is taken.
 */
const preferences: readonly Preference[] = [
  (gain, evenness) => gain * 1e6 + evenness,
  (_gain, evenness) => evenness,
  (gain, _evenness, size) => (gain >= 0.9 * size ? 1e6 : 1) * gain,
];

interface Plan {
  steps: Step[];
  excess: number;
}

export function planMigrations(
  fleet: MovableFleet,
  overrides: Partial<PlanOptions> = {},
): PlannedMigration[] {
  const options = { ...defaultPlanOptions, ...overrides };
  const first = stepsOfLeaving(fleet, options);
  const plans = preferences.map((preference) => {
    const plan = balanced(fleet, first, preference, options);
    return withoutNeedless(fleet, plan, first.length, options);
  });
  const [best] = plans.sort((a, b) => a.excess - b.excess || a.steps.length - b.steps.length);
  return best ? describe(fleet, best.steps, options) : [];
}

/** Whether a server may be moved for balance alone. */
const mayMove = (server: MovableServer, { resting }: PlanOptions): boolean =>
  server.staysBecause === undefined && !resting.has(server.id) && !staysWithGroup(server);

class Limits {
  readonly #options: PlanOptions;
  readonly #ofHost = new Map<string, number>();
  #count = 0;

  constructor(options: PlanOptions) {
    this.#options = options;
  }

  get isReached(): boolean {
    return this.#count >= this.#options.mostMigrations;
  }

  allows(host: string): boolean {
    return (this.#ofHost.get(host) ?? 0) < this.#options.mostPerHost;
  }

  note(from: string, to: string): void {
    this.#count += 1;
    for (const host of [from, to]) this.#ofHost.set(host, (this.#ofHost.get(host) ?? 0) + 1);
  }
}

/**
 * The first steps of every plan: for each server that must leave its host, the target that is best
 * for balance.
 */
function stepsOfLeaving(fleet: MovableFleet, options: PlanOptions): Step[] {
  const [state, limits] = [new Balance(fleet, options), new Limits(options)];
  const steps: Step[] = [];
  for (const server of fleet.servers) {
    const { id, staysBecause } = server;
    if (!options.leaving.has(id) || staysBecause !== undefined || options.resting.has(id)) continue;
    if (limits.isReached || !limits.allows(server.host)) continue;
    let best: { to: string; gain: number; use: number } | undefined;
    for (const { name: to } of fleet.hosts) {
      if (!limits.allows(to) || !state.fits(server, to)) continue;
      const [gain, use] = [state.gainOf(server, to), state.useOf(to)];
      if (!best || gain > best.gain || (gain === best.gain && use < best.use))
        best = { to, gain, use };
    }
    if (!best) continue;
    limits.note(server.host, best.to);
    steps.push({ server, to: best.to });
    state.move({ server, to: best.to });
  }
  return steps;
}

/** Repeatedly adds the best possible step, until none makes the fleet more even. */
function balanced(
  fleet: MovableFleet,
  first: readonly Step[],
  preference: Preference,
  options: PlanOptions,
): Plan {
  const [state, limits] = [new Balance(fleet, options), new Limits(options)];
  const steps = [...first];
  for (const step of first) {
    limits.note(step.server.host, step.to);
    state.move(step);
  }
  const moved = new Set(steps.map(({ server }) => server.id));
  const left = new Map<string, MovableServer[]>();
  for (const server of fleet.servers)
    if (mayMove(server, options) && !moved.has(server.id))
      left.set(server.host, [...(left.get(server.host) ?? []), server]);
  while (!limits.isReached && state.totalExcess() > 0) {
    const step = bestStep(fleet, state, { left, limits, preference });
    if (!step) break;
    const from = state.hostOf(step.server);
    limits.note(from, step.to);
    steps.push(step);
    state.move(step);
    left.set(from, left.get(from)?.filter((server) => server !== step.server) ?? []);
  }
  return { steps, excess: state.totalExcess() };
}

interface Search {
  left: ReadonlyMap<string, readonly MovableServer[]>;
  limits: Limits;
  preference: Preference;
}

/**
 * At first only this many of the fullest and emptiest hosts are considered: the best step is nearly
 * always between these.
 */
const firstLimit = 8;

function bestStep(
  { hosts }: MovableFleet,
  state: Balance,
  { left, limits, preference }: Search,
): Step | undefined {
  const open = hosts
    .filter(({ isOpen, name }) => isOpen && limits.allows(name))
    .map(({ name }) => ({ name, deviation: state.deviationOf(name) }))
    .sort((a, b) => b.deviation - a.deviation);
  const above = open.filter(({ deviation }) => deviation > 0).map(({ name }) => name);
  const below = open.filter(({ deviation }) => deviation < 0).map(({ name }) => name);
  below.reverse();
  for (const most of [firstLimit, Infinity]) {
    const [sources, targets] = [above.slice(0, most), below.slice(0, most)];
    const step = bestAmong(sources, targets, state, { left, preference });
    if (step || open.length <= most) return step;
  }
  return undefined;
}

function bestAmong(
  sources: readonly string[],
  targets: readonly string[],
  state: Balance,
  { left, preference }: Pick<Search, 'left' | 'preference'>,
): Step | undefined {
  let best: { step: Step; worth: number } | undefined;
  for (const source of sources) {
    const isNewKind = createKinds();
    for (const server of left.get(source) ?? []) {
      if (!isNewKind(server)) continue;
      for (const to of targets) {
        const gain = state.gainOf(server, to);
        if (gain <= 1e-6) continue;
        const size = state.sizeOf(server);
        const worth = preference(gain, evennessOf(state, source, to, size), size);
        if ((best && worth <= best.worth) || !state.fits(server, to)) continue;
        best = { step: { server, to }, worth };
      }
    }
  }
  return best?.step;
}

/**
 * Filters equivalent servers: true for the first of each size with the same targets. Members of
 * groups all count as different.
 */
function createKinds(): (server: MovableServer) => boolean {
  const sizesByTargets = new Map<MovableServer['targets'], Set<string>>();
  return ({ group, resources, targets }) => {
    if (group) return true;
    const size = JSON.stringify(resources);
    const sizes = sizesByTargets.get(targets) ?? new Set();
    sizesByTargets.set(targets, sizes);
    if (sizes.has(size)) return false;
    sizes.add(size);
    return true;
  };
}

/** By how much the squared deviations shrink, relative to the hosts' capacities. */
function evennessOf(state: Balance, from: string, to: string, size: number): number {
  const square = (host: string, more: number): number =>
    state.deviationOf(host, more) ** 2 / Math.max(1, state.capacityOf(host));
  return square(from, 0) + square(to, 0) - square(from, -size) - square(to, size);
}

/** Removes steps that later steps have made superfluous. The first `fixedCount` steps stay. */
function withoutNeedless(
  fleet: MovableFleet,
  plan: Plan,
  fixedCount: number,
  options: PlanOptions,
): Plan {
  let { steps } = plan;
  const state = new Balance(fleet, options);
  for (const step of steps) state.move(step);
  for (let at = steps.length - 1; at >= fixedCount; at -= 1) {
    const step = steps[at];
    // Undoing the step must not make the balance worse.
    if (!step || state.gainOf(step.server, step.server.host) < 0) continue;
    const shorter = steps.toSpliced(at, 1);
    if (!isFeasible(fleet, shorter, options)) continue;
    steps = shorter;
    state.move({ server: step.server, to: step.server.host });
  }
  return { steps, excess: state.totalExcess() };
}

/** Whether each step finds room after the ones before it. */
function isFeasible(fleet: MovableFleet, steps: readonly Step[], goal: BalanceGoal): boolean {
  const state = new Balance(fleet, goal);
  return steps.every((step) => {
    if (!state.fits(step.server, step.to)) return false;
    state.move(step);
    return true;
  });
}

function describe(
  fleet: MovableFleet,
  steps: readonly Step[],
  options: PlanOptions,
): PlannedMigration[] {
  const state = new Balance(fleet, options);
  return steps.map((step) => {
    const { server, to } = step;
    const from = state.hostOf(server);
    const gain = state.gainOf(server, to);
    const before = [state.useOf(from), state.useOf(to)] as const;
    state.move(step);
    return {
      server: server.id,
      name: server.name,
      from,
      to,
      memoryMib: server.resources['MEMORY_MB'] ?? 0,
      reason: options.leaving.get(server.id) ?? 'imbalance',
      gain,
      useOfSource: [before[0], state.useOf(from)],
      useOfTarget: [before[1], state.useOf(to)],
    };
  });
}
