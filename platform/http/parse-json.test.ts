// JSON from outside: bounded, well-formed, without prototypes.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { maxDepth, maxMembers, parseJson } from './parse-json.ts';

const maxBytes = 114_688;
const parse = (text: string | Buffer) => parseJson(Buffer.from(text), maxBytes);
const refusal = (text: string | Buffer): string => {
  const read = parse(text);
  assert.ok(isFault(read) && read.kind === 'badRequest', JSON.stringify(text).slice(0, 80));
  return read.message;
};

describe('parsing JSON', () => {
  it('keeps names that every object has as names like any other', () => {
    const read = parse(
      '{"__proto__":{"a":1},"constructor":2,"toString":null,"in":[{"__proto__":3}]}',
    ) as JsonObject;
    assert.deepEqual(Object.keys(read), ['__proto__', 'constructor', 'toString', 'in']);
    assert.equal(Object.getPrototypeOf(read), null);
    assert.equal(read['valueOf'], undefined);
    assert.equal(
      JSON.stringify(read),
      '{"__proto__":{"a":1},"constructor":2,"toString":null,"in":[{"__proto__":3}]}',
    );
    assert.equal(({} as JsonObject)['a'], undefined);
  });

  it('bounds depth and members before anything is built, minding strings', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    assert.ok(!isFault(parse(nested(maxDepth))));
    assert.match(refusal(nested(maxDepth + 1)), /nested deeper than 32/);
    for (const open of ['[', '{"a":', '{"a":['])
      assert.match(refusal(open.repeat(50_000)), /nested deeper/);
    assert.equal(parse(`"${'['.repeat(1_000)}"`), '['.repeat(1_000));
    assert.equal(parse('"\\"[[[[\\\\"'), '"[[[[\\');
    assert.match(refusal(`[${'0,'.repeat(maxMembers(maxBytes) + 1)}0]`), /more than 20000 members/);
    assert.match(refusal('"\\'), /not valid JSON/);
  });

  it('refuses text that is not well-formed, in strings and keys, at any depth', () => {
    for (const half of ['\\ud800', '\\uDBFF', '\\udc00', '\\ud800\\ud800', '\\udc00\\ud800']) {
      assert.match(refusal(`{"a":[{"b":"x${half}y"}]}`), /surrogate/);
      assert.match(refusal(`{"a":{"${half}":1}}`), /surrogate/);
    }
    assert.deepEqual(parse('["\\ud83e\\udd8a"]'), ['\u{1f98a}']);
    assert.match(refusal(Buffer.from('"\xff"', 'latin1')), /UTF-8/);
  });
});
