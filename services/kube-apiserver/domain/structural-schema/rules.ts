// Evaluates the CEL rules of a schema (x-kubernetes-validations), with @bufbuild/cel.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
import type { CelInput, CelResult } from '@bufbuild/cel';
import {
  CelScalar,
  celEnv,
  celFunc,
  celMethod,
  isCelError,
  listType,
  parse,
  plan,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { RE2JS } from 're2js';
import type { Cause } from '../status.ts';
import type { Schema, ValidationRule } from './schema.ts';
import { isObject, schemaOfField } from './schema.ts';
import { keyOfItem } from './validate.ts';

/**
 * Budget of one write: the number of values that all its rules together may read. It stops nested
 * loops over long lists.
 */
const maxSteps = 1_000_000;
/** Maximum length of a rule, in characters. */
const maxRuleLength = 10_000;
/** Maximum nesting of loops (`all`, `exists`, ...) in a rule. */
const maxNesting = 3;

class BudgetSpent extends Error {}

type Evaluate = (variables: { self: CelInput; oldSelf: CelInput }) => CelResult;

const environment = celEnv({
  funcs: [
    ...strings,
    celMethod('find', CelScalar.STRING, [CelScalar.STRING], CelScalar.STRING, function (pattern) {
      const matcher = RE2JS.compile(pattern).matcher(this);
      return matcher.find() ? (matcher.group() ?? '') : '';
    }),
    celFunc('isSorted', [listType(CelScalar.DYN)], CelScalar.BOOL, (list) => {
      const items = [...list] as (string | number | bigint)[];
      return items.every((item, index) => index === 0 || (items[index - 1] ?? item) <= item);
    }),
  ],
  re2: {
    compile(pattern) {
      const compiled = RE2JS.compile(pattern);
      return { test: (text) => compiled.matcher(text).find() };
    },
  },
});

const compiled = new WeakMap<ValidationRule, Evaluate>();

function evaluatorOf(rule: ValidationRule, text: string): Evaluate {
  const cached = text === rule.rule ? compiled.get(rule) : undefined;
  if (cached) return cached;
  const evaluate = plan(environment, parse(text)) as Evaluate;
  if (text === rule.rule) compiled.set(rule, evaluate);
  return evaluate;
}

/** Why a rule is refused; undefined: it is valid. */
export function ruleTrouble(rule: string): string | undefined {
  if (rule.length > maxRuleLength) return `it is longer than ${maxRuleLength} characters`;
  try {
    const nesting = nestingOf(parse(rule).expr);
    if (nesting > maxNesting)
      return `contributed to estimated rule cost total exceeding cost limit: ${nesting} loops in one another`;
    plan(environment, parse(rule));
    return undefined;
  } catch (error) {
    return `compilation failed: ERROR: ${(error as Error).message}`;
  }
}

function nestingOf(node: unknown): number {
  if (Array.isArray(node)) return Math.max(0, ...node.map(nestingOf));
  if (!isObject(node)) return 0;
  const below = Math.max(0, ...Object.values(node).map(nestingOf));
  return node['case'] === 'comprehensionExpr' ? below + 1 : below;
}

/** The rules that fail for `value`. `old` is undefined for a new object. */
export function checkRules(value: unknown, old: unknown, schema: Schema): Cause[] {
  const causes: Cause[] = [];
  const budget = { left: maxSteps };
  check({ value, old, schema, path: '' }, causes, budget);
  return causes;
}

interface Place {
  value: unknown;
  old: unknown;
  schema: Schema;
  path: string;
}

interface Budget {
  left: number;
}

function check(place: Place, causes: Cause[], budget: Budget): void {
  const { value, old, schema, path } = place;
  if (value === null || value === undefined) return;
  for (const rule of schema['x-kubernetes-validations'] ?? []) {
    const isTransition = /\boldSelf\b/.test(rule.rule);
    if (isTransition && old === undefined && rule.optionalOldSelf !== true) continue;
    const cause = checkRule(rule, place, budget);
    if (cause) causes.push(cause);
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return;
    const before = new Map(
      Array.isArray(old) ? old.map((item) => [keyOfItem(item, schema), item as unknown]) : [],
    );
    for (const [index, item] of value.entries()) {
      const key = keyOfItem(item, schema);
      const oldItem = key === undefined ? undefined : before.get(key);
      check(
        { value: item, old: oldItem, schema: items, path: `${path}[${index}]` },
        causes,
        budget,
      );
    }
  } else if (isObject(value)) {
    for (const [name, field] of Object.entries(value)) {
      const inner = schemaOfField(schema, name);
      const isMapKey = schema.properties === undefined;
      const at = isMapKey ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
      const oldField = isObject(old) && Object.hasOwn(old, name) ? old[name] : undefined;
      if (inner) check({ value: field, old: oldField, schema: inner, path: at }, causes, budget);
    }
  }
}

function checkRule(rule: ValidationRule, place: Place, budget: Budget): Cause | undefined {
  const { value, old, schema, path } = place;
  const field = path + (rule.fieldPath ?? '') || '<nil>';
  const shown = isObject(value) || Array.isArray(value) ? typeName(value) : value;
  const failed = (words: string): Cause => {
    const { reason = 'FieldValueInvalid' } = rule;
    const text =
      reason === 'FieldValueForbidden'
        ? `Forbidden: ${words}`
        : reason === 'FieldValueRequired'
          ? `Required value: ${words}`
          : reason === 'FieldValueDuplicate'
            ? `Duplicate value: ${JSON.stringify(shown)}`
            : `Invalid value: ${JSON.stringify(shown)}: ${words}`;
    return { reason, field, message: text };
  };
  try {
    const variables = {
      self: toCel(value, schema, budget),
      oldSelf: old === undefined ? null : toCel(old, schema, budget),
    };
    const result = evaluatorOf(rule, rule.rule)(variables);
    if (result === true) return undefined;
    if (isCelError(result))
      return failed(`rule evaluation error: ${result.message}, rule: ${rule.rule}`);
    return failed(messageOf(rule, variables));
  } catch (error) {
    if (error instanceof BudgetSpent)
      return failed(
        'validation failed due to running out of cost budget, no further validation rules will be run',
      );
    return failed(`rule evaluation error: ${(error as Error).message}, rule: ${rule.rule}`);
  }
}

const typeName = (value: unknown): string => (Array.isArray(value) ? 'array' : 'object');

function messageOf(rule: ValidationRule, variables: { self: CelInput; oldSelf: CelInput }): string {
  if (rule.messageExpression !== undefined) {
    const text = evaluatorOf(rule, rule.messageExpression)(variables);
    if (typeof text === 'string' && text !== '') return text;
  }
  return rule.message ?? `failed rule: ${rule.rule}`;
}

/**
 * Converts JSON to CEL values; numbers are int64 if the schema says integer, or if the schema has
 * no type and the number is whole.
 */
function toCel(value: unknown, schema: Schema | undefined, budget: Budget): CelInput {
  take(budget);
  if (typeof value === 'number') {
    const isWhole =
      schema?.type === 'integer' || (schema?.type === undefined && Number.isInteger(value));
    return isWhole ? BigInt(value) : value;
  }
  if (Array.isArray(value)) {
    const list = new CountedList();
    list.budget = budget;
    for (const item of value) list.push(toCel(item, schema?.items, budget));
    return list;
  }
  if (isObject(value))
    return new CountedMap(
      budget,
      Object.entries(value).map(([name, field]) => [
        name,
        toCel(field, schema && schemaOfField(schema, name), budget),
      ]),
    );
  return value as string | boolean | null;
}

function take(budget: Budget): void {
  budget.left -= 1;
  if (budget.left < 0) throw new BudgetSpent();
}

/** A list that charges the budget for each item that is read. */
class CountedList extends Array<CelInput> {
  budget: Budget = { left: 0 };

  override *values(): ArrayIterator<CelInput> {
    for (let index = 0; index < this.length; index += 1) {
      take(this.budget);
      yield this[index] as CelInput;
    }
  }
}

class CountedMap extends Map<string, CelInput> {
  readonly #budget: Budget;

  constructor(budget: Budget, entries: readonly (readonly [string, CelInput])[]) {
    super(entries);
    this.#budget = budget;
  }

  override *keys(): MapIterator<string> {
    for (const name of super.keys()) {
      take(this.#budget);
      yield name;
    }
  }

  override *entries(): MapIterator<[string, CelInput]> {
    for (const entry of super.entries()) {
      take(this.#budget);
      yield entry;
    }
  }
}
