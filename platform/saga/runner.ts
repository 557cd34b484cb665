// Carries out sagas: claims them from the journal, runs each step under its deadline, undoes the
// steps on a fault, and continues after a crash.
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
  /**
   * Identifies this runner in the journal; unique among running processes (a host name, a pod
   * name).
   */
  owner: string;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
  /** Notified of every saga that moves on or ends. */
  events?: SagaEvents;
  /** How many sagas of each pool run at once. */
  maxConcurrent?: number;
}

/** A saga that this runner is carrying out. */
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
// Pause before a saga is looked at again that could not be carried out here (its database is
// unavailable).
const interruptedPauseMs = 5_000;
const releaseRetryMs = 1_000;
const retryable: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'concurrentUpdate']);

export class SagaRunner {
  readonly #deps: SagaRunnerDeps;
  readonly #journal;
  readonly #definitions: ReadonlyMap<string, Definition>;
  /** The names of the saga definitions in each pool. */
  readonly #pools: ReadonlyMap<string, readonly string[]>;
  readonly #running = new Map<string, Run>();
  /** Sagas may be waiting for a free place in a pool: look for them when a running saga ends. */
  #mayWait = false;
  /**
   * A claim failed and its commit may have happened: the journal may list sagas that nobody runs.
   */
  #mayHoldStrays = false;
  #keysPurgedAtMs = 0;
  readonly #stopping = new AbortController();
  #claiming: Promise<void> | undefined;
  #claimAgain = false;
  #scanner: Repetition | undefined;

  constructor(deps: SagaRunnerDeps) {
    this.#deps = deps;
    this.#journal = createJournal(deps.db);
    // The cast is safe: the journal gives each definition only the input and state that it wrote
    // itself.
    this.#definitions = new Map(
      deps.definitions.map((definition) => [definition.name, definition as unknown as Definition]),
    );
    const ofPools = Map.groupBy(this.#definitions.values(), ({ pool = defaultPool }) => pool);
    this.#pools = new Map([...ofPools].map(([pool, all]) => [pool, all.map(({ name }) => name)]));
  }

  /** Takes over what an earlier process of this owner left, and begins to look for work. */
  async start(): Promise<void> {
    // Releases the claims of an earlier process of this owner: after a crash, none of its work runs
    // any more.
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
   * Looks for sagas to run, now. Cheap to call too often; if a call is lost, the periodic scan
   * finds the saga. Does nothing before `start`, which releases all claims of this owner.
   */
  wake(): void {
    if (this.#stopping.signal.aborted || !this.#scanner) return;
    if (this.#claiming) {
      this.#claimAgain = true;
      return;
    }
    // Without the fence of a step that calls this: the sagas claimed here are not that step's work.
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

  /** Stops between steps; unfinished sagas stay in the journal. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the process stops'));
    await this.#scanner?.stop();
    await this.#claiming;
    await Promise.all(this.#works());
  }

  /** Resolves when nothing is left to run. For tests and graceful shutdown. */
  async idle(): Promise<void> {
    while (this.#claiming || this.#running.size > 0)
      await Promise.all([this.#claiming, ...this.#works()]);
  }

  #works(): Promise<void>[] {
    return [...this.#running.values()].map(({ work }) => work);
  }

  /** Renews the leases. Work whose claim another process has taken is aborted. */
  async #renew(): Promise<void> {
    const now = this.#deps.clock.now();
    const running = [...this.#running];
    const renewedClaims = await this.#journal.renew(
      this.#deps.owner,
      running.map(([id]) => id),
      now + leaseMs,
    );
    for (const [id, { claim, fence }] of running)
      if (renewedClaims.get(id) === claim) fence.untilMs = now + leaseMs;
      else fence.lose();
    if (now < this.#keysPurgedAtMs + keysPurgeEveryMs) return;
    this.#keysPurgedAtMs = now;
    await this.#journal.purgeKeys(now - keysKeptMs);
  }

  /** How many more sagas each pool may start; full pools are left out. */
  #freePlaces(): Map<string, number> {
    const limit = this.#deps.maxConcurrent ?? defaultConcurrent;
    const free = new Map([...this.#pools.keys()].map((pool) => [pool, limit]));
    for (const { pool } of this.#running.values()) free.set(pool, (free.get(pool) ?? 0) - 1);
    return new Map([...free].filter(([, places]) => places > 0));
  }

  /**
   * Claims sagas for all pools with one query. If its result reached the limit, it may hide sagas
   * of pools that still have room behind those of a full pool: then these pools are asked for
   * again.
   */
  async #claim(): Promise<void> {
    this.#mayWait = true; // until a query shows that none waits
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
        this.#mayHoldStrays = true; // until the claim has returned
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
    // This runner's own lease expired unnoticed, and it has claimed the saga again: the earlier run
    // must not write any more.
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

  /** Releases a saga whose work was broken off here, so that it is continued, here or elsewhere. */
  async #giveUp(record: SagaRecord, fence: Lease, error: unknown): Promise<void> {
    // A pause aborted by the loss of the claim has FenceLost as its cause.
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
    // If another process has claimed the saga meanwhile, this changes nothing.
    while (!(await this.#release(record)) && !this.#stopping.signal.aborted) {
      // The lease has expired: others may claim it.
      if (fence.untilMs < this.#deps.clock.now()) return;
      await this.#pause(releaseRetryMs);
    }
  }

  /** Releases the claim; returns false if the database is still unavailable. */
  async #release(record: SagaRecord): Promise<boolean> {
    return await this.#journal.release(this.#deps.owner, record).then(
      () => true,
      () => false,
    );
  }

  /** Waits about `ms` (jittered), or until this runner stops. */
  async #pause(ms: number): Promise<void> {
    await this.#deps.clock
      .sleep(ms * (0.5 + this.#deps.ids.random()), { signal: this.#stopping.signal, unref: true })
      .catch(() => undefined);
  }

  /** Runs a saga to its end. Returns whether another saga of its key waits. */
  async #carryOut(record: SagaRecord, fence: Lease): Promise<boolean> {
    // Cast: #claim asks only for sagas with these names.
    const definition = this.#definitions.get(record.name) as Definition;
    if (record.phase === 'forward') await this.#forward(definition, record, fence);
    if (record.phase === 'backward') await this.#backward(definition, record, fence);
    if (record.phase === 'settling') await this.#settle(definition, record, fence);
    if (!(await this.#journal.finish(this.#deps.owner, record))) throw new FenceLost(fence);
    this.#deps.events?.emit(record.id, record.lockKey);
    // If the query fails, assume that one waits: the next scan of the journal finds out.
    return await this.#journal.isBusy(record.lockKey).catch(() => true);
  }

  async #forward(definition: Definition, record: SagaRecord, fence: Lease): Promise<void> {
    let { cancelled } = record;
    const takenUpAt = record.position; // an earlier process may have crashed within this step
    while (record.position < definition.steps.length) {
      this.#stopping.signal.throwIfAborted();
      const step = definition.steps[record.position] as Step; // cast: position < length
      const result = cancelled
        ? fault('conflict', 'The operation was cancelled.')
        : await this.#tryStep(definition, step, record, fence);
      if (isFault(result)) {
        // A step aborted by this runner's stop, or by a lost claim, has neither failed nor
        // succeeded: the process that claims the saga next runs it again.
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
      fence.assertHeld(); // the lease may have expired since the last step or try
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
        // The database is unavailable, so the step neither failed nor succeeded: the saga continues
        // when the database answers again.
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

  // An undo must succeed: it is retried with growing pauses until it does, also after a restart.
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
