// The interface of the operator's controllers, each of which reconciles one aspect of an object,
// and helpers that they share.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { isSameCondition, stamped } from '#contracts/kube/conditions.ts';
import type { Eviction, Hypervisor, Node } from '#contracts/kube/kinds.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import type { Kube, Followed } from '#ports/kube.ts';
import type { OperatorDeps } from '../deps.ts';
import { happenings, recordEvent } from './record-event.ts';

/** The watched objects, kept up to date in memory and shared by all controllers. */
export interface World {
  nodes: Followed<Node>;
  hypervisors: Followed<Hypervisor>;
  evictions: Followed<Eviction>;
}

export interface Controller {
  /**
   * Reconciles the hypervisor, node or eviction of this name. Returns the time in ms after which it
   * must be called again even without a change. If it throws, it is repeated with back-off.
   */
  reconcile(name: string): Promise<number | void>;
}

export interface ControllerDeps extends OperatorDeps {
  kube: Kube;
  world: World;
}

/** Throws on a fault, which ends the reconciliation; the queue repeats it. */
export function must<T>(outcome: Outcome<T>): T {
  if (isFault(outcome)) throw new Error(outcome.message);
  return outcome;
}

/**
 * Applies this controller's conditions and status fields. Each controller owns only its own ones
 * (server-side apply), so none overwrites another's.
 */
export async function writeStatus(
  deps: Pick<ControllerDeps, 'kube' | 'clock' | 'log'>,
  hypervisor: Hypervisor,
  conditions: readonly WantedCondition[],
  fields: Partial<Hypervisor['status']> = {},
): Promise<void> {
  const isSame =
    conditions.every((each) => isSameCondition(hypervisor, each)) &&
    Object.entries(fields).every(
      ([name, value]) =>
        JSON.stringify((hypervisor.status as Record<string, unknown> | undefined)?.[name]) ===
        JSON.stringify(value),
    );
  if (isSame) return;
  const now = deps.clock.now();
  must(
    await deps.kube.apply(
      hypervisors,
      {
        metadata: { name: hypervisor.metadata.name },
        status: {
          ...fields,
          conditions: conditions.map((each) => stamped(hypervisor, each, now)),
        },
      },
      { subresource: 'status' },
    ),
  );
  for (const each of happenings(hypervisor, conditions)) await recordEvent(deps, hypervisor, each);
}
