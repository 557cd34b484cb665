// Plans all servers of one request (`min_count`, `max_count`) together: each place is held as soon
// as it is chosen, so that the next choice counts it as used and as a group member. A group with
// affinity goes to a host with room for all of its servers.
import type { Pipeline } from '../pipeline/build-pipeline.ts';
import type { Engine } from '../pipeline/engine.ts';
import type { PlacementRequest } from '../request/placement-request.ts';
import type { InFlight, InFlightChoice } from './in-flight.ts';
import { choiceOf } from './in-flight.ts';

export interface Batch {
  id: string;
  /** The number of servers. */
  size: number;
}

/** The owner's name of a place in a batch, until its server asks for it. */
export const placeOf = (batchId: string, index: number): string => `${batchId}/${index}`;

export interface BatchPlanning {
  engine: Engine;
  inFlight: InFlight;
  pipeline: Pipeline;
  /** Whether the caller offered this host. */
  isUsable: (host: string) => boolean;
  nowMs: number;
}

/** Candidates sorted at first; all are sorted only if none of these is usable. */
const firstLimit = 50;

/** Holds a place for each server and returns the choices; fewer if there is no more room. */
export function planBatch(
  planning: BatchPlanning,
  request: PlacementRequest,
  batch: Batch,
): InFlightChoice[] {
  const { inFlight, nowMs } = planning;
  const choices: InFlightChoice[] = [];
  for (let index = 0; index < batch.size; index += 1) {
    const owner = placeOf(batch.id, index);
    const one = { ...request, serverId: owner, instances: 1 };
    const host =
      index === 0 && isGathered(request)
        ? bestForAll(planning, one, batch.size)
        : bestOf(planning, one);
    // The remaining servers ask for the same, so they would find no host either.
    if (host === undefined) break;
    const choice = choiceOf(owner, host, one);
    inFlight.hold(choice, nowMs);
    choices.push(choice);
  }
  return choices;
}

const isGathered = ({ group }: PlacementRequest): boolean =>
  group?.policy === 'affinity' || group?.policy === 'soft-affinity';

/**
 * The best host with room for all servers; if there is none, one with room for as many as possible.
 */
function bestForAll(
  planning: BatchPlanning,
  request: PlacementRequest,
  size: number,
): string | undefined {
  let [fitting, tooMany] = [0, size + 1];
  let best: string | undefined;
  for (let count = size; fitting + 1 < tooMany; count = (fitting + tooMany) >> 1) {
    const host = bestOf(planning, { ...request, together: count });
    if (host === undefined) tooMany = count;
    else [fitting, best] = [count, host];
  }
  return best;
}

function bestOf(
  { engine, pipeline, isUsable }: BatchPlanning,
  request: PlacementRequest,
): string | undefined {
  for (const limit of [firstLimit, Infinity]) {
    const { targets, hostsOut } = engine.decide(pipeline, request, { limit });
    const best = targets.find(({ name }) => isUsable(name));
    if (best || hostsOut <= limit) return best?.name;
  }
  return undefined;
}
