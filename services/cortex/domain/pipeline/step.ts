// The types of filters and weighers. Each filter or weigher is a file, plus a line in
// filters/table.ts or weighers/table.ts.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { StepParameter } from '#contracts/cortex/pipeline.ts';
import type { FilterRun } from './filter-run.ts';
import type { Parameters, ParameterTable } from './parameters.ts';
import { readParameters } from './parameters.ts';

/** Removes hosts from the run's candidates. A fault: the step lacks facts that it needs. */
export type FilterStep = (run: FilterRun) => Fault | void;

export interface Filter {
  name: string;
  /**
   * If the step fails: 'refuse' removes all hosts, since a wrong host could break a guarantee;
   * 'skip' continues without the step.
   */
  onFailure: 'refuse' | 'skip';
  /** badRequest: the parameters are wrong. */
  build(stepParameters: readonly StepParameter[]): Outcome<FilterStep>;
}

interface FilterDefinition<T extends ParameterTable> {
  name: string;
  onFailure: Filter['onFailure'];
  parameters?: T;
  /** The fault for wrong parameters; undefined: they are right. */
  refuse?(parameters: Parameters<T>): Fault | undefined;
  run(run: FilterRun, parameters: Parameters<T>): Fault | void;
}

export function defineFilter<T extends ParameterTable>(definition: FilterDefinition<T>): Filter {
  const { name, onFailure, refuse, run } = definition;
  return {
    name,
    onFailure,
    build(stepParameters) {
      const parameters = readParameters(
        name,
        definition.parameters ?? noParameters<T>(),
        stepParameters,
      );
      if (isFault(parameters)) return parameters;
      return refuse?.(parameters) ?? ((one) => run(one, parameters));
    },
  };
}

/** The hosts that filters have left, and their weights so far. */
export interface Weighing {
  run: FilterRun;
  /** Positions, ascending; the first `count` are valid. */
  hosts: Int32Array;
  count: number;
  /** By index in `hosts`. A weigher adds `multiplier` * tanh(activation) to each. */
  weights: Float64Array;
  multiplier: number;
  /** Working space for a weigher, as long as `weights`. */
  scratch: Float64Array;
}

/** Returns false if the weigher does not apply to this request and has added nothing. */
export type WeigherStep = (weighing: Weighing) => boolean;

export interface Weigher {
  name: string;
  build(stepParameters: readonly StepParameter[]): Outcome<WeigherStep>;
}

interface WeigherDefinition<T extends ParameterTable> {
  name: string;
  parameters?: T;
  /** badRequest: the parameters are wrong. */
  create(parameters: Parameters<T>): Outcome<WeigherStep>;
}

export function defineWeigher<T extends ParameterTable>(definition: WeigherDefinition<T>): Weigher {
  const { name, create } = definition;
  return {
    name,
    build(stepParameters) {
      const parameters = readParameters(
        name,
        definition.parameters ?? noParameters<T>(),
        stepParameters,
      );
      return isFault(parameters) ? parameters : create(parameters);
    },
  };
}

/** A definition without `parameters` has the empty table as its `T`. */
const noParameters = <T extends ParameterTable>(): T => ({}) as T;
