// Empties a hypervisor: has Nova move its servers, several at a time, until none is left or the
// rest cannot be moved. If the Eviction is deleted no further moves are begun, but moves in
// progress continue.
import { isFault } from '#contracts/common/fault.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { conditionOf, isSameCondition, isTrue, stamped } from '#contracts/kube/conditions.ts';
import type { Eviction, Hypervisor } from '#contracts/kube/kinds.ts';
import { evictions } from '#contracts/kube/kinds.ts';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import type { Attempt, Plan, Step } from '../domain/eviction.ts';
import { mayTake, named, planEviction } from '../domain/eviction.ts';
import { stuckIn } from '../domain/forecast-moves.ts';
import { findMoves } from '../find-moves.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { must } from './controller.ts';
import { happenings, recordEvent } from './record-event.ts';

const requeueMs = 2_000;
const preflightMs = 2_000;

export function evictionController(deps: ControllerDeps): Controller {
  const { world, nova, clock, config } = deps;
  /**
   * By eviction and server. In memory only: after a restart of the operator attempts are counted
   * from zero.
   */
  const attempts = new Map<string, Map<string, Attempt>>();
  return {
    async reconcile(name) {
      const eviction = world.evictions.get({ name });
      if (!eviction) {
        attempts.delete(name);
        return undefined;
      }
      const evicting = conditionOf(eviction, 'Evicting');
      if (evicting?.status === 'False') return undefined; // the eviction has succeeded or failed
      const hypervisor = world.hypervisors.get({ name: eviction.spec.hypervisor });
      const refusal = preflight(hypervisor) ?? (await withoutRoom(deps, eviction));
      if (refusal) {
        const isLate = ageMs(eviction, clock.now()) > config.evictionTimeoutMs;
        const waiting = isLate
          ? endCondition(refusal.message)
          : running('Waiting until it can begin');
        await write(deps, eviction, [waiting, refusal], undefined);
        return isLate ? undefined : preflightMs;
      }
      const ofThis = attempts.get(name) ?? new Map<string, Attempt>();
      attempts.set(name, ofThis);
      const host = hypervisor?.metadata.name ?? eviction.spec.hypervisor;
      const servers = must(await nova.serversOn(host));
      const plan = planEviction(
        servers,
        ofThis,
        {
          atOnce: config.evictionsPerHost,
          attempts: config.evictionAttempts,
          pauseMs: config.evictionPauseMs,
          timeoutMs: config.evictionTimeoutMs,
        },
        clock.now(),
      );
      const conditions = [verdict(plan, host), passed];
      await write(deps, eviction, conditions, plan.outstanding);
      if (conditions[0]?.status === 'False') return undefined;
      for (const step of plan.steps) await carryOut(deps, eviction, step, ofThis);
      return requeueMs;
    },
  };
}

const failed = (message: string): WantedCondition => ({
  type: 'PreflightChecksSucceeded',
  status: 'False',
  reason: 'Failed',
  message,
});

function preflight(hypervisor: Hypervisor | undefined): WantedCondition | undefined {
  if (!hypervisor) return failed('there is no such hypervisor');
  return isTrue(hypervisor, 'HypervisorDisabled') ? undefined : failed('hypervisor not disabled');
}

/**
 * A failed condition if some server has no place elsewhere: no server is moved until all have one,
 * since a half-emptied host is of no use.
 */
async function withoutRoom(
  deps: ControllerDeps,
  eviction: Eviction,
): Promise<WantedCondition | undefined> {
  if (isTrue(eviction, 'PreflightChecksSucceeded')) return undefined; // checked when it began
  const { nova, placement, world } = deps;
  const isTarget = (host: string): boolean => mayTake(world.hypervisors.get({ name: host }));
  const plan = must(await findMoves({ nova, placement, isTarget }, eviction.spec.hypervisor));
  return plan.stuck.length === 0
    ? undefined
    : failed(`${plan.stuck.length} of its servers fit nowhere: ${stuckIn(plan)}`);
}

const ageMs = ({ metadata: { creationTimestamp } }: Eviction, nowMs: number): number =>
  creationTimestamp ? nowMs - Date.parse(creationTimestamp) : 0;

const endCondition = (why: string): WantedCondition => ({
  type: 'Evicting',
  status: 'False',
  reason: 'Failed',
  message: `It could not begin: ${why}`,
});

const passed: WantedCondition = {
  type: 'PreflightChecksSucceeded',
  status: 'True',
  reason: 'Succeeded',
  message: 'Preflight checks passed, hypervisor is disabled',
};

const running = (message: string): WantedCondition => ({
  type: 'Evicting',
  status: 'True',
  reason: 'Running',
  message,
});

/**
 * The eviction fails only when all remaining servers are stuck; until then the others continue to
 * move.
 */
function verdict({ outstanding, stuck }: Plan, host: string): WantedCondition {
  if (outstanding.length === 0)
    return {
      type: 'Evicting',
      status: 'False',
      reason: 'Succeeded',
      message: `No virtual machine is left on ${host}`,
    };
  if (stuck.length === outstanding.length)
    return {
      type: 'Evicting',
      status: 'False',
      reason: 'Failed',
      message: `${stuck.length} virtual machine${stuck.length === 1 ? '' : 's'} cannot be moved off ${host}: ${stuck
        .slice(0, 3)
        .map(({ server, why }) => `${server.name} (${server.id}): ${why}`)
        .join('; ')}`,
    };
  return running(`${outstanding.length} left: ${named(outstanding)}`);
}

async function carryOut(
  deps: ControllerDeps,
  eviction: Eviction,
  step: Step,
  attempts: Map<string, Attempt>,
): Promise<void> {
  if (step.do === 'wait') return;
  const { nova, clock } = deps;
  const { id } = step.server;
  if (step.do === 'confirmResize') {
    must(await nova.confirmResize(id));
    return;
  }
  const count = (attempts.get(id)?.count ?? 0) + 1;
  const outcome = await nova[step.do](id);
  const trouble = isFault(outcome) && outcome.kind !== 'unavailable' ? outcome.message : undefined;
  // notFound: the server was deleted, so there is nothing to move.
  if (isFault(outcome) && outcome.kind === 'notFound') return;
  attempts.set(id, { count, sinceMs: clock.now(), ...(trouble === undefined ? {} : { trouble }) });
  const { name } = step.server;
  await recordEvent(
    deps,
    eviction,
    trouble === undefined
      ? { type: 'Normal', reason: 'Moving', message: `${name} (${id}) is moved away` }
      : { type: 'Warning', reason: 'NotMoved', message: `${name} (${id}): ${trouble}` },
  );
}

async function write(
  deps: ControllerDeps,
  eviction: Eviction,
  conditions: readonly WantedCondition[],
  outstanding: readonly FleetServer[] | undefined,
): Promise<void> {
  const now = deps.clock.now();
  const instances = outstanding?.map(({ id }) => id);
  const before = eviction.status?.outstandingInstances;
  const isSame =
    conditions.every((each) => isSameCondition(eviction, each)) &&
    (instances === undefined || JSON.stringify(instances) === JSON.stringify(before ?? []));
  if (isSame) return;
  must(
    await deps.kube.apply(
      evictions,
      {
        metadata: { name: eviction.metadata.name },
        status: {
          conditions: conditions.map((each) => stamped(eviction, each, now)),
          ...(outstanding
            ? {
                outstandingInstances: instances,
                outstandingRamMb: outstanding.reduce((sum, { flavor }) => sum + flavor.ram, 0),
              }
            : {}),
        },
      },
      { subresource: 'status' },
    ),
  );
  for (const each of happenings(eviction, conditions)) await recordEvent(deps, eviction, each);
}
