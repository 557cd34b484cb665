// Long operations as sagas: steps with undo, journalled in the service's own database, resumed
// after a crash at any point. Services list definitions; SagaRunner (runner.ts) carries them out;
// `saga.testing.ts` proves that each unwinds and repeats.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';

export interface SagaContext {
  /** The saga's id: a natural key for effects that need one. */
  sagaId: string;
  /** Of the API request that began it. */
  requestId: string;
  /** Aborts at the step's deadline, when the process stops and when the claim is lost. */
  signal: AbortSignal;
}

/**
 * One step. `run` and `undo` may each be called twice (a crash lies between effect and journal), so
 * both are idempotent. A returned fault unwinds the saga; a thrown error is tried again `retries`
 * times, then unwinds it too.
 */
export interface SagaStep<Input, State> {
  name: string;
  deadlineMs: number;
  /**
   * Further tries after a thrown error or a fault of kind unavailable, timeout or concurrentUpdate.
   * Default 0.
   */
  retries?: number;
  /** What it returns is merged into the state and journalled with the step. */
  run(input: Input, state: State, context: SagaContext): Promise<Outcome<Partial<State> | void>>;
  /**
   * Also called for the step that failed, since it may have half happened. Missing: there is
   * nothing to undo.
   */
  undo?(input: Input, state: State, context: SagaContext): Promise<void>;
}

export interface SagaDefinition<Input extends Json = Json, State = Record<string, Json>> {
  /** `<service>.<verb-noun>`, e.g. 'nova.build-server'. Journalled: never renamed. */
  name: string;
  /**
   * Identified by name in the journal: a release may add steps, but not rename or reorder those in
   * flight.
   */
  steps: readonly SagaStep<Input, State>[];
  /**
   * Sagas of one pool share a bound on how many run at once in a process. Those that may wait long
   * (builds) have their own, so that they hold up nothing else. Default 'default'.
   */
  pool?: string;
  /**
   * The last word after everything is undone: settles the object's state and records why.
   * Idempotent.
   */
  failed(input: Input, state: State, reason: Fault, context: SagaContext): Promise<void>;
}

/** A definition whose types only itself knows: journals hold JSON. */
export type AnySaga = SagaDefinition<never, never>;

/** Binds a definition's types away: the journal gives each definition only what it wrote itself. */
export function saga<Input extends Json, State>(definition: SagaDefinition<Input, State>): AnySaga {
  // input and state come back from the journal as this definition wrote them
  return definition as unknown as AnySaga;
}
