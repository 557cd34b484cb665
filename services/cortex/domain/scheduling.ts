// Requests of Nova, decided: the pipeline is found, the engine asked, the decision kept for those
// who ask why. Everything but the clock is here; it waits for nothing, so decisions follow each
// other.
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
  /** Hosts that the request has not named are left out of the answer: Nova knows no others. */
  limitHostsToRequest: boolean;
  /** How many of the first hosts an evacuation shuffles. */
  evacuationShuffle: number;
  keptDecisions: number;
}

/** What a decision holds, for the other processes. */
export interface InFlightChanges {
  held: InFlightChoice[];
  /** Owners that hold nothing any more; before `held` counts. */
  released: string[];
  /** The batch that has been placed. */
  batch: string | null;
}

export interface Choice {
  /** Names, best first. */
  hosts: string[];
  noHost: NoHost | undefined;
  /** undefined: it holds nothing. */
  changes: InFlightChanges | undefined;
}

/** A host is claimed next. Rebuilds stay where they are; the others only ask. */
const holdingIntents: ReadonlySet<Intent> = new Set<Intent>([
  'unknown',
  'create',
  'resize',
  'live_migrate',
  'evacuate',
]);

/** Weights by step are told of these many hosts. */
const explainedTargets = 10;
/** Candidates in order before it is known whether the asker can use them. */
const firstLook = 50;

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

  /** badRequest: the spec is wrong; the pipeline of that name stays as it was. */
  setPipeline(name: string, spec: PipelineSpec): Outcome<void> {
    const pipeline = buildPipeline(name, spec);
    if (isFault(pipeline)) return pipeline;
    this.#pipelines.set(name, pipeline);
    return undefined;
  }

  /** Nothing where there is none of that name. */
  removePipeline(name: string): void {
    this.#pipelines.delete(name);
  }

  /** undefined: there is none of that name. */
  pipeline(name: string): Pipeline | undefined {
    return this.#pipelines.get(name);
  }

  /** badRequest in the original's words. */
  decideNova(request: NovaExternalRequest, nowMs: number): Outcome<Choice> {
    const wrong = refuseFrame(request);
    if (wrong) return wrong;
    const name = request.pipeline || inferPipeline(request);
    const pipeline = this.#pipelines.get(name);
    if (!pipeline) return fault('badRequest', `pipeline ${name} not found`);
    const preselection = new Map(
      request.hosts.map(({ host }) => [host, request.weights[host] ?? 0]),
    );
    const asked = parseNovaRequest(request);
    this.inFlight.releaseEnded(nowMs);
    const changes = this.#beginHolding(request, asked, pipeline, preselection, nowMs);
    const most = request.options?.max_candidates ?? Infinity;
    const decideAmong = (limit: number): Decision =>
      this.#engine.decide(pipeline, asked, { preselection, limit, explained: explainedTargets });
    // Thousands of hosts are put in order only if somebody wants to see that.
    const limit = changes?.place === undefined ? this.#firstLook(most) : Infinity;
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
      // The order of thousands of hosts is not worth keeping.
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
      const choice = choiceOf(asked.serverId, best, asked);
      this.inFlight.hold(choice, nowMs);
      changes.held.push(choice);
    }
    return { hosts, noHost, changes };
  }

  /** What another process has chosen. */
  applyChanges({ held, released, batch }: InFlightChanges, nowMs: number): void {
    this.inFlight.releaseEnded(nowMs);
    if (batch !== null) this.#batches.add(batch, nowMs);
    for (const owner of released) this.inFlight.release(owner);
    for (const choice of held) this.inFlight.hold(choice, nowMs);
  }

  /**
   * Before a decision that holds what it chooses: what an earlier one for the server held is free
   * for it, and so is its place of its batch, which is planned with the first server that asks.
   * undefined: the request only asks.
   */
  #beginHolding(
    { options = {} }: NovaExternalRequest,
    asked: PlacementRequest,
    pipeline: Pipeline,
    preselection: ReadonlyMap<string, number>,
    nowMs: number,
  ): (InFlightChanges & { place: string | undefined }) | undefined {
    if (
      options.read_only ||
      options.skip_inflight ||
      !holdingIntents.has(asked.intent) ||
      !asked.serverId
    )
      return undefined;
    const { inFlight } = this;
    const before = inFlight.hostOf(asked.serverId);
    inFlight.release(asked.serverId);
    const changes = { held: [] as InFlightChoice[], released: [asked.serverId], batch: null };
    const { batch } = options;
    if (!batch) return { ...changes, place: undefined };
    const isNew = !this.#batches.has(batch.id, nowMs);
    if (isNew) {
      const isUsable = (host: string): boolean =>
        !this.#config.limitHostsToRequest || preselection.has(host);
      const planning = { engine: this.#engine, inFlight, pipeline, isUsable, nowMs };
      changes.held = planBatch(planning, asked, batch);
      if (changes.held.length > 0) this.#batches.add(batch.id, nowMs);
    }
    const own = placeOf(batch.id, batch.index);
    // The second time it asks, what it held is its own place.
    const place = inFlight.hostOf(own) ?? before;
    inFlight.release(own);
    return {
      held: changes.held.filter(({ owner }) => owner !== own),
      released: [...changes.released, own],
      batch: changes.held.length > 0 ? batch.id : null,
      place,
    };
  }

  /** How many of the best hosts are put in order at first. */
  #firstLook(most: number): number {
    const { limitHostsToRequest, evacuationShuffle } = this.#config;
    return limitHostsToRequest
      ? Math.max(firstLook, 2 * most)
      : Math.max(explainedTargets, evacuationShuffle, most);
  }

  /** The hosts of the decision that the asker can use, in the order in which it should. */
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
