// The scanner returns complete messages however the socket cuts them, and rejects anything else.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JsonSplitter } from './json-stream.ts';

describe('the JSON stream', () => {
  it('gives every message back, cut anywhere', () => {
    const message = fc
      .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { noNullPrototype: true })
      .map((each) => JSON.parse(JSON.stringify(each)) as unknown);
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    fc.assert(
      fc.property(
        fc.array(message),
        fc.constantFrom('', ' ', '\r\n\t'),
        cuts,
        (messages, between, sizes) => {
          const stream = Buffer.from(messages.map((each) => JSON.stringify(each)).join(between));
          const splitter = new JsonSplitter(1e6);
          const documents: unknown[] = [];
          for (let at = 0, i = 0; at < stream.length; i += 1) {
            const size = sizes[i % sizes.length] ?? 1;
            documents.push(...splitter.push(stream.subarray(at, at + size)));
            at += size;
          }
          assert.deepEqual(documents, messages);
        },
      ),
    );
  });

  it('is not misled by braces, quotes and backslashes in strings', () => {
    const messages = [{ 'a}"\\': '{[\\"' }, { b: '\\' }];
    assert.deepEqual(
      new JsonSplitter(100).push(
        Buffer.from(messages.map((each) => JSON.stringify(each)).join('')),
      ),
      messages,
    );
  });

  it('takes only objects, each well formed', () => {
    assert.throws(
      () => new JsonSplitter(100).push(Buffer.from('HTTP/1.1 400')),
      /between two messages/,
    );
    assert.throws(() => new JsonSplitter(100).push(Buffer.from('{}[]')), /between two messages/);
    assert.throws(() => new JsonSplitter(100).push(Buffer.from('{"a"}')), SyntaxError);
  });

  it('holds no more than it may, counted by message', () => {
    const splitter = new JsonSplitter(10);
    for (let i = 0; i < 100; i += 1) splitter.push(Buffer.from('{"a":1}'));
    splitter.push(Buffer.from('{"a":'));
    assert.throws(() => splitter.push(Buffer.from('"123456"')), /more than 10 bytes/);
  });
});
