// The Node Agent of a hypervisor host: reports in the host's Hypervisor resource what the host is,
// has and runs, and in Migration objects the progress of live migrations off it. It decides
// nothing. Level-triggered: events only make it read the host; nothing is written if the API has it
// already. Started by compose.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import { withDeadline } from '#platform/clock.ts';
import type { WorkQueue } from '#platform/reconcile/work-queue.ts';
import { createWorkQueue } from '#platform/reconcile/work-queue.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import type { Followed } from '#ports/kube.ts';
import type { NodeEvent, UnitFacts } from '#ports/node-facts.ts';
import type { NodeAgentDeps } from './deps.ts';
import type { Observation } from './report-hypervisor.ts';
import { createHypervisorReporter } from './report-hypervisor.ts';
import { createMigrationReporter } from './report-migrations.ts';

export interface NodeAgent {
  start(): Promise<Outcome<void>>;
  tasks: readonly Task[];
  /**
   * Ends the agent. `hostEnds`: the host itself is shutting down, which the agent reports as its
   * last action.
   */
  stop(how?: { hostEnds: boolean }): Promise<void>;
}

/** Keys of the work queue; all other keys are the ids of guests that are migrating. */
const keys = { hypervisor: 'hypervisor', find: 'find', arrivals: 'arrivals' } as const;
/** How long the last report, at the stop of the host, waits for the Hypervisor resource. */
const lastWordMs = 1_000;
/** Pause before the search for migrations in progress is repeated after a failure. */
const findAgainMs = 5_000;

const running = (units: readonly UnitFacts[]): string =>
  JSON.stringify(units.map(({ unit, isRunning }) => [unit, isRunning]));

export function createNodeAgent(deps: NodeAgentDeps): NodeAgent {
  const { facts, kube, clock, ids, log, config } = deps;
  const { host, pollEveryMs, hostPauseMs, guestsPauseMs } = config;
  const reporter = createHypervisorReporter(deps);
  const troubles = createTroubleLog(log);
  let followed: Followed<Hypervisor> | undefined;
  const hypervisor = (): Hypervisor | undefined => followed?.get({ name: host });
  const moves = createMigrationReporter(deps, hypervisor);

  let last: Observation | undefined;
  /** What has changed since the last read of the host: only guests, or anything else. */
  let stale: 'guests' | 'host' | undefined = 'host';
  let [isLost, isStopping] = [false, false];
  let readAtMs = -Infinity;
  let unsubscribe = (): void => undefined;

  const queue: WorkQueue = createWorkQueue(clock, {
    work: async (key) => {
      switch (key) {
        case keys.hypervisor:
          return await reportHost();
        case keys.find:
          return await find();
        case keys.arrivals:
          return await moves.reportArrivals();
        default:
          return await moves.report(key);
      }
    },
    onError: (key, error, attempt) =>
      log.warn({ host, key, attempt, why: (error as Error).message }, 'not reported; tried again'),
  });

  /** Random spread, so that hosts do not all read at the same moment. */
  const spread = (ms: number): number => ms * (0.9 + ids.random() / 10);

  const dueInMs = (): number => {
    const pauseMs =
      stale === undefined ? pollEveryMs * 0.9 : stale === 'host' ? hostPauseMs : guestsPauseMs;
    return readAtMs + pauseMs - clock.monotonicMs();
  };

  async function reportHost(): Promise<number> {
    if (hypervisor() && dueInMs() <= 0) {
      stale = undefined;
      readAtMs = clock.monotonicMs();
      const observed = await reporter.observe();
      // While the agent stops, a missing answer says nothing about the host, so it is not reported.
      if (isStopping) return pollEveryMs;
      last = observed;
      if (last.system) await reporter.writeNode(last.system);
    }
    // The resource may have changed while the host was being read.
    const latest = hypervisor();
    if (latest && last) await reporter.write(latest, last);
    return latest && stale !== undefined ? Math.max(0, dueInMs()) : spread(pollEveryMs);
  }

  async function find(): Promise<number> {
    const migratingGuests = await moves.find();
    troubles.note('find', migratingGuests, 'migrations under way are not looked for');
    if (isFault(migratingGuests)) return findAgainMs;
    for (const guest of migratingGuests) queue.add(guest);
    queue.add(keys.arrivals);
    return spread(pollEveryMs);
  }

  const changed = (what: 'guests' | 'host'): void => {
    if (stale !== 'host') stale = what;
    queue.add(keys.hypervisor);
  };

  function onEvent(event: NodeEvent): void {
    switch (event.kind) {
      case 'lost':
        isLost = true;
        return changed('host');
      case 'changed':
        if (!isLost) return changed('guests');
        isLost = false;
        queue.add(keys.find); // migrations may have begun and ended unseen
        return changed('host');
      case 'departing':
        return queue.add(event.guest);
      case 'arrived':
        moves.arrived(event.guest);
        queue.add(keys.arrivals);
        return changed('guests');
    }
  }

  const lookAtUnits: Task = {
    name: 'node-agent.look-at-units',
    everyMs: config.unitsEveryMs,
    scope: 'every',
    async run() {
      const units = await facts.units();
      if (!last || isFault(units)) return;
      if (running(units) !== running(last.units)) changed('host');
    },
  };

  async function lastWord(): Promise<void> {
    // The agent may be stopped right after its start, before the watch has delivered the resource.
    await withDeadline(followed?.ready ?? Promise.resolve(), lastWordMs, () => undefined, clock);
    const current = hypervisor();
    if (!current) return;
    await reporter.write(current, {
      system: undefined,
      hypervisor: undefined,
      guests: undefined,
      units: (last?.units ?? [{ unit: 'libvirtd.service' }]).map(({ unit }) => ({
        unit,
        isRunning: false,
        message: 'the host is off',
      })),
      connection: { kind: 'away', why: 'the host is off' },
    });
  }

  return {
    async start() {
      if (followed) return undefined;
      unsubscribe = facts.onEvent(onEvent);
      followed = kube.follow(hypervisors, {
        fieldSelector: `metadata.name=${host}`,
        onChange: () => queue.add(keys.hypervisor),
        onTrouble: ({ message }) =>
          log.warn({ host, why: message }, 'the Kubernetes API does not answer'),
      });
      queue.add(keys.hypervisor);
      queue.add(keys.find);
      return undefined;
    },
    tasks: [lookAtUnits],
    async stop({ hostEnds } = { hostEnds: false }) {
      isStopping = true;
      unsubscribe();
      await facts.close();
      await queue.stop();
      if (hostEnds)
        await lastWord().catch((error: unknown) =>
          log.warn({ host, why: String(error) }, 'the end of the host is not reported'),
        );
      await followed?.stop();
    },
  };
}
