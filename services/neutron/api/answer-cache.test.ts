import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonText } from '#platform/http/messages.ts';
import type { ListedRow } from '../store/list.ts';
import { createAnswerCache } from './answer-cache.ts';

const rows = (...ids: [string, number][]): ListedRow[] =>
  ids.map(([id, revision_number]) => ({ id, revision_number }) as ListedRow);
const long = (mark: string): JsonText => new JsonText(mark.repeat(20_000));

test('an answer is kept as long as its rows are the same, for its key alone', () => {
  const cache = createAnswerCache();
  const answer = long('a');
  cache.keep('k', rows(['1', 0], ['2', 3]), answer);
  assert.equal(cache.find('k', rows(['1', 0], ['2', 3])), answer);
  for (const other of [
    rows(['1', 0], ['2', 4]),
    rows(['2', 3], ['1', 0]),
    rows(['1', 0]),
    rows(['1', 0], ['2', 3], ['3', 0]),
  ])
    assert.equal(cache.find('k', other), undefined);
  assert.equal(cache.find('other', rows(['1', 0], ['2', 3])), undefined);
});

test('only some long answers are kept', () => {
  const cache = createAnswerCache();
  cache.keep('short', [], new JsonText('{}'));
  assert.equal(cache.find('short', []), undefined);
  for (let index = 0; index < 20; index += 1) cache.keep(`k${index}`, [], long('b'));
  assert.equal(cache.find('k0', []), undefined);
  assert.ok(cache.find('k19', []));
});
