// Wrong passwords are counted wherever a password is checked; they lock the user, and the lock
// holds everywhere.
import { strict as assert } from 'node:assert';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Answer } from '#openstack/http/api.testing.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { FakeClock } from '#platform/testing/fake-clock.ts';
import { passwordAuth, startKeystone, type TestKeystone } from '../keystone.testing.ts';

const lockoutMs = 60_000;

describe('lockout', () => {
  let keystone: TestKeystone;
  let clock: FakeClock;
  let id: string;
  beforeEach(async () => {
    clock = createFakeClock({ movedBy: 'advance' });
    keystone = await startKeystone({
      clock,
      config: { lockoutFailures: 3, lockoutMs, passwordsWaitingPerSource: 40 },
    });
    id = (
      await keystone.ask('POST', 'users', {
        token: keystone.admin,
        body: { user: { name: 'eve', password: 'first', domain_id: 'default' } },
      })
    ).body.user.id;
  });
  afterEach(() => keystone.close());

  const login = async (password: string): Promise<number> =>
    (await keystone.ask('POST', 'auth/tokens', { body: passwordAuth('eve', password) })).status;
  const change = (original: string, next = 'second', source = ''): Promise<Answer> =>
    keystone.ask('POST', `users/${id}/password`, {
      source,
      body: { user: { password: next, original_password: original } },
    });
  const proofs: Record<string, (password: string) => Promise<number>> = {
    'a login': login,
    'a change of the password': async (password) => (await change(password)).status,
  };

  for (const [one, prove] of Object.entries(proofs)) {
    for (const [other, proveThen] of Object.entries(proofs)) {
      test(`wrong passwords of ${one} lock ${other}, until the time is over`, async () => {
        for (let n = 0; n < 3; n += 1) assert.equal(await prove('wrong'), 401);
        assert.equal(await proveThen('first'), 401, 'locked');
        assert.equal(await proveThen('first'), 401, 'and stays so');
        clock.nowMs += lockoutMs + 1;
        assert.ok((await proveThen('first')) < 300);
      });
    }
  }
  test('a right one before the last try begins the count anew, in a change too', async () => {
    for (let n = 0; n < 2; n += 1) await change('wrong');
    assert.equal((await change('first')).status, 204);
    for (let n = 0; n < 2; n += 1) assert.equal(await login('wrong'), 401);
    assert.equal(await login('second'), 201);
  });
  test('guesses made at once do not pass the lock that they bring', async () => {
    const guesses = Array.from({ length: 30 }, (_, n) => login(n === 29 ? 'first' : `guess${n}`));
    assert.deepEqual([...new Set(await Promise.all(guesses))], [401]);
  });
  test('a password that is changed while it waits to be checked is none any more, for logins and changes', async () => {
    const waiting = Array.from({ length: 30 }, (_, n) =>
      n % 2 === 0 ? change('first', `late${n}`, 'far') : login('first'),
    );
    const outcome = keystone.ask('PATCH', `users/${id}`, {
      token: keystone.admin,
      body: { user: { password: 'owners' } },
    });
    const statuses = await Promise.all(waiting);
    assert.equal((await outcome).status, 200);
    assert.equal(await login('owners'), 201, 'what the administrator set is the password');
    assert.ok(statuses.length === 30);
  });
  test('a change needs no token but an enabled user, and not the option lock_password', async () => {
    await keystone.ask('PATCH', `users/${id}`, {
      token: keystone.admin,
      body: { user: { options: { lock_password: true } } },
    });
    assert.equal((await change('first')).status, 403);
    assert.equal((await change('wrong')).status, 401, 'which only the right password is told');
    await keystone.ask('PATCH', `users/${id}`, {
      token: keystone.admin,
      body: { user: { enabled: false, options: { lock_password: false } } },
    });
    assert.equal((await change('first')).status, 401);
  });
  test('too many from one address are told to come again, others are served', async () => {
    const flood = Array.from({ length: 120 }, () => change('wrong', 'x', '10.0.0.1'));
    const others = ['10.0.0.2', '10.0.0.3'].map((source) =>
      keystone.ask('POST', 'auth/tokens', { body: passwordAuth('demo', 'demo-secret'), source }),
    );
    assert.deepEqual(
      (await Promise.all(others)).map((answer) => answer.status),
      [201, 201],
    );
    const refusals = (await Promise.all(flood)).filter((answer) => answer.status === 429);
    assert.ok(refusals.length > 0);
    assert.match(refusals[0]?.headers['retry-after'] ?? '', /^[1-9]\d*$/);
    assert.equal(refusals[0]?.body.error.title, 'Too Many Requests');
  });
});
