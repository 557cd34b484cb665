// Filters that compare times: `created_at=gt:2026-01-01,lte:2026-02-01`. api-ref, microversion 3.60
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { timeMsOf } from '#openstack/http/lenient-values.ts';
import type { TimeRange } from '../store/rows.ts';

const maxMoments = 10;
const operators = ['gt', 'gte', 'eq', 'neq', 'lt', 'lte'] as const;
type Operator = (typeof operators)[number];
const isOperator = (word: string): word is Operator =>
  (operators as readonly string[]).includes(word);

/**
 * Each comparison as a range of the column; `name` is the filter's name, for the text of refusals.
 */
export function timesIn(name: string, column: string, text: string): Outcome<TimeRange[]> {
  const ranges: TimeRange[] = [];
  for (const part of text.split(',', maxMoments)) {
    const [word = '', ...rest] = part.trim().split(':');
    if (!isOperator(word)) return fault('badRequest', `Invalid ${word} operator`);
    const range = rangeOf(column, word, rest.join(':'));
    if (isFault(range)) return fault('badRequest', `Invalid ${rest.join(':')} value for ${name}.`);
    ranges.push(range);
  }
  return ranges;
}

/**
 * The times that a filter accepts. Upstream stores whole seconds, this cloud milliseconds: a time
 * without a fraction stands for its whole second.
 */
function rangeOf(column: string, operator: Operator, text: string): Outcome<TimeRange> {
  const first = timeMsOf(text);
  if (first === undefined) return fault('badRequest', 'no time');
  const last = /\.\d/.test(text) ? first : first + 999;
  switch (operator) {
    case 'gt':
      return { column, fromMs: last + 1 };
    case 'gte':
      return { column, fromMs: first };
    case 'lt':
      return { column, toMs: first - 1 };
    case 'lte':
      return { column, toMs: last };
    case 'eq':
      return { column, fromMs: first, toMs: last };
    case 'neq':
      return { column, fromMs: first, toMs: last, outside: true };
  }
}
