// Why a service user gets no token: Keystone refuses it, or cannot answer now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { Secret } from '#platform/log.ts';
import { createServiceSession } from './service-session.ts';

for (const [status, kind] of [
  [401, 'unauthorized'],
  [503, 'unavailable'],
] as const)
  test(`Keystone's ${status} is ${kind}`, async () => {
    const session = createServiceSession({
      http: { send: async () => ({ status, headers: {}, body: undefined, stream: undefined }) },
      clock: systemClock,
      user: { name: 'nova', password: new Secret('secret'), project: 'service' },
    });
    const token = await session.token();
    assert.ok(isFault(token));
    assert.equal(token.kind, kind);
  });
