// The power orders of an emulated BMC: accepted one at a time, carried out at once or as a task.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import { withDeadline } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { BmcTrouble } from './bmc-trouble.ts';
import type { Chassis, ChassisState } from './chassis.ts';

export type ResetType = (typeof resetTypes)[number];
export const resetTypes = [
  'On',
  'ForceOn',
  'ForceOff',
  'GracefulShutdown',
  'GracefulRestart',
  'ForceRestart',
  'PowerCycle',
] as const;

/**
 * How the BMC answers a power order. `immediate`: when it is carried out, or after 3 s while it
 * goes on; `task`: by 202 with a task that carries it out.
 */
export type PowerTiming = 'immediate' | 'task';

export interface PowerTask {
  id: number;
  resetType: ResetType;
  startedAtMs: number;
  endedAtMs: number | null;
  state: 'Running' | 'Completed' | 'Exception';
  message: string;
}

export interface PowerOrdersDeps {
  chassis: Chassis;
  clock: Clock;
  log: Log;
  timing: PowerTiming;
  /** How long a task waits before it acts. */
  orderMs: number;
  trouble(): BmcTrouble | undefined;
  /** Called after each order, and when an ordered start has ended. */
  onOrder(): void;
}

export interface PowerOrders {
  state(): Promise<Outcome<'On' | 'Off' | 'PoweringOn' | 'PoweringOff'>>;
  /**
   * Accepts an order. With `task` in the result it is carried out by that task; else it is carried
   * out, or was needless (`isNeedless`). conflict: another order is being carried out, or the
   * present state does not allow this one.
   */
  order(type: ResetType): Promise<Outcome<{ task?: PowerTask; isNeedless: boolean }>>;
  /** Tasks, newest last; the oldest are forgotten. */
  tasks(): readonly PowerTask[];
  /** Aborts orders in progress as far as possible. */
  close(): Promise<void>;
}

const maxTasks = 50;
const answerWithinMs = 3_000;

export function createPowerOrders(deps: PowerOrdersDeps): PowerOrders {
  const { chassis, clock, log, timing, orderMs } = deps;
  const tasks: PowerTask[] = [];
  const running = new Set<Promise<void>>();
  const closing = new AbortController();
  /** Order being carried out: shown as the power state, and other orders are refused meanwhile. */
  let underWay: 'PoweringOn' | 'PoweringOff' | undefined;
  let starts = 0;
  let shuttingDown: AbortController | undefined;

  const state: PowerOrders['state'] = async () => {
    const chassisState = await chassis.state();
    return isFault(chassisState) ? chassisState : (underWay ?? powerOf(chassisState, starts > 0));
  };

  function inBackground(what: string, work: Promise<Outcome<void>>): void {
    const noted = work
      .then((end) => {
        if (isFault(end)) log.error({ reason: end.message }, `${what} ordered by the BMC failed`);
      })
      .catch((error: unknown) => log.error({ err: error }, `${what} ordered by the BMC failed`))
      .finally(() => running.delete(noted));
    running.add(noted);
  }

  /**
   * Starts the host. The order counts as carried out when the host begins to start; booting may
   * still fail.
   */
  function switchOn(): void {
    starts += 1;
    const start = chassis.switchOn().finally(() => {
      starts -= 1;
      deps.onOrder();
    });
    inBackground('start', start);
  }

  /** Asks the host to shut down, in the background: it may take long, or never obey. */
  function shutDown(then?: () => void): void {
    if (deps.trouble()?.kind === 'deaf') return;
    const mine = (shuttingDown = new AbortController());
    const signal = AbortSignal.any([mine.signal, closing.signal]);
    const work = chassis.shutDown(signal).then((end) => {
      if (!isFault(end) && !signal.aborted) then?.();
      deps.onOrder();
      return end;
    });
    inBackground('shutdown', work);
  }

  async function carryOut(type: ResetType): Promise<Outcome<void>> {
    switch (type) {
      case 'On':
      case 'ForceOn':
        return switchOn();
      case 'GracefulShutdown':
        return shutDown();
      case 'GracefulRestart':
        return shutDown(switchOn);
      case 'ForceOff':
      case 'ForceRestart':
      case 'PowerCycle': {
        shuttingDown?.abort();
        const cut = await chassis.cutPower();
        if (isFault(cut) || type === 'ForceOff') return cut;
        return switchOn();
      }
    }
  }

  async function executed(type: ResetType): Promise<Outcome<void>> {
    const end = await carryOut(type).finally(() => (underWay = undefined));
    deps.onOrder();
    return end;
  }

  function startTask(type: ResetType): PowerTask {
    const task: PowerTask = {
      id: (tasks.at(-1)?.id ?? 0) + 1,
      resetType: type,
      startedAtMs: clock.now(),
      endedAtMs: null,
      state: 'Running',
      message: '',
    };
    tasks.push(task);
    if (tasks.length > maxTasks) tasks.shift();
    inBackground('order', runTask(task));
    return task;
  }

  async function runTask(task: PowerTask): Promise<Outcome<void>> {
    await clock.sleep(orderMs, { signal: closing.signal }).catch(() => undefined);
    const end = closing.signal.aborted
      ? fault('unavailable', 'the BMC was switched off')
      : await executed(task.resetType).catch((error: unknown) =>
          fault('unavailable', String(error)),
        );
    task.endedAtMs = clock.now();
    task.state = isFault(end) ? 'Exception' : 'Completed';
    task.message = isFault(end) ? end.message : '';
    return end;
  }

  return {
    state,
    async order(type) {
      const now = await state();
      if (isFault(now)) return now;
      // No await between check and assignment, so that of two simultaneous orders one is refused.
      if (underWay !== undefined) return fault('conflict', `the chassis is ${underWay}`);
      const problem = refusal(type, now);
      if (problem) return problem;
      const isNeedless = isNeedlessOrder(type, now);
      if (deps.trouble()?.kind === 'stuck') return { isNeedless };
      if (isNeedless && type !== 'ForceOff') return { isNeedless };
      // A power cut is carried out even if the chassis is off, so that the host does not start by
      // itself.
      underWay = type === 'On' || type === 'ForceOn' ? 'PoweringOn' : 'PoweringOff';
      if (timing === 'task' && !isNeedless) return { task: startTask(type), isNeedless };
      const execution = executed(type);
      inBackground('order', execution);
      // Bounded, since an order may have to wait, e.g. for a start to end, and a BMC does not keep
      // its client waiting.
      const end = await withDeadline(execution, answerWithinMs, () => undefined, clock);
      return isFault(end) ? end : { isNeedless };
    },
    tasks: () => tasks,
    async close() {
      closing.abort();
      await Promise.all(running);
    },
  };
}

/** The power state that the BMC shows, from the state of its host. */
export function powerOf(
  { boot, isReady, isKeptOff }: ChassisState,
  isStarting: boolean,
): 'On' | 'Off' | 'PoweringOn' | 'PoweringOff' {
  if (boot === null) return isStarting && !isKeptOff ? 'PoweringOn' : 'Off';
  if (isKeptOff) return 'PoweringOff';
  return isReady ? 'On' : 'PoweringOn';
}

const isNeedlessOrder = (type: ResetType, now: string): boolean =>
  (type === 'ForceOff' && now === 'Off') ||
  ((type === 'On' || type === 'ForceOn') && (now === 'On' || now === 'PoweringOn'));

function refusal(type: ResetType, now: string): Fault | undefined {
  const wantsOn = ['GracefulShutdown', 'GracefulRestart', 'ForceRestart', 'PowerCycle'];
  if (now === 'Off' && wantsOn.includes(type))
    return fault('conflict', `the chassis is off: ${type} needs one that is on`);
  if (now === 'PoweringOff' && type !== 'ForceOff')
    return fault('conflict', 'the chassis is powering off');
  return undefined;
}
