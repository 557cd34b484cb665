// Supervises a child process: restarts it when it ends, and ends it with this process. For the
// daemons and roles of a distributed cloud on one machine.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { bound } from '#platform/child-process.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';

export interface ProcessSpec {
  name: string;
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** The child's output is appended to this file. */
  logFile: string;
  /** Polled after each start until it returns true. */
  isReady(): Promise<boolean>;
  readyWithinMs: number;
  /** Called at each start and end. */
  onChange?(): void;
  stopSignal?: NodeJS.Signals;
  /** When stopping, the child gets SIGKILL after this. */
  stopWithinMs: number;
}

export interface SupervisedProcess {
  readonly name: string;
  /** The child's pid; undefined while it is being restarted. */
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly isReady: boolean;
  /**
   * Waits until the child is ready. unavailable: it is not ready in time; the message names its
   * log. Supervision goes on.
   */
  ready(): Promise<Outcome<void>>;
  /** Stops the child; resolves when it has ended. Safe to repeat. */
  stop(): Promise<void>;
}

const readyPollMs = 50;
const pauseMs = { first: 250, most: 10_000 };
/** A child that ran for this long is restarted without back-off. */
const steadyMs = 60_000;

export function superviseProcess(
  spec: ProcessSpec,
  { clock, log }: { clock: Clock; log: Log },
): SupervisedProcess {
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  let restarts = 0;
  let isReady = false;

  const start = (): ChildProcess => {
    const output = openSync(spec.logFile, 'a', 0o600);
    const [program = '', ...args] = bound(spec.command);
    // Standard input stays open: some daemons end when it is closed.
    const started = spawn(program, args, { env: spec.env, stdio: ['pipe', output, output] });
    closeSync(output);
    return started;
  };
  const endOf = async (started: ChildProcess): Promise<string> =>
    await new Promise((resolve) => {
      started.on('exit', (code, signal) => resolve(signal ?? `code ${code}`));
      started.on('error', (error) => resolve(error.message));
    });
  const watchReady = async (started: ChildProcess): Promise<void> => {
    while (child === started && !stopping.signal.aborted) {
      if (await spec.isReady().catch(() => false)) {
        if (child !== started) return;
        isReady = true;
        spec.onChange?.();
        return;
      }
      await clock.sleep(readyPollMs);
    }
  };

  async function keep(): Promise<void> {
    let pause = pauseMs.first;
    while (!stopping.signal.aborted) {
      const startedAtMs = clock.now();
      const started = start();
      child = started;
      spec.onChange?.();
      const watching = watchReady(started);
      const end = await endOf(started);
      child = undefined;
      isReady = false;
      spec.onChange?.();
      await watching;
      if (stopping.signal.aborted) return;
      restarts += 1;
      log.warn({ name: spec.name, end, log: spec.logFile }, 'process ended; it is started again');
      pause = clock.now() - startedAtMs > steadyMs ? pauseMs.first : pause;
      await clock.sleep(pause, { signal: stopping.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, pauseMs.most);
    }
  }
  const keeping = keep();

  return {
    name: spec.name,
    get pid() {
      return child?.pid;
    },
    get isReady() {
      return isReady;
    },
    get restarts() {
      return restarts;
    },
    async ready() {
      const endsMs = clock.now() + spec.readyWithinMs;
      while (!isReady && clock.now() < endsMs && !stopping.signal.aborted)
        await clock.sleep(readyPollMs);
      if (!isReady)
        return fault(
          'unavailable',
          `${spec.name} was not ready within ${spec.readyWithinMs / 1000} s; its output: ${spec.logFile}`,
        );
      return undefined;
    },
    async stop() {
      stopping.abort();
      child?.kill(spec.stopSignal ?? 'SIGTERM');
      const late = clock.after(spec.stopWithinMs, () => void child?.kill('SIGKILL'));
      await keeping;
      late.stop();
    },
  };
}
