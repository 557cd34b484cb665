// The scheduler hint `query`: a condition on hosts as nested JSON lists, ["and", [">=",
// "$free_ram_mb", 1024], …]. The API refuses invalid ones, the scheduler applies it. Pure.
// https://docs.openstack.org/nova/latest/admin/scheduling.html#jsonfilter
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';

/** The values of `$name` for one host. A term with an unknown name is dropped. */
export type HostVariables = Readonly<Record<string, string | number>>;

type Value = string | number | boolean;
type Terms = readonly Json[];

/** A comparison holds if it holds between its first argument and each of the others. */
const comparisons: Readonly<Record<string, (left: Value, right: Value) => boolean>> = {
  '=': (left, right) => left === right,
  '<': (left, right) => left < right,
  '>': (left, right) => left > right,
  '<=': (left, right) => left <= right,
  '>=': (left, right) => left >= right,
};
const operators = new Set([...Object.keys(comparisons), 'in', 'not', 'or', 'and']);

const maxDepth = 20;

/**
 * Parses the scheduler hint `query`. badRequest: not JSON, or not a list that begins with an
 * operator.
 */
export function parseHostQuery(text: unknown): Outcome<Terms> {
  const wrong = (why: string) =>
    fault('badRequest', `Invalid input for field/attribute query. ${why}`);
  if (typeof text !== 'string') return wrong('It must be a condition as JSON text.');
  let query: Json;
  try {
    query = JSON.parse(text) as Json; // any JSON value
  } catch {
    return wrong('It is not JSON.');
  }
  if (!Array.isArray(query)) return wrong('It must be a list.');
  const misfit = misfitOf(query, maxDepth);
  return misfit === undefined ? query : wrong(misfit);
}

function misfitOf(terms: Terms, depthLeft: number): string | undefined {
  if (depthLeft === 0) return `It has more than ${maxDepth} levels.`;
  if (terms.length === 0) return undefined; // the empty query matches every host
  const [operator, ...rest] = terms;
  if (typeof operator !== 'string' || !operators.has(operator))
    return `A list begins with one of ${[...operators].join(', ')}.`;
  for (const term of rest) {
    if (!Array.isArray(term)) {
      if (term !== null && typeof term === 'object') return 'It has an object in it.';
      continue;
    }
    const misfit = misfitOf(term, depthLeft - 1);
    if (misfit !== undefined) return misfit;
  }
  return undefined;
}

/** Whether the host meets the query. `terms` must come from `parseHostQuery`. */
export function meetsQuery(terms: Terms, host: HostVariables): boolean {
  const [operator = '', ...rest] = terms;
  if (terms.length === 0) return true;
  const values = rest.flatMap((term): Value[] => valueOf(term, host));
  const [left, ...others] = values;
  switch (operator) {
    case 'and':
      return values.every(Boolean);
    case 'or':
      return values.some(Boolean);
    case 'not':
      return values.some((value) => !value);
    case 'in':
      return left !== undefined && others.includes(left);
    default: {
      const holds = typeof operator === 'string' ? comparisons[operator] : undefined;
      return (
        holds !== undefined &&
        left !== undefined &&
        others.length > 0 &&
        others.every((right) => typeof left === typeof right && holds(left, right))
      );
    }
  }
}

function valueOf(term: Json, host: HostVariables): Value[] {
  if (Array.isArray(term)) return [meetsQuery(term, host)];
  if (term === null || typeof term === 'object') return [];
  if (typeof term !== 'string' || !term.startsWith('$')) return [term];
  const name = term.slice(1);
  const value = Object.hasOwn(host, name) ? host[name] : undefined;
  return value === undefined ? [] : [value];
}
