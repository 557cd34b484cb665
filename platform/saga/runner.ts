// Carries sagas out: claims them from the journal, runs each step under its deadline, unwinds on a
// fault, goes on after a crash.
import type { Kysely } from 'kysely';
import type { Fault } from '#contracts/common/fault.ts';
import { Fault as FaultValue, fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { SagaRecord } from './journal.ts';
import { createJournal } from './journal.ts';
import type { AnySaga, SagaContext, SagaDefinition, SagaStep } from './saga.ts';

export interface SagaRunnerDeps {
  /** A database with the sagas table among others. */
  db: Kysely<any>;
  definitions: readonly AnySaga[];
  /** Names this runner in the journal; one life at a time (a host name, a pod name). */
  owner: string;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
  maxConcurrent?: number;
}

type Definition = SagaDefinition<Json, Record<string, Json>>;
type Step = SagaStep<Json, Record<string, Json>>;

const leaseMs = 60_000;
const scanEveryMs = 5_000;
const undoRetryMs = { first: 200, max: 15_000 };
// A saga that cannot be carried out here (unknown in this release, its database away) is looked at
// again after this.
const interruptedPauseMs = 5_000;
const retryable: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'concurrentUpdate']);

export class SagaRunner {
  readonly #deps: SagaRunnerDeps;
  readonly #journal;
  readonly #definitions: ReadonlyMap<string, Definition>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  #claiming: Promise<void> | undefined;
  #claimAgain = false;
  #scanner: NodeJS.Timeout | undefined;

  constructor(deps: SagaRunnerDeps) {
    this.#deps = deps;
    this.#journal = createJournal(deps.db);
    // The journal hands each definition only what the definition itself wrote.
    this.#definitions = new Map(
      deps.definitions.map((definition) => [definition.name, definition as unknown as Definition]),
    );
  }

  /** Takes up what an earlier life left and begins to look for work. */
  async start(): Promise<void> {
    await this.#journal.releaseAll(this.#deps.owner);
    this.#scanner = setInterval(() => {
      void this.#journal
        .renew(this.#deps.owner, this.#deps.clock.now() + leaseMs)
        .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'saga leases not renewed'));
      this.wake();
    }, scanEveryMs);
    this.#scanner.unref();
    this.wake();
  }

  /**
   * Looks for sagas to run, now. Cheap to call too often; a lost call costs one scan period.
   * Nothing before `start`, which frees all claims.
   */
  wake(): void {
    if (this.#stopping.signal.aborted || !this.#scanner) return;
    if (this.#claiming) {
      this.#claimAgain = true;
      return;
    }
    this.#claiming = this.#claim()
      .catch((error: unknown) => this.#deps.log.error({ err: error }, 'sagas cannot be claimed'))
      .finally(() => {
        this.#claiming = undefined;
        if (this.#claimAgain) {
          this.#claimAgain = false;
          this.wake();
        }
      });
  }

  /** Stops between steps; what is unfinished stays in the journal. */
  async stop(): Promise<void> {
    clearInterval(this.#scanner);
    this.#stopping.abort(new Error('the process stops'));
    await this.#claiming;
    await Promise.all(this.#running.values());
  }

  /** Resolves when nothing is left to run. For tests and graceful ends. */
  async idle(): Promise<void> {
    while (this.#claiming || this.#running.size > 0)
      await Promise.all([this.#claiming, ...this.#running.values()]);
  }

  async #claim(): Promise<void> {
    const room = (this.#deps.maxConcurrent ?? 64) - this.#running.size;
    if (room <= 0) return;
    const now = this.#deps.clock.now();
    for (const record of await this.#journal.claim(this.#deps.owner, now, now + leaseMs, room)) {
      // its lease ran out under us, and nobody else took it
      if (this.#running.has(record.id)) continue;
      const work = this.#carryOut(record)
        .catch(async (error: unknown) => {
          if (!this.#stopping.signal.aborted) {
            this.#deps.log.error(
              { saga: record.name, sagaId: record.id, err: error },
              'saga interrupted; it will be taken up again',
            );
            await this.#deps.clock
              .sleep(interruptedPauseMs * (0.5 + this.#deps.ids.random()), {
                signal: this.#stopping.signal,
                unref: true,
              })
              .catch(() => undefined); // stopped: at once
          }
          // the lease ends by itself
          await this.#journal.release(this.#deps.owner, record.id).catch(() => undefined);
        })
        .finally(() => {
          this.#running.delete(record.id);
          this.wake();
        });
      this.#running.set(record.id, work);
    }
  }

  async #carryOut(record: SagaRecord): Promise<void> {
    const definition = this.#definitions.get(record.name);
    if (!definition) throw new Error(`no saga is called ${record.name} in this release`);
    if (record.phase === 'forward') await this.#forward(definition, record);
    if (record.phase === 'backward') await this.#backward(definition, record);
    if (record.phase === 'settling') await this.#settle(definition, record);
    await this.#journal.finish(this.#deps.owner, record.id);
  }

  async #forward(definition: Definition, record: SagaRecord): Promise<void> {
    let cancelled = await this.#journal.isCancelled(record.id);
    const takenUpAt = record.position; // an earlier life may have died within this step
    while (record.position < definition.steps.length) {
      this.#stopping.signal.throwIfAborted();
      const step = definition.steps[record.position] as Step; // position < length
      const result = cancelled
        ? fault('conflict', 'The operation was cancelled.')
        : await this.#tryStep(definition, step, record);
      if (isFault(result)) {
        // A step aborted by our own stop has neither failed nor succeeded: it runs again in the
        // next life.
        this.#stopping.signal.throwIfAborted();
        record.fault = result.toJSON();
        record.phase = 'backward';
        if (cancelled && record.position > takenUpAt) record.position -= 1; // this step never began
        this.#deps.log.warn(
          {
            saga: record.name,
            step: step.name,
            lock: record.lockKey,
            req: record.requestId,
            fault: result.message,
          },
          'saga unwinds',
        );
        await this.#advance(record);
        return;
      }
      Object.assign(record.state, result ?? {});
      record.position += 1;
      cancelled = await this.#advance(record);
    }
  }

  async #tryStep(
    definition: Definition,
    step: Step,
    record: SagaRecord,
  ): Promise<Partial<Record<string, Json>> | void | Fault> {
    for (let attempt = 0; ; attempt += 1) {
      const startedAt = this.#deps.clock.now();
      const deadline = new AbortController();
      const signal = AbortSignal.any([deadline.signal, this.#stopping.signal]);
      const context: SagaContext = { sagaId: record.id, requestId: record.requestId, signal };
      let result: Awaited<ReturnType<Step['run']>>;
      try {
        const late = (): Fault => {
          deadline.abort(new Error(`deadline of ${step.deadlineMs} ms passed`));
          return fault(
            'timeout',
            `Step ${step.name} did not end within ${step.deadlineMs / 1000} s.`,
          );
        };
        result = await withDeadline(
          step.run(record.input, record.state, context),
          step.deadlineMs,
          late,
        );
      } catch (error) {
        this.#stopping.signal.throwIfAborted();
        this.#deps.log.error(
          {
            saga: definition.name,
            step: step.name,
            lock: record.lockKey,
            req: record.requestId,
            err: error,
          },
          'saga step threw',
        );
        result = fault(
          'unavailable',
          `Step ${step.name} failed unexpectedly: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      const outcome = isFault(result) ? result.kind : 'ok';
      this.#deps.metrics?.sagaStep(
        { saga: definition.name, step: step.name, direction: 'run', outcome },
        this.#deps.clock.now() - startedAt,
      );
      if (!isFault(result) || !retryable.has(result.kind) || attempt >= (step.retries ?? 0))
        return result;
      await this.#deps.clock.sleep(100 * 2 ** attempt * (0.5 + this.#deps.ids.random()), {
        signal: this.#stopping.signal,
      });
    }
  }

  async #backward(definition: Definition, record: SagaRecord): Promise<void> {
    for (; record.position >= 0; record.position -= 1) {
      const step = definition.steps[record.position];
      if (step?.undo)
        await this.#insist(
          definition,
          record,
          `undo of ${step.name}`,
          async (context) => await step.undo?.(record.input, record.state, context),
        );
      if (record.position > 0) await this.#advance({ ...record, position: record.position - 1 });
    }
    record.phase = 'settling';
    await this.#advance({ ...record, position: 0 });
  }

  async #settle(definition: Definition, record: SagaRecord): Promise<void> {
    const reason = FaultValue.from(
      record.fault ?? { kind: 'unavailable', message: 'The operation failed.' },
    );
    await this.#insist(
      definition,
      record,
      'settle',
      async (context) => await definition.failed(record.input, record.state, reason, context),
    );
  }

  // An undo has no way out but success: it is tried until it does, with growing pauses, also in
  // later lives.
  async #insist(
    definition: Definition,
    record: SagaRecord,
    what: string,
    work: (context: SagaContext) => Promise<void>,
  ): Promise<void> {
    for (let pauseMs = undoRetryMs.first; ; pauseMs = Math.min(pauseMs * 2, undoRetryMs.max)) {
      this.#stopping.signal.throwIfAborted();
      const startedAt = this.#deps.clock.now();
      try {
        await work({
          sagaId: record.id,
          requestId: record.requestId,
          signal: this.#stopping.signal,
        });
        this.#deps.metrics?.sagaStep(
          { saga: definition.name, step: what, direction: 'undo', outcome: 'ok' },
          this.#deps.clock.now() - startedAt,
        );
        return;
      } catch (error) {
        this.#stopping.signal.throwIfAborted();
        this.#deps.metrics?.sagaStep(
          { saga: definition.name, step: what, direction: 'undo', outcome: 'error' },
          this.#deps.clock.now() - startedAt,
        );
        this.#deps.log.error(
          {
            saga: definition.name,
            what,
            lock: record.lockKey,
            req: record.requestId,
            err: error,
            retryInMs: pauseMs,
          },
          'saga cannot unwind yet',
        );
        await this.#deps.clock.sleep(pauseMs * (0.5 + this.#deps.ids.random()), {
          signal: this.#stopping.signal,
        });
      }
    }
  }

  async #advance(record: SagaRecord): Promise<boolean> {
    const moved = await this.#journal.advance(
      this.#deps.owner,
      record,
      this.#deps.clock.now() + leaseMs,
    );
    if (!moved) throw new Error(`saga ${record.id} was taken over by another process`);
    return moved.cancelled;
  }
}
