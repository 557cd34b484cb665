// The operators of extra specs: nova.scheduler.filters.extra_specs_ops. Without an operator the
// texts must be equal.
// https://docs.openstack.org/nova/latest/user/flavors.html#extra-specs

type Value = string | number;
type Operator = (value: Value, wanted: string) => boolean;

const numeric =
  (compare: (a: number, b: number) => boolean): Operator =>
  (value, wanted) =>
    compare(Number(value), Number(wanted));
const textual =
  (compare: (a: string, b: string) => boolean): Operator =>
  (value, wanted) =>
    compare(`${value}`, wanted);

const operators: Readonly<Record<string, Operator>> = {
  '=': numeric((a, b) => a >= b), // '=' means "at least" in Nova
  '==': numeric((a, b) => a === b),
  '!=': numeric((a, b) => !Number.isNaN(a) && !Number.isNaN(b) && a !== b),
  '>=': numeric((a, b) => a >= b),
  '<=': numeric((a, b) => a <= b),
  's==': textual((a, b) => a === b),
  's!=': textual((a, b) => a !== b),
  's<': textual((a, b) => a < b),
  's<=': textual((a, b) => a <= b),
  's>': textual((a, b) => a > b),
  's>=': textual((a, b) => a >= b),
};

export function meets(value: Value, wanted: string): boolean {
  const words = wanted.trim().split(/\s+/);
  const [first = ''] = words;
  if (first === '<or>') return alternatives(words, '<or>').some((one) => `${value}` === one);
  if (first === '<in>') return alternatives(words, '<in>').some((one) => `${value}`.includes(one));
  if (first === '<all-in>') return words.slice(1).every((one) => `${value}`.includes(one));
  const operator = Object.hasOwn(operators, first) ? operators[first] : undefined;
  if (operator) return words.length > 1 && operator(value, words.slice(1).join(' '));
  return `${value}` === wanted.trim();
}

/** The alternatives in '<or> a <or> b'. */
const alternatives = (words: readonly string[], operator: string): string[] =>
  words
    .join(' ')
    .split(operator)
    .map((word) => word.trim())
    .filter(Boolean);
