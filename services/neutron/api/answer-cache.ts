// Caches the bodies of long list answers of one kind of object. A cached body is sent again only
// while the ids and revisions of the listed rows are the same.
import type { JsonText } from '#platform/http/messages.ts';
import type { ListedRow } from '../store/list.ts';

const maxKept = 4;
/**
 * Length of cached bodies, characters. Shorter ones are rendered quickly; longer ones take too much
 * memory.
 */
const [minLength, maxLength] = [16 * 1024, 512 * 1024];

export interface AnswerCache {
  /**
   * The cached body; undefined: none, or its rows have changed. `key` holds everything else that
   * shapes the body: which attributes the caller may see, the query, the base URL of links.
   */
  find(key: string, rows: readonly ListedRow[]): JsonText | undefined;
  keep(key: string, rows: readonly ListedRow[], answer: JsonText): void;
}

const fingerprint = (rows: readonly ListedRow[]): string =>
  rows.map(({ id, revision_number: revision }) => `${id} ${revision}`).join();

export function createAnswerCache(): AnswerCache {
  const answers = new Map<string, { rows: string; answer: JsonText }>();
  return {
    find(key, rows) {
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
