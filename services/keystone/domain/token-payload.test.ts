// Packing and unpacking a token payload is lossless, and the result is small.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { pack, unpack, type AuthMethod, type TokenPayload } from './token-payload.ts';

const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
const id = fc.oneof(hex, fc.constant('default'), fc.string({ minLength: 1, maxLength: 60 }));
const audit = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'));
const timeMs = fc.integer({ min: 0, max: 2 ** 47 });
const payload: fc.Arbitrary<TokenPayload> = fc.record(
  {
    methods: fc.subarray<AuthMethod>(['password', 'token', 'application_credential']),
    userId: id,
    scope: fc.oneof(
      fc.constant({ kind: 'unscoped' as const }),
      fc.constant({ kind: 'system' as const }),
      id.map((one) => ({ kind: 'project' as const, id: one })),
      id.map((one) => ({ kind: 'domain' as const, id: one })),
    ),
    issuedAtMs: timeMs,
    expiresAtMs: timeMs,
    auditIds: fc.array(audit, { minLength: 1, maxLength: 2 }),
    appCredId: fc.option(hex),
    trustId: fc.option(hex),
  },
  { noNullPrototype: true },
);

test('any payload is unpacked as it was packed', () => {
  fc.assert(fc.property(payload, (one) => assert.deepEqual(unpack(pack(one)), one)));
});

test('a project token of a user takes less than 80 bytes', () => {
  const one: TokenPayload = {
    methods: ['password'],
    userId: 'a'.repeat(32),
    scope: { kind: 'project', id: 'b'.repeat(32) },
    issuedAtMs: 1,
    expiresAtMs: 2,
    auditIds: [Buffer.alloc(16).toString('base64url')],
    appCredId: null,
    trustId: null,
  };
  assert.ok(pack(one).length < 80);
});

test('a format of another release is not misread', () => {
  assert.equal(unpack(Buffer.from([2, 0, 0, 0])), undefined);
});
