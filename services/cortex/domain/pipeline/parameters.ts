// Parses parameters of a step as given in the `Pipeline` resource: {key, stringValue | boolValue |
// ...}. A step declares the parameters it takes and their types; others are refused when the
// pipeline is built.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { StepParameter } from '#contracts/cortex/pipeline.ts';

interface Kinds {
  string: string;
  bool: boolean;
  int: number;
  float: number;
  stringList: readonly string[];
  floatMap: Readonly<Record<string, number>>;
}

export type ParameterTable = Readonly<Record<string, keyof Kinds>>;

export type Parameters<T extends ParameterTable> = { readonly [K in keyof T]?: Kinds[T[K]] };

const fieldOf = {
  string: 'stringValue',
  bool: 'boolValue',
  int: 'intValue',
  float: 'floatValue',
  stringList: 'stringListValue',
  floatMap: 'floatMapValue',
} as const satisfies Record<keyof Kinds, keyof StepParameter>;

export function readParameters<T extends ParameterTable>(
  step: string,
  table: T,
  stepParameters: readonly StepParameter[],
): Outcome<Parameters<T>> {
  const values: Record<string, unknown> = {};
  for (const parameter of stepParameters) {
    const kind = Object.hasOwn(table, parameter.key) ? table[parameter.key] : undefined;
    if (kind === undefined)
      return fault('badRequest', `${step} has no parameter ${parameter.key}.`);
    const value = parameter[fieldOf[kind]];
    if (value === undefined)
      return fault('badRequest', `${step}: ${parameter.key} is given as ${fieldOf[kind]}.`);
    values[parameter.key] = value;
  }
  // each value was read from the field of its type
  return values as Parameters<T>;
}
