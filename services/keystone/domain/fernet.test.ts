// Fernet: the specification's test vector, and tokens that were tampered with.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { seal, unseal } from './fernet.ts';

// https://github.com/fernet/spec/blob/master/generate.json
const key = Buffer.from('cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=', 'base64url');
const token =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA';
const iv = Buffer.from(Array.from({ length: 16 }, (_, n) => n));

test('the vector of the specification', () => {
  assert.equal(seal(key, Buffer.from('hello'), Date.parse('1985-10-26T01:20:00-07:00'), iv), token);
  assert.equal(unseal([key], token)?.toString(), 'hello');
  assert.equal(unseal([key], `${token}==`)?.toString(), 'hello', 'padding is accepted');
});

test('any changed byte, another key, and things that are no token are refused', () => {
  const bytes = Buffer.from(token, 'base64url');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(unseal([key], changed.toString('base64url')), undefined, `byte ${at}`);
  }
  assert.equal(unseal([Buffer.alloc(32)], token), undefined);
  for (const wrong of ['', 'x', 'gAAAAA', token.slice(0, -4), 'Grüße'])
    assert.equal(unseal([key], wrong), undefined, wrong);
});
