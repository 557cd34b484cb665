// Decides Nova's requests: finds the pipeline, runs the engine, and keeps the decision for later
// explanation. Synchronous and without a clock of its own, so that decisions never overlap.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';
import type { PipelineSpec } from '#contracts/cortex/pipeline.ts';
import { DecisionLog } from './decision-log.ts';
import type { NoHost } from './explain/no-host-cause.ts';
import { noHostCause } from './explain/no-host-cause.ts';
import { refuseFrame } from './external/refuse-frame.ts';
import { shuffleFirst } from './external/shuffle-first.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { InFlightChoice, InFlightConfig } from './in-flight/in-flight.ts';
import { choiceOf, InFlight } from './in-flight/in-flight.ts';
import { placeOf, planBatch } from './in-flight/plan-batch.ts';
import { RecentIds } from './in-flight/recent-ids.ts';
import { buildPipeline } from './pipeline/build-pipeline.ts';
import type { Pipeline } from './pipeline/build-pipeline.ts';
import type { Decision } from './pipeline/engine.ts';
import { Engine } from './pipeline/engine.ts';
import { inferPipeline } from './request/infer-pipeline.ts';
import { parseNovaRequest } from './request/parse-nova-request.ts';
import type { Intent, PlacementRequest } from './request/placement-request.ts';

export interface SchedulingConfig extends InFlightConfig {
  /** Only hosts that the request names are returned: Nova accepts no others. */
  limitHostsToRequest: boolean;
  /** How many of the best hosts are shuffled for an evacuation. */
  evacuationShuffle: number;
  /** Number of decisions that are kept in memory, to be explained. */
  keptDecisions: number;
}

/** Changes of in-flight choices that a decision made, to be sent to the other processes. */
export interface InFlightChanges {
  held: InFlightChoice[];
  /** Owners whose earlier choices end. Applied before `held`. */
  released: string[];
  /** The id of the batch that was planned; null: none. */
  batch: string | null;
}

export interface Choice {
  /** Names of hosts, best first. */
  hosts: string[];
  noHost: NoHost | undefined;
  /** undefined: the decision holds nothing, as the request was only a question. */
  changes: InFlightChanges | undefined;
}

/**
 * Intents after which the caller claims a host. A rebuild stays on its host; the others only ask.
 */
const holdingIntents: ReadonlySet<Intent> = new Set<Intent>([
  'unknown',
  'create',
  'resize',
  'live_migrate',
  'evacuate',
]);

/** For how many of the best hosts weights are recorded by step. */
const explainedTargets = 10;
/** How many candidates are sorted before it is known whether the caller can use them. */
const firstLimit = 50;

export class Scheduling {
  readonly fleet: Fleet;
  readonly decisions: DecisionLog;
  readonly inFlight: InFlight;
  readonly #batches: RecentIds;
  readonly #engine: Engine;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #config: SchedulingConfig;

  constructor(fleet: Fleet, config: SchedulingConfig) {
    this.fleet = fleet;
    this.#engine = new Engine(fleet);
    this.decisions = new DecisionLog(config.keptDecisions);
    this.inFlight = new InFlight(fleet, config);
    this.#batches = new RecentIds(config.inFlightMs, config.mostInFlight);
    this.#config = config;
  }

  /**
   * Puts the pipeline in force. badRequest: the spec is wrong; an existing pipeline of that name
   * stays in force.
   */
  setPipeline(name: string, spec: PipelineSpec): Outcome<void> {
    const pipeline = buildPipeline(name, spec);
    if (isFault(pipeline)) return pipeline;
    this.#pipelines.set(name, pipeline);
    return undefined;
  }

  /** Removes the pipeline. No effect if there is no such pipeline. */
  removePipeline(name: string): void {
    this.#pipelines.delete(name);
  }

  /** The pipeline of this name; undefined: there is none. */
  pipeline(name: string): Pipeline | undefined {
    return this.#pipelines.get(name);
  }

  /**
   * Decides a request of Nova. badRequest, with the original Cortex's texts: the request is
   * malformed or its pipeline unknown.
   */
  decideNova(request: NovaExternalRequest, nowMs: number): Outcome<Choice> {
    const wrong = refuseFrame(request);
    if (wrong) return wrong;
    const name = request.pipeline || inferPipeline(request);
    const pipeline = this.#pipelines.get(name);
    if (!pipeline) return fault('badRequest', `pipeline ${name} not found`);
    const preselection = new Map(
      request.hosts.map(({ host }) => [host, request.weights[host] ?? 0]),
    );
    const placementRequest = parseNovaRequest(request);
    this.inFlight.releaseEnded(nowMs);
    const changes = this.#beginHolding(request, placementRequest, pipeline, preselection, nowMs);
    const most = request.options?.max_candidates ?? Infinity;
    const decideAmong = (limit: number): Decision =>
      this.#engine.decide(pipeline, placementRequest, {
        preselection,
        limit,
        explained: explainedTargets,
      });
    // All hosts are sorted only if the planned place, which may be anywhere in the order, must be
    // found.
    const limit = changes?.place === undefined ? this.#firstLimit(most) : Infinity;
    let decision = decideAmong(limit);
    let usable = this.#usable(decision, preselection);
    if (usable.length < most && decision.hostsOut > limit) {
      decision = decideAmong(Infinity);
      usable = this.#usable(decision, preselection);
    }
    const noHost =
      decision.hostsOut === 0 ? noHostCause(this.fleet, pipeline, decision) : undefined;
    const isPlanned = changes?.place !== undefined && usable.includes(changes.place);
    const ordered = isPlanned ? [...new Set([changes.place ?? '', ...usable])] : usable;
    const hosts = ordered.slice(0, most);
    this.decisions.add({
      atMs: nowMs,
      pipeline,
      // Only the first targets are kept, since sorted lists of thousands would fill the memory.
      decision: {
        ...decision,
        targets: decision.targets.slice(0, explainedTargets),
        notes: isPlanned
          ? [...decision.notes, `${changes.place} by the plan for all servers of the request`]
          : decision.notes,
      },
      noHost,
    });
    const [best] = hosts;
    if (changes && best !== undefined) {
      const choice = choiceOf(placementRequest.serverId, best, placementRequest);
      this.inFlight.hold(choice, nowMs);
      changes.held.push(choice);
    }
    return { hosts, noHost, changes };
  }

  /** Applies choices that another process has made. */
  applyChanges({ held, released, batch }: InFlightChanges, nowMs: number): void {
    this.inFlight.releaseEnded(nowMs);
    if (batch !== null) this.#batches.add(batch, nowMs);
    for (const owner of released) this.inFlight.release(owner);
    for (const choice of held) this.inFlight.hold(choice, nowMs);
  }

  /**
   * Prepares a decision whose choice will be held: releases what the server held before, and its
   * place in the batch, so that both count as free for it. The first server of a batch plans the
   * whole batch. undefined: the request is only a question and holds nothing.
   */
  #beginHolding(
    { options = {} }: NovaExternalRequest,
    placementRequest: PlacementRequest,
    pipeline: Pipeline,
    preselection: ReadonlyMap<string, number>,
    nowMs: number,
  ): (InFlightChanges & { place: string | undefined }) | undefined {
    if (
      options.read_only ||
      options.skip_inflight ||
      !holdingIntents.has(placementRequest.intent) ||
      !placementRequest.serverId
    )
      return undefined;
    const { inFlight } = this;
    const before = inFlight.hostOf(placementRequest.serverId);
    inFlight.release(placementRequest.serverId);
    const changes = {
      held: [] as InFlightChoice[],
      released: [placementRequest.serverId],
      batch: null,
    };
    const { batch } = options;
    if (!batch) return { ...changes, place: undefined };
    const isNew = !this.#batches.has(batch.id, nowMs);
    if (isNew) {
      const isUsable = (host: string): boolean =>
        !this.#config.limitHostsToRequest || preselection.has(host);
      const planning = { engine: this.#engine, inFlight, pipeline, isUsable, nowMs };
      changes.held = planBatch(planning, placementRequest, batch);
      if (changes.held.length > 0) this.#batches.add(batch.id, nowMs);
    }
    const own = placeOf(batch.id, batch.index);
    // If the server asks a second time, its place is what it held itself.
    const place = inFlight.hostOf(own) ?? before;
    inFlight.release(own);
    return {
      held: changes.held.filter(({ owner }) => owner !== own),
      released: [...changes.released, own],
      batch: changes.held.length > 0 ? batch.id : null,
      place,
    };
  }

  /** How many of the best hosts are sorted at first. */
  #firstLimit(most: number): number {
    const { limitHostsToRequest, evacuationShuffle } = this.#config;
    return limitHostsToRequest
      ? Math.max(firstLimit, 2 * most)
      : Math.max(explainedTargets, evacuationShuffle, most);
  }

  /** The decision's hosts that the caller can use, in order of preference. */
  #usable({ targets, request }: Decision, preselection: ReadonlyMap<string, number>): string[] {
    const hosts = targets
      .map(({ name }) => name)
      .filter((name) => !this.#config.limitHostsToRequest || preselection.has(name));
    const { evacuationShuffle } = this.#config;
    return request.intent === 'evacuate'
      ? shuffleFirst(hosts, evacuationShuffle, request.serverId)
      : hosts;
  }
}
