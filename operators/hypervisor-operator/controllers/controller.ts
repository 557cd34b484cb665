// A controller of the operator: looks at one object at a time and makes one thing true of it.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { isSameCondition, stamped } from '#contracts/kube/conditions.ts';
import type { Eviction, Hypervisor, Node } from '#contracts/kube/kinds.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import type { Kube, Followed } from '#ports/kube.ts';
import type { OperatorDeps } from '../deps.ts';
import { happenings, recordEvent } from './record-event.ts';

/** The objects as they are now, shared by all controllers. */
export interface World {
  nodes: Followed<Node>;
  hypervisors: Followed<Hypervisor>;
  evictions: Followed<Eviction>;
}

export interface Controller {
  /**
   * Looks at the hypervisor, node or eviction of that name. Gives the time in ms after which it is
   * to be looked at again, whatever happens. Throws to be tried again, later each time.
   */
  reconcile(name: string): Promise<number | void>;
}

export interface ControllerDeps extends OperatorDeps {
  kube: Kube;
  world: World;
}

/** A fault ends the look; the queue tries again. */
export function must<T>(outcome: Outcome<T>): T {
  if (isFault(outcome)) throw new Error(outcome.message);
  return outcome;
}

/**
 * Writes the conditions of this controller, and fields of the status beside them. It owns these and
 * nothing else, so that no controller undoes another's.
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
