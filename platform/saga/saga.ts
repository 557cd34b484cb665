// Long operations as sagas: steps with undo, journalled in the service's database, continued after
// a crash at any point. Services define them; SagaRunner (runner.ts) carries them out;
// `saga.testing.ts` tests that each unwinds and that its steps may repeat.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';

export interface SagaContext {
  /** The saga's id: usable as the natural key of an effect that must be idempotent. */
  sagaId: string;
  /** Id of the API request that began the saga. */
  requestId: string;
  /** Aborts at the step's deadline, when the process stops and when the claim is lost. */
  signal: AbortSignal;
}

/**
 * One step. `run` and `undo` may each be called twice (after a crash between the effect and its
 * journal entry), so both must be idempotent. A returned fault unwinds the saga; a thrown error is
 * retried `retries` times, and then unwinds it, too.
 */
export interface SagaStep<Input, State> {
  name: string;
  deadlineMs: number;
  /**
   * Retries after a thrown error, or a fault of kind unavailable, timeout or concurrentUpdate.
   * Default 0.
   */
  retries?: number;
  /**
   * Does the step. The returned fields are merged into the saga's state and journalled with the
   * step.
   */
  run(input: Input, state: State, context: SagaContext): Promise<Outcome<Partial<State> | void>>;
  /**
   * Undoes the step. Also called for the step that failed, since part of it may have happened. Left
   * out if there is nothing to undo.
   */
  undo?(input: Input, state: State, context: SagaContext): Promise<void>;
}

export interface SagaDefinition<Input extends Json = Json, State = Record<string, Json>> {
  /** `<service>.<verb-noun>`, e.g. 'nova.build-server'. Stored in the journal, so never renamed. */
  name: string;
  /**
   * The journal stores a step by its index: a later release may append steps, but must not insert,
   * remove or reorder steps while sagas of the definition are unfinished.
   */
  steps: readonly SagaStep<Input, State>[];
  /**
   * Sagas of one pool share a bound on how many run at once in a process. Sagas that may wait long
   * (builds) have a pool of their own, so that they do not hold up others. Default 'default'.
   */
  pool?: string;
  /**
   * Runs after all steps are undone: sets the object's final state and records the reason.
   * Idempotent.
   */
  failed(input: Input, state: State, reason: Fault, context: SagaContext): Promise<void>;
}

/** A definition whose input and state types are hidden; the journal holds plain JSON. */
export type AnySaga = SagaDefinition<never, never>;

/** Hides a definition's types, so that sagas of all types fit into one list. */
export function saga<Input extends Json, State>(definition: SagaDefinition<Input, State>): AnySaga {
  // Safe: the journal returns input and state as this definition wrote them.
  return definition as unknown as AnySaga;
}
