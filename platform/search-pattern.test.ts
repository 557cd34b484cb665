// A pattern from outside matches as specified, in linear time, or is refused.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { searchPattern } from './search-pattern.ts';

const found = (
  source: string,
  texts: readonly string[],
  fromStart = false,
): string[] | undefined => {
  const pattern = searchPattern(source, { fromStart });
  return pattern && texts.filter((text) => pattern.test(text));
};
const names = ['web1', 'web11', 'api', 'Web-2', 'a|web'];

it('a search pattern is a regular expression that is found anywhere, whatever the case of letters', () => {
  for (const [source, wanted] of [
    ['web', ['web1', 'web11', 'Web-2', 'a|web']],
    ['^web1$', ['web1']],
    ['api|web-', ['api', 'Web-2']],
    [String.raw`a\|w`, ['a|web']],
    ['b1{2}', ['web11']],
    ['', names],
  ] as const)
    assert.deepEqual(found(source, names), wanted, source);
  assert.deepEqual(found('eb', names, true), []);
  assert.deepEqual(found('w|a', names, true), names);
});

it('refuses invalid patterns, patterns that need backtracking, and patterns that are too large', () => {
  for (const source of [
    '[',
    '(',
    '*',
    '(?=a)b',
    String.raw`(a)\1`,
    'a{101}',
    '(a{20}){20}',
    'x'.repeat(256),
  ])
    assert.equal(searchPattern(source), undefined, source);
});

it('a pattern that others backtrack over takes no time', () => {
  const startedAt = process.threadCpuUsage();
  for (const source of ['(a*)*b', '(a|a)*b', '(.*a){12}', 'a?'.repeat(60) + 'a'.repeat(60)])
    for (let at = 0; at < 20; at += 1) searchPattern(source)?.test('a'.repeat(255));
  assert.ok(
    process.threadCpuUsage(startedAt).user < 20_000_000,
    'backtracked: centuries, not seconds',
  );
});
