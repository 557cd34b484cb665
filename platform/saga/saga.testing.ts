// Two variants of a saga that every saga must survive: one step fails, or every step runs twice (as
// after a crash between the effect and its journal entry). test/sim/sagas.test.ts and
// services/cinder/sagas.test.ts run them for every saga, with a real runner and real services.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { AnySaga, SagaDefinition, SagaStep } from './saga.ts';

type Definition = SagaDefinition<Json, Record<string, Json>>;
type Step = SagaStep<Json, Record<string, Json>>;

/**
 * The saga with a step, at `index`, that ends with a fault: before it has done anything, or after
 * it has done everything. The fault is `conflict`, which is never retried.
 */
export function failingAt(definition: AnySaga, index: number, when: 'before' | 'after'): AnySaga {
  return wrapped(definition, (step, at) =>
    at !== index
      ? step
      : {
          ...step,
          async run(input, state, context) {
            const outcome = when === 'after' ? await step.run(input, state, context) : undefined;
            return isFault(outcome)
              ? outcome
              : fault('conflict', `Step "${step.name}" was made to fail ${when} its work.`);
          },
        },
  );
}

/**
 * The saga with every run and undo executed twice. Both start from the same state, and the second
 * one's result counts, as after a crash.
 */
export function everyStepTwice(definition: AnySaga): AnySaga {
  return wrapped(definition, (step) => {
    const { undo } = step;
    return {
      ...step,
      async run(input, state, context) {
        const before = structuredClone(state);
        const first = await step.run(input, structuredClone(before), context);
        return isFault(first) ? first : await step.run(input, before, context);
      },
      ...(undo &&
        ({
          async undo(input, state, context) {
            const before = structuredClone(state);
            await undo(input, structuredClone(before), context);
            await undo(input, before, context);
          },
        } satisfies Pick<Step, 'undo'>)),
    };
  });
}

/** The names of the saga's steps, for loops over all of them. */
export const stepNames = (definition: AnySaga): string[] =>
  definition.steps.map((step) => step.name);

/** A saga whose definition can be replaced while the control plane runs, between two operations. */
export function exchangeable(definition: AnySaga): {
  saga: AnySaga;
  become(variant: AnySaga): void;
} {
  let current = definition;
  return {
    saga: {
      name: definition.name,
      get steps() {
        return current.steps;
      },
      failed: async (...args) => await current.failed(...args),
    },
    become: (variant) => {
      if (variant.name !== definition.name)
        throw new Error(`${variant.name} is no variant of ${definition.name}`);
      current = variant;
    },
  };
}

function wrapped(definition: AnySaga, change: (step: Step, index: number) => Step): AnySaga {
  const typed = definition as unknown as Definition; // the wrapper reads neither input nor state
  const { failed } = typed;
  return {
    name: typed.name,
    steps: typed.steps.map(change),
    failed: async (...args) => await failed.apply(typed, args),
  } satisfies Definition as unknown as AnySaga;
}
