// Token validation in a process without Keystone: it asks once, caches the answer for a short time,
// and drops expired tokens.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { systemClock } from '#platform/clock.ts';
import type { HttpClient } from '../http/client.ts';
import { createHttpTokenValidator } from './http-token-validator.ts';

function keystone(status = 200, own: Outcome<string> = 'own') {
  const state = { asked: 0, now: 1_000_000, status };
  const document: Json = {
    token: {
      expires_at: new Date(state.now + 60_000).toISOString(),
      user: { id: 'u', name: 'ann', domain: { id: 'default', name: 'Default' } },
      project: { id: 'p', name: 'shop', domain: { id: 'default', name: 'Default' } },
      roles: [{ id: 'r', name: 'member' }],
    },
  };
  const http: HttpClient = {
    send: async (call) => {
      state.asked += 1;
      assert.equal(call.headers?.['x-subject-token'], 'subject');
      return {
        status: state.status,
        headers: {},
        body: state.status === 200 ? document : undefined,
        stream: undefined,
      };
    },
  };
  const session = { token: async () => own, renew: () => undefined };
  const clock = { ...systemClock, now: () => state.now };
  return {
    state,
    validator: createHttpTokenValidator(
      { http, session, clock },
      { rememberMs: 30_000, maxRemembered: 2 },
    ),
  };
}

describe('token validation over HTTP', () => {
  it('knows who asks', async () => {
    const { validator } = keystone();
    const who = await validator.validate('subject');
    assert.ok(!isFault(who));
    assert.deepEqual(
      [who.userName, who.projectId, who.roles, who.systemScope, who.token],
      ['ann', 'p', ['member'], false, 'subject'],
    );
  });
  it('asks once for many requests, and again when the memory has ended', async () => {
    const { state, validator } = keystone();
    await Promise.all([
      validator.validate('subject'),
      validator.validate('subject'),
      validator.validate('subject'),
    ]);
    await validator.validate('subject');
    assert.equal(state.asked, 1);
    state.now += 30_001;
    await validator.validate('subject');
    assert.equal(state.asked, 2);
  });
  it('never remembers a token beyond its end', async () => {
    const { state, validator } = keystone();
    state.now += 45_000; // 15 s before the token expires
    await validator.validate('subject');
    state.now += 16_000;
    state.status = 404;
    const late = await validator.validate('subject');
    assert.ok(isFault(late) && late.kind === 'unauthorized');
  });
  it('refuses an unknown token, and does not remember that', async () => {
    const { state, validator } = keystone(404);
    for (let round = 0; round < 2; round += 1) {
      const who = await validator.validate('subject');
      assert.ok(isFault(who) && who.kind === 'unauthorized');
    }
    assert.equal(state.asked, 2);
  });
  it('is unavailable when Keystone is', async () => {
    const who = await keystone(503).validator.validate('subject');
    assert.ok(isFault(who) && who.kind === 'unavailable');
  });
  it('is unavailable when the service user is refused: that says nothing about who asks', async () => {
    const { state, validator } = keystone(200, fault('unauthorized', 'wrong password'));
    const who = await validator.validate('subject');
    assert.ok(isFault(who) && who.kind === 'unavailable');
    assert.equal(state.asked, 0);
  });
  it('is unavailable when its own token is refused', async () => {
    const who = await keystone(401).validator.validate('subject');
    assert.ok(isFault(who) && who.kind === 'unavailable');
  });
});
