// Runs requests through pipelines over the fleet: filters, then weighers, then the best hosts in
// order. An engine reuses its arrays and makes one decision at a time; deciding is synchronous.
import { isFault } from '#contracts/common/fault.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { fnv1a } from '../fleet/fnv1a.ts';
import { add } from '../fleet/host-set.ts';
import type { PlacementRequest } from '../request/placement-request.ts';
import { bestHosts } from './best-hosts.ts';
import type { Pipeline } from './build-pipeline.ts';
import type { Removal } from './filter-run.ts';
import { FilterRun } from './filter-run.ts';
import type { Weighing } from './step.ts';
import { tanh } from './tanh.ts';

/** A host on which the server may be placed. */
export interface Target {
  host: number;
  name: string;
  weight: number;
}

/** What one weigher has added to the weights of the first targets, in the targets' order. */
export interface StepWeights {
  step: string;
  weights: readonly number[];
}

export interface Decision {
  pipeline: string;
  request: PlacementRequest;
  hostsIn: number;
  hostsOut: number;
  /** Best first. */
  targets: readonly Target[];
  /** For as many of the first targets as `explained` asked for. */
  stepWeights: readonly StepWeights[];
  removals: readonly Removal[];
  /** The record of removed hosts, to which removals refer; removed-set.ts reads it. */
  removed: Int32Array;
  /** Length of the fleet's host sets, in words. */
  words: number;
  skipped: readonly { step: string; message: string }[];
  notes: readonly string[];
}

/** The hosts that the caller offers, with the caller's weights. */
export type Preselection = ReadonlyMap<string, number>;

export interface DecideOptions {
  preselection?: Preselection;
  /** The number of best hosts to sort; default: all. */
  limit?: number;
  /** For how many of the best hosts weights by step are recorded; default 0. */
  explained?: number;
}

export class Engine {
  readonly fleet: Fleet;
  readonly #run: FilterRun;
  #hosts = new Int32Array(0);
  #weights = new Float64Array(0);
  #scratch = new Float64Array(0);
  /** The weights of one step, used when a decision is explained. */
  #stepWeights = new Float64Array(0);

  constructor(fleet: Fleet) {
    this.fleet = fleet;
    this.#run = new FilterRun(fleet);
  }

  decide(
    pipeline: Pipeline,
    request: PlacementRequest,
    { preselection, limit = Infinity, explained = 0 }: DecideOptions = {},
  ): Decision {
    const run = this.#run;
    run.begin(request);
    const preselected = pipeline.ignoresPreselection ? undefined : preselection;
    if (preselected) keepPreselected(run, preselected);
    for (const { name, onFailure, apply } of pipeline.filters) {
      run.step = name;
      const failure = apply(run);
      if (!isFault(failure)) continue;
      run.skipped.push({ step: name, message: failure.message });
      if (onFailure === 'refuse') run.dropAll('stepFailed', failure.message);
    }
    this.#makeRoom();
    const count = run.listInto(this.#hosts);
    this.#weigh(pipeline, count, preselected);
    const ranking = {
      weights: this.#weights,
      hosts: this.#hosts,
      names: this.fleet.names,
      nameHashes: this.fleet.nameHashes,
      seed: fnv1a(request.serverId),
    };
    const places = bestHosts(ranking, count, limit);
    const targets = places.map((place) => this.#targetAt(place));
    return {
      pipeline: pipeline.name,
      request,
      hostsIn: this.fleet.hostCount,
      hostsOut: count,
      targets,
      stepWeights:
        explained > 0 ? this.#weightsByStep(pipeline, count, places.slice(0, explained)) : [],
      removals: run.removals.slice(),
      removed: run.takeRecord(),
      words: this.fleet.words,
      skipped: run.skipped.slice(),
      notes: run.notes.slice(),
    };
  }

  /**
   * What each weigher has added to the weights at these places; weighers that do not apply are left
   * out. The weighers run again for this, so that decisions which nobody looks at cost nothing
   * extra.
   */
  #weightsByStep(pipeline: Pipeline, count: number, places: readonly number[]): StepWeights[] {
    const weights = this.#stepWeights;
    return pipeline.weighers.flatMap(({ name, multiplier, weigh }) => {
      weights.fill(0, 0, count);
      if (!weigh(this.#weighing(weights, count, multiplier))) return [];
      return { step: name, weights: places.map((place) => weights[place] ?? 0) };
    });
  }

  #weighing(weights: Float64Array, count: number, multiplier: number): Weighing {
    const [run, hosts, scratch] = [this.#run, this.#hosts, this.#scratch];
    return { run, hosts, count, weights, multiplier, scratch };
  }

  #weigh(pipeline: Pipeline, count: number, preselection: Preselection | undefined): void {
    const weights = this.#weights;
    weights.fill(0, 0, count);
    if (preselection) this.#takeWeights(preselection, count, pipeline.weighers.length > 0);
    for (const { name, multiplier, weigh } of pipeline.weighers) {
      this.#run.step = name;
      weigh(this.#weighing(weights, count, multiplier));
    }
  }

  /**
   * Starts from the caller's weights, brought to the scale of the weighers by tanh if there are
   * any.
   */
  #takeWeights(preselection: Preselection, count: number, hasWeighers: boolean): void {
    for (let place = 0; place < count; place += 1) {
      const weight = preselection.get(this.fleet.names[this.#hosts[place] ?? 0] ?? '') ?? 0;
      this.#weights[place] = hasWeighers ? tanh(weight) : weight;
    }
  }

  #targetAt(place: number): Target {
    const host = this.#hosts[place] ?? 0;
    return { host, name: this.fleet.names[host] ?? '', weight: this.#weights[place] ?? 0 };
  }

  #makeRoom(): void {
    const { length } = this.fleet;
    if (this.#hosts.length >= length) return;
    this.#hosts = new Int32Array(length);
    this.#weights = new Float64Array(length);
    this.#scratch = new Float64Array(length);
    this.#stepWeights = new Float64Array(length);
  }
}

function keepPreselected(run: FilterRun, preselection: Preselection): void {
  const set = new Int32Array(run.fleet.words);
  for (const name of preselection.keys()) {
    const host = run.fleet.positionOf(name);
    if (host !== undefined) add(set, host);
  }
  run.step = 'preselection';
  run.keep(set, 'notPreselected');
}
