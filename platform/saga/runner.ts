// Carries sagas out: claims them from the journal, runs each step under its deadline, unwinds on a
// fault, goes on after a crash.
import type { Kysely } from 'kysely';
import type { Fault } from '#contracts/common/fault.ts';
import { Fault as FaultValue, fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock, Repetition } from '../clock.ts';
import { withDeadline } from '../clock.ts';
import { isUnavailable } from '../db/errors.ts';
import { FenceLost, withFence, withoutFence } from '../fence.ts';
import type { Ids } from '../ids.ts';
import { Lease } from '../lease.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { SagaEvents } from './events.ts';
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
  /** Told of every saga that moves on or ends. */
  events?: SagaEvents;
  /** Sagas at once, in each pool. */
  maxConcurrent?: number;
}

/** One saga in work here. */
interface Run {
  work: Promise<void>;
  pool: string;
  claim: number;
  fence: Lease;
}

type Definition = SagaDefinition<Json, Record<string, Json>>;
type Step = SagaStep<Json, Record<string, Json>>;

const leaseMs = 60_000;
const scanEveryMs = 5_000;
const defaultConcurrent = 64;
const defaultPool = 'default';
const keysPurgeEveryMs = 60 * 60_000;
const keysKeptMs = 24 * 60 * 60_000;
const undoRetryMs = { first: 200, max: 15_000 };
// A saga that cannot be carried out here (its database is away) is looked at again after this.
const interruptedPauseMs = 5_000;
const releaseRetryMs = 1_000;
const retryable: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'concurrentUpdate']);

export class SagaRunner {
  readonly #deps: SagaRunnerDeps;
  readonly #journal;
  readonly #definitions: ReadonlyMap<string, Definition>;
  /** Names of the definitions of each pool. */
  readonly #pools: ReadonlyMap<string, readonly string[]>;
  readonly #running = new Map<string, Run>();
  /** Something may wait for a place of a pool: what ends makes room for it. */
  #mayWait = false;
  /** A claim failed, and nobody knows whether its commit has happened. */
  #mayHoldStrays = false;
  #keysPurgedAtMs = 0;
  readonly #stopping = new AbortController();
  #claiming: Promise<void> | undefined;
  #claimAgain = false;
  #scanner: Repetition | undefined;

  constructor(deps: SagaRunnerDeps) {
    this.#deps = deps;
    this.#journal = createJournal(deps.db);
    // The journal hands each definition only what the definition itself wrote.
    this.#definitions = new Map(
      deps.definitions.map((definition) => [definition.name, definition as unknown as Definition]),
    );
    const ofPools = Map.groupBy(this.#definitions.values(), ({ pool = defaultPool }) => pool);
    this.#pools = new Map([...ofPools].map(([pool, all]) => [pool, all.map(({ name }) => name)]));
  }

  /** Takes up what an earlier life left and begins to look for work. */
  async start(): Promise<void> {
    // What an earlier life of this owner held: after a crash nothing of it runs any more.
    await this.#journal.releaseAllBut(this.#deps.owner, []);
    for (const name of await this.#journal.otherNames([...this.#definitions.keys()]))
      this.#deps.log.error(
        { saga: name },
        'saga not known in this release: it waits for a later one',
      );
    this.#scanner = this.#deps.clock.every(
      scanEveryMs,
      async () => {
        this.wake();
        await this.#renew();
      },
      {
        onError: (error) => this.#deps.log.warn({ err: error }, 'saga leases not renewed'),
      },
    );
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
    // A step that begins a saga wakes us: what is claimed now is not that step's work.
    this.#claiming = withoutFence(() => this.#claim())
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
    this.#stopping.abort(new Error('the process stops'));
    await this.#scanner?.stop();
    await this.#claiming;
    await Promise.all(this.#works());
  }

  /** Resolves when nothing is left to run. For tests and graceful ends. */
  async idle(): Promise<void> {
    while (this.#claiming || this.#running.size > 0)
      await Promise.all([this.#claiming, ...this.#works()]);
  }

  #works(): Promise<void>[] {
    return [...this.#running.values()].map(({ work }) => work);
  }

  /** Extends the leases; work whose claim another process has taken ends now. */
  async #renew(): Promise<void> {
    const now = this.#deps.clock.now();
    const running = [...this.#running];
    const held = await this.#journal.renew(
      this.#deps.owner,
      running.map(([id]) => id),
      now + leaseMs,
    );
    for (const [id, { claim, fence }] of running)
      if (held.get(id) === claim) fence.untilMs = now + leaseMs;
      else fence.lose();
    if (now < this.#keysPurgedAtMs + keysPurgeEveryMs) return;
    this.#keysPurgedAtMs = now;
    await this.#journal.purgeKeys(now - keysKeptMs);
  }

  /** Sagas that may still begin, by pool: those that are full are left out. */
  #freePlaces(): Map<string, number> {
    const limit = this.#deps.maxConcurrent ?? defaultConcurrent;
    const free = new Map([...this.#pools.keys()].map((pool) => [pool, limit]));
    for (const { pool } of this.#running.values()) free.set(pool, (free.get(pool) ?? 0) - 1);
    return new Map([...free].filter(([, places]) => places > 0));
  }

  /**
   * Asks for all pools at once. Where the answer may not be whole (its length is the limit), the
   * pools that it has not filled are asked for again: what waits for a full one hides nothing.
   */
  async #claim(): Promise<void> {
    this.#mayWait = true; // until an answer is known to be whole
    if (this.#mayHoldStrays) {
      await this.#journal.releaseAllBut(this.#deps.owner, [...this.#running.keys()]);
      this.#mayHoldStrays = false;
    }
    for (let pass = 0; pass < this.#pools.size; pass += 1) {
      const free = this.#freePlaces();
      const names = [...free.keys()].flatMap((pool) => this.#pools.get(pool) ?? []);
      if (names.length === 0) return;
      const limit = [...free.values()].reduce((sum, places) => sum + places, 0);
      const nowMs = this.#deps.clock.now();
      const leaseUntilMs = nowMs + leaseMs;
      const claimable = await this.#journal.claimable(names, nowMs, limit);
      let isLeft = free.size < this.#pools.size;
      for (const saga of claimable) {
        const pool = this.#poolOf(saga.name);
        const places = free.get(pool) ?? 0;
        if (places === 0) {
          isLeft = true;
          continue;
        }
        this.#mayHoldStrays = true; // until the answer is there
        const record = await this.#journal.claim(
          { owner: this.#deps.owner, nowMs, leaseUntilMs },
          saga,
        );
        this.#mayHoldStrays = false;
        if (!record) continue;
        free.set(pool, places - 1);
        this.#begin(record, pool, leaseUntilMs);
      }
      if (claimable.length < limit) {
        this.#mayWait = isLeft;
        return;
      }
    }
  }

  #poolOf(name: string): string {
    return this.#definitions.get(name)?.pool ?? defaultPool;
  }

  #begin(record: SagaRecord, pool: string, untilMs: number): void {
    // Our own lease ran out under us, and nobody else had taken it: the earlier run has lost it
    // now.
    const earlier = this.#running.get(record.id);
    earlier?.fence.lose();
    const fence = new Lease(
      { key: record.lockKey, token: record.claim },
      this.#journal.holds(this.#deps.owner, record),
      this.#deps.clock,
      untilMs,
    );
    const work = this.#after(earlier, record)
      .then(async () => await this.#carryOut(record, fence))
      .catch(async (error: unknown) => {
        await this.#giveUp(record, fence, error);
        return true;
      })
      .then((mayBeMore) => {
        if (this.#running.get(record.id)?.claim === record.claim) this.#running.delete(record.id);
        if (mayBeMore || this.#mayWait) this.wake();
      });
    this.#running.set(record.id, { work, pool, claim: record.claim, fence });
  }

  async #after(earlier: Run | undefined, record: SagaRecord): Promise<void> {
    if (!earlier) return;
    await earlier.work;
    record.cancelled = await this.#journal.isCancelled(record.id);
  }

  /** Frees the saga whose work here was broken off, so that it is taken up again. */
  async #giveUp(record: SagaRecord, fence: Lease, error: unknown): Promise<void> {
    // a pause that is ended by the loss says so in its cause
    if (error instanceof FenceLost || (error as Error | undefined)?.cause instanceof FenceLost) {
      this.#deps.log.warn(
        { saga: record.name, sagaId: record.id, err: error },
        'saga given up here: its claim was lost',
      );
    } else if (!this.#stopping.signal.aborted) {
      this.#deps.log.error(
        { saga: record.name, sagaId: record.id, err: error },
        'saga interrupted; it will be taken up again',
      );
      await this.#pause(interruptedPauseMs);
    }
    // Changes nothing when the claim is another's.
    while (!(await this.#release(record)) && !this.#stopping.signal.aborted) {
      if (fence.untilMs < this.#deps.clock.now()) return; // the lease has ended by itself
      await this.#pause(releaseRetryMs);
    }
  }

  /** False: the database is still away. */
  async #release(record: SagaRecord): Promise<boolean> {
    return await this.#journal.release(this.#deps.owner, record).then(
      () => true,
      () => false,
    );
  }

  /** About `ms`, or until this runner stops. */
  async #pause(ms: number): Promise<void> {
    await this.#deps.clock
      .sleep(ms * (0.5 + this.#deps.ids.random()), { signal: this.#stopping.signal, unref: true })
      .catch(() => undefined);
  }

  /** Returns whether another saga of its key waits. */
  async #carryOut(record: SagaRecord, fence: Lease): Promise<boolean> {
    const definition = this.#definitions.get(record.name) as Definition; // claimed by its name
    if (record.phase === 'forward') await this.#forward(definition, record, fence);
    if (record.phase === 'backward') await this.#backward(definition, record, fence);
    if (record.phase === 'settling') await this.#settle(definition, record, fence);
    if (!(await this.#journal.finish(this.#deps.owner, record))) throw new FenceLost(fence);
    this.#deps.events?.emit(record.id, record.lockKey);
    // Where that cannot be told, the look at the journal tells why.
    return await this.#journal.isBusy(record.lockKey).catch(() => true);
  }

  async #forward(definition: Definition, record: SagaRecord, fence: Lease): Promise<void> {
    let { cancelled } = record;
    const takenUpAt = record.position; // an earlier life may have died within this step
    while (record.position < definition.steps.length) {
      this.#stopping.signal.throwIfAborted();
      const step = definition.steps[record.position] as Step; // position < length
      const result = cancelled
        ? fault('conflict', 'The operation was cancelled.')
        : await this.#tryStep(definition, step, record, fence);
      if (isFault(result)) {
        // A step aborted by our own stop, or by a lost claim, has neither failed nor succeeded:
        // whichever process claims the saga next runs it again.
        this.#stopping.signal.throwIfAborted();
        fence.assertHeld();
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
        await this.#advance(record, fence);
        return;
      }
      Object.assign(record.state, result ?? {});
      record.position += 1;
      cancelled = await this.#advance(record, fence);
    }
  }

  async #tryStep(
    definition: Definition,
    step: Step,
    record: SagaRecord,
    fence: Lease,
  ): Promise<Partial<Record<string, Json>> | void | Fault> {
    for (let attempt = 0; ; attempt += 1) {
      fence.assertHeld(); // its lease may have ended between two steps, or tries
      const startedAt = this.#deps.clock.now();
      const deadline = new AbortController();
      const signal = AbortSignal.any([deadline.signal, this.#stopping.signal, fence.lost]);
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
        const run = withFence(fence, () => step.run(record.input, record.state, context));
        result = await withDeadline(run, step.deadlineMs, late, this.#deps.clock);
      } catch (error) {
        this.#stopping.signal.throwIfAborted();
        if (error instanceof FenceLost) fence.lose();
        fence.assertHeld();
        // Neither failed nor succeeded: the saga is taken up again when its database is back.
        if (isUnavailable(error)) throw error;
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
        signal: AbortSignal.any([this.#stopping.signal, fence.lost]),
      });
    }
  }

  async #backward(definition: Definition, record: SagaRecord, fence: Lease): Promise<void> {
    for (; record.position >= 0; record.position -= 1) {
      const step = definition.steps[record.position];
      if (step?.undo)
        await this.#insist(
          definition,
          record,
          fence,
          `undo of ${step.name}`,
          async (context) => await step.undo?.(record.input, record.state, context),
        );
      if (record.position > 0)
        await this.#advance({ ...record, position: record.position - 1 }, fence);
    }
    record.phase = 'settling';
    await this.#advance({ ...record, position: 0 }, fence);
  }

  async #settle(definition: Definition, record: SagaRecord, fence: Lease): Promise<void> {
    const reason = FaultValue.from(
      record.fault ?? { kind: 'unavailable', message: 'The operation failed.' },
    );
    await this.#insist(
      definition,
      record,
      fence,
      'settle',
      async (context) => await definition.failed(record.input, record.state, reason, context),
    );
  }

  // An undo has no way out but success: it is tried until it does, with growing pauses, also in
  // later lives.
  async #insist(
    definition: Definition,
    record: SagaRecord,
    fence: Lease,
    what: string,
    work: (context: SagaContext) => Promise<void>,
  ): Promise<void> {
    for (let pauseMs = undoRetryMs.first; ; pauseMs = Math.min(pauseMs * 2, undoRetryMs.max)) {
      this.#stopping.signal.throwIfAborted();
      fence.assertHeld();
      const signal = AbortSignal.any([this.#stopping.signal, fence.lost]);
      const startedAt = this.#deps.clock.now();
      try {
        const context: SagaContext = { sagaId: record.id, requestId: record.requestId, signal };
        await withFence(fence, () => work(context));
        this.#deps.metrics?.sagaStep(
          { saga: definition.name, step: what, direction: 'undo', outcome: 'ok' },
          this.#deps.clock.now() - startedAt,
        );
        return;
      } catch (error) {
        this.#stopping.signal.throwIfAborted();
        if (error instanceof FenceLost) fence.lose();
        fence.assertHeld();
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
        await this.#deps.clock.sleep(pauseMs * (0.5 + this.#deps.ids.random()), { signal });
      }
    }
  }

  async #advance(record: SagaRecord, fence: Lease): Promise<boolean> {
    const untilMs = this.#deps.clock.now() + leaseMs;
    const moved = await this.#journal.advance(this.#deps.owner, record, untilMs);
    if (!moved) throw new FenceLost(fence);
    fence.untilMs = untilMs;
    this.#deps.events?.emit(record.id, record.lockKey);
    return moved.cancelled;
  }
}
