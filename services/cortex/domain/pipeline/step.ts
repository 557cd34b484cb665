// What a filter and a weigher are. Each is a file, and a line in filters/table.ts or
// weighers/table.ts.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { StepParameter } from '#contracts/cortex/pipeline.ts';
import type { FilterRun } from './filter-run.ts';
import type { Parameters, ParameterTable } from './parameters.ts';
import { readParameters } from './parameters.ts';

/** Takes hosts out of the run's candidates. A fault: what it must know is not known. */
export type FilterStep = (run: FilterRun) => Fault | void;

export interface Filter {
  name: string;
  /**
   * If the step fails: 'refuse', no host is taken, since a wrong one could break a promise;
   * 'skip', the decision goes on without the step.
   */
  onFailure: 'refuse' | 'skip';
  /** badRequest: the parameters are wrong. */
  build(given: readonly StepParameter[]): Outcome<FilterStep>;
}

interface FilterDefinition<T extends ParameterTable> {
  name: string;
  onFailure: Filter['onFailure'];
  parameters?: T;
  /** Why these parameters are wrong; undefined: they are not. */
  refuse?(parameters: Parameters<T>): Fault | undefined;
  run(run: FilterRun, parameters: Parameters<T>): Fault | void;
}

export function defineFilter<T extends ParameterTable>(definition: FilterDefinition<T>): Filter {
  const { name, onFailure, refuse, run } = definition;
  return {
    name,
    onFailure,
    build(given) {
      const parameters = readParameters(name, definition.parameters ?? noParameters<T>(), given);
      if (isFault(parameters)) return parameters;
      return refuse?.(parameters) ?? ((one) => run(one, parameters));
    },
  };
}

/** The hosts left of filtering, and their weights so far. */
export interface Weighing {
  run: FilterRun;
  /** Positions, ascending; the first `count` entries count. */
  hosts: Int32Array;
  count: number;
  /** In the order of `hosts`. A weigher adds `multiplier` * tanh(its activation) to each. */
  weights: Float64Array;
  multiplier: number;
  /** For a weigher's own use, as long as `weights`. */
  scratch: Float64Array;
}

/** False: it has nothing to say of this request, and has added nothing. */
export type WeigherStep = (weighing: Weighing) => boolean;

export interface Weigher {
  name: string;
  build(given: readonly StepParameter[]): Outcome<WeigherStep>;
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
    build(given) {
      const parameters = readParameters(name, definition.parameters ?? noParameters<T>(), given);
      return isFault(parameters) ? parameters : create(parameters);
    },
  };
}

/** The table of a definition without one: T is then the empty table. */
const noParameters = <T extends ParameterTable>(): T => ({}) as T;
