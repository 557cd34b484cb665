// The JSON paths of printer columns and scale subresources: `.spec.a`, `.spec.list[0]`,
// `.status.conditions[?(@.type=="Ready")].status`, `.items[*].name`,
// `.metadata.labels.topology\.kubernetes\.io/zone`.
// https://kubernetes.io/docs/reference/kubectl/jsonpath/
import { isObject } from './structural-schema/schema.ts';

type Step =
  | { kind: 'field'; name: string }
  | { kind: 'index'; index: number }
  | { kind: 'all' }
  | { kind: 'where'; field: string[]; equals: boolean; value: string };

const stepPattern =
  /\.((?:\\.|[^.[\]\\])+)|\['((?:\\.|[^'\\])*)'\]|\[(-?\d+)\]|\[(\*)\]|\[\?\(\s*@\.((?:\\.|[^=!\s\\])+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([^)\s]+))\s*\)\]/gy;

/** Returns every value that the path selects. */
export type JsonPath = (value: unknown) => unknown[];

export function parseJsonPath(path: string): JsonPath | undefined {
  const text = path.startsWith('.') || path.startsWith('[') ? path : `.${path}`;
  const steps: Step[] = [];
  stepPattern.lastIndex = 0;
  while (stepPattern.lastIndex < text.length) {
    const match = stepPattern.exec(text);
    if (!match) return undefined;
    steps.push(stepOf(match));
  }
  return (value) =>
    steps.reduce<unknown[]>((values, step) => values.flatMap(select(step)), [value]);
}

const unescaped = (text: string): string => text.replace(/\\(.)/g, '$1');

function stepOf(match: RegExpExecArray): Step {
  const [, name, quoted, index, all, field, operator, double, single, bare] = match;
  if (name !== undefined) return { kind: 'field', name: unescaped(name) };
  if (quoted !== undefined) return { kind: 'field', name: unescaped(quoted) };
  if (index !== undefined) return { kind: 'index', index: Number(index) };
  if (all !== undefined) return { kind: 'all' };
  return {
    kind: 'where',
    field: unescaped(field ?? '').split('.'),
    equals: operator === '==',
    value: double ?? single ?? bare ?? '',
  };
}

const select =
  (step: Step) =>
  (value: unknown): unknown[] => {
    switch (step.kind) {
      case 'field':
        return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
      case 'index':
        return Array.isArray(value) ? value.slice(step.index).slice(0, 1) : [];
      case 'all':
        return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
      case 'where':
        return Array.isArray(value)
          ? value.filter((item) => {
              const fieldValue = step.field.reduce<unknown>(
                (inner, name) => (isObject(inner) ? inner[name] : undefined),
                item,
              );
              return (String(fieldValue) === step.value) === step.equals;
            })
          : [];
    }
  };
