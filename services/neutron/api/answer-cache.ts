// Long lists of one kind that were answered a moment ago: while no row of one has come, gone or
// changed, the same bytes go out again.
import type { JsonText } from '#platform/http/messages.ts';
import type { ListedRow } from '../store/list.ts';

const maxKept = 4;
/** Shorter ones are made as fast as they are found; longer ones are not worth their memory. */
const [minLength, maxLength] = [16 * 1024, 512 * 1024];

export interface AnswerCache {
  /**
   * `key` names all that shapes the answer beside its rows: who may see what, the query, the links'
   * origin.
   */
  kept(key: string, rows: readonly ListedRow[]): JsonText | undefined;
  keep(key: string, rows: readonly ListedRow[], answer: JsonText): void;
}

const fingerprint = (rows: readonly ListedRow[]): string =>
  rows.map(({ id, revision_number: revision }) => `${id} ${revision}`).join();

export function createAnswerCache(): AnswerCache {
  const answers = new Map<string, { rows: string; answer: JsonText }>();
  return {
    kept(key, rows) {
      const cached = answers.get(key);
      return cached && cached.rows === fingerprint(rows) ? cached.answer : undefined;
    },
    keep(key, rows, answer) {
      answers.delete(key);
      if (answer.text.length < minLength || answer.text.length > maxLength) return;
      answers.set(key, { rows: fingerprint(rows), answer });
      const [oldest] = answers.size > maxKept ? answers.keys() : [];
      if (oldest !== undefined) answers.delete(oldest);
    },
  };
}
