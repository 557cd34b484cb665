// One process of a simulated control plane as seen from outside: it may be paused and resumed (like
// a stopped machine), or end at any moment. Everything that reaches it goes through here, so
// nothing arrives while it is paused. Used by sim-control.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { HttpAnswer, HttpCall, HttpClient } from '#openstack/http/client.ts';
import type { Bus, RpcHandlers, Serving } from '#platform/bus/bus.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { createClock } from '#platform/clock.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';

export interface SimProcess {
  readonly name: string;
  /**
   * The process's clock. Its timers are paused with the process; those that became due meanwhile
   * fire when it resumes.
   */
  readonly clock: Clock;
  readonly state: 'running' | 'stopped' | 'ended';
  /** How many times it was paused. */
  readonly stops: number;
  /**
   * Resolves at once while it runs, when it resumes if it is paused, and never once it has ended.
   */
  awake(): Promise<void>;
  stop(): void;
  goOn(): void;
  end(): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/** Creates a running process. `skewMs`: by how much its clock is ahead of the others'. */
export function createSimProcess(name: string, clock: Clock, skewMs: number): SimProcess {
  let state: SimProcess['state'] = 'running';
  let stops = 0;
  let waiting: (() => void)[] = [];
  const timers = new Set<Timer>();
  const { promise: ended, resolve: tellEnd } = Promise.withResolvers<void>();
  const whenAwake = (work: () => void): void => {
    if (state === 'running') work();
    else if (state === 'stopped') waiting.push(work);
  };
  const own = createClock({
    now: () => clock.now() + skewMs,
    monotonicMs: () => clock.monotonicMs(),
    after(ms, work, options) {
      if (state === 'ended') return { stop: () => undefined };
      let isStopped = false;
      const below = clock.after(
        ms,
        () => {
          timers.delete(below);
          whenAwake(() => {
            if (!isStopped) work();
          });
        },
        options,
      );
      timers.add(below);
      return {
        stop() {
          isStopped = true;
          timers.delete(below);
          below.stop();
        },
      };
    },
  });
  return {
    name,
    clock: own,
    get state() {
      return state;
    },
    get stops() {
      return stops;
    },
    ended,
    awake: async () => await new Promise<void>(whenAwake),
    stop() {
      if (state !== 'running') return;
      state = 'stopped';
      stops += 1;
    },
    goOn() {
      if (state !== 'stopped') return;
      state = 'running';
      const due = waiting;
      waiting = [];
      for (const work of due) work();
    },
    end() {
      state = 'ended';
      waiting = [];
      for (const timer of timers) timer.stop();
      timers.clear();
      tellEnd();
    },
  };
}

/** Runs a call by or to the process; start and end wait while the process is paused. */
async function within<T>(process: SimProcess, call: () => Promise<T>): Promise<T> {
  await process.awake();
  try {
    return await call();
  } finally {
    await process.awake();
  }
}

/**
 * The bus as the process sees it. When the process ends, unfinished casts are redelivered, as by a
 * broker, and its callers get no answer. `elsewhere`: wraps work of other processes.
 */
export function busOf(process: SimProcess, bus: Bus, elsewhere: <T>(call: () => T) => T): Bus {
  const isCast = (deadlineMs: number): boolean => deadlineMs === Infinity;
  const served = (handlers: RpcHandlers): RpcHandlers =>
    Object.fromEntries(
      Object.entries(handlers).map(([method, handler]) => [
        method,
        async (params, context) => {
          const work = within(process, async () => await handler(params, context));
          if (!isCast(context.deadlineMs)) return await work;
          const connectionLoss = process.ended.then(() => {
            throw new Error(`${process.name} ended`);
          });
          return await Promise.race([work, connectionLoss]);
        },
      ]),
    );
  return {
    serve(topic, handlers, options): Serving {
      const serving = bus.serve(topic, served(handlers), options);
      void process.ended.then(() => void serving.close());
      return serving;
    },
    call: async (...args) =>
      await within(process, async () => await elsewhere(() => bus.call(...args))),
    cast: async (...args) =>
      await within(process, async () => await elsewhere(() => bus.cast(...args))),
    fanout: async (...args) =>
      await within(process, async () => await elsewhere(() => bus.fanout(...args))),
    close: async () => await bus.close(),
  };
}

const requestTimeoutMs = 60_000;

/** Requests to the process; if it ends, their connection is lost. */
export function httpInto(process: SimProcess, http: HttpClient, clock: Clock): HttpClient {
  const send = async (call: HttpCall & { asStream?: boolean }): Promise<Outcome<HttpAnswer>> => {
    const connectionLoss = process.ended.then(() => fault('unavailable', connectionLost));
    let timer: Timer | undefined;
    const late = new Promise<Outcome<HttpAnswer>>((resolve) => {
      timer = clock.after(call.timeoutMs ?? requestTimeoutMs, () =>
        resolve(fault('timeout', `${call.service} did not answer in time.`)),
      );
    });
    try {
      return await Promise.race([
        within(process, async () => await http.send(call)),
        connectionLoss,
        late,
      ]);
    } finally {
      timer?.stop();
    }
  };
  return { send };
}

export const connectionLost = 'the connection was lost';

/** The network as the process sees it: it is notified of changes only while it runs. */
export function sdnOf(
  process: SimProcess,
  open: (listeners: SdnListeners) => Sdn,
  listeners: SdnListeners,
): Sdn {
  const hear = (tell: () => void): void => void process.awake().then(tell);
  const sdn = open({
    portChanged: (...args) => hear(() => listeners.portChanged?.(...args)),
    returned: () => hear(() => listeners.returned?.()),
    bindingsKnown: () => hear(() => listeners.bindingsKnown?.()),
    writerChanged: (isWriter) => hear(() => listeners.writerChanged?.(isWriter)),
  });
  void process.ended.then(() => sdn.close());
  return {
    ...sdn,
    sync: async (desired) => await within(process, async () => await sdn.sync(desired)),
    audit: async (desired) => await within(process, async () => await sdn.audit(desired)),
    change: async (put, remove) => await within(process, async () => await sdn.change(put, remove)),
    removeChassis: async (name) => await within(process, async () => await sdn.removeChassis(name)),
    askChassis: async () => await within(process, async () => await sdn.askChassis()),
  };
}
