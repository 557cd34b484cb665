// Which tokens a call carries, when they are renewed, and which fault a refusal becomes.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { fault, isFault } from '#contracts/common/fault.ts';
import { askService, callService, documentOf, itself, refusedStatus } from './call.ts';
import { answer, httpDouble } from './http-double.testing.ts';

const get = { method: 'GET', service: 'things', path: '/v1/things' } as const;
const user = { token: 'ann', requestId: 'req-1' };

describe("a call in the service's own name", () => {
  it('is made once more with a renewed token after a 401', async () => {
    const deps = httpDouble(answer(401), answer(200, { things: [] }));
    const reply = await callService(deps, itself, get);
    assert.ok(!isFault(reply));
    assert.equal(reply.status, 200);
    assert.deepEqual(
      deps.calls.map(({ token, serviceToken }) => [token, serviceToken]),
      [
        ['own-1', undefined],
        ['own-2', undefined],
      ],
    );
  });

  it('answers with the second 401', async () => {
    const deps = httpDouble(answer(401), answer(401));
    const reply = await callService(deps, itself, get);
    assert.ok(!isFault(reply));
    assert.equal(reply.status, 401);
    assert.equal(deps.calls.length, 2);
  });

  it('sends a stream once, and renews the token for the next call', async () => {
    const deps = httpDouble(answer(401), answer(204));
    const stream = Readable.from(['bytes']);
    const reply = await callService(deps, itself, { ...get, method: 'PUT', stream });
    assert.ok(!isFault(reply));
    assert.equal(reply.status, 401);
    assert.equal(deps.calls.length, 1);
    await callService(deps, itself, get);
    assert.equal(deps.calls[1]?.token, 'own-2');
  });

  it('destroys the stream of the 401 that it does not hand on', async () => {
    const errorPage = Readable.from(['a long page']);
    const deps = httpDouble(answer(401, undefined, { stream: errorPage }), answer(200));
    await callService(deps, itself, { ...get, asStream: true });
    assert.equal(errorPage.destroyed, true);
  });

  it('is not made without a token', async () => {
    const deps = httpDouble();
    const session = {
      token: async () => fault('unavailable', 'Keystone is away.'),
      renew: () => undefined,
    };
    const reply = await callService({ ...deps, session }, itself, get);
    assert.ok(isFault(reply) && reply.kind === 'unavailable');
    assert.equal(deps.calls.length, 0);
  });
});

describe("a call in a user's name", () => {
  it("carries the service's token beside the user's, and the request id", async () => {
    const deps = httpDouble(answer(200));
    await callService(deps, user, get);
    const [call] = deps.calls;
    assert.deepEqual([call?.token, call?.serviceToken, call?.requestId], ['ann', 'own-1', 'req-1']);
  });

  it('is not repeated after a 401: the token is the user’s affair', async () => {
    const deps = httpDouble(answer(401));
    const reply = await callService(deps, user, get);
    assert.ok(!isFault(reply));
    assert.equal(reply.status, 401);
    assert.equal(deps.calls.length, 1);
    assert.equal(await deps.session.token(), 'own-1');
  });
});

describe('a call with JSON on both sides', () => {
  const callee = {
    service: 'things',
    root: '/v1/',
    timeoutMs: 1_000,
    headers: { 'openstack-api-version': 'thing 1.2' },
    refusal: (status: number, _body: unknown, path: string) =>
      fault('conflict', `${path} was refused`, { status: String(status) }),
  };

  it('stands below the root of the service, with its headers and its deadline', async () => {
    const deps = httpDouble(answer(201, { thing: { id: 't' } }));
    const ask = askService(deps, itself, callee);
    assert.deepEqual(await documentOf('thing', ask('POST', 'things', { thing: {} })), { id: 't' });
    assert.deepEqual(deps.calls, [
      {
        method: 'POST',
        service: 'things',
        path: '/v1/things',
        timeoutMs: 1_000,
        headers: callee.headers,
        body: { thing: {} },
        token: 'own-1',
      },
    ]);
  });

  it('makes a refusal a fault that tells the status', async () => {
    const ask = askService(httpDouble(answer(409, {})), itself, callee);
    const refusal = await documentOf('thing', ask('GET', 'things/t'));
    assert.ok(isFault(refusal));
    assert.equal(refusal.message, '/things/t was refused');
    assert.equal(refusedStatus(refusal), 409);
  });

  it('hands a service that is not reached on as it is', async () => {
    const away = fault('timeout', 'things did not answer in time.');
    const ask = askService(httpDouble(away), itself, callee);
    const outcome = await ask('GET', 'things/t');
    assert.equal(outcome, away);
    assert.equal(refusedStatus(away), undefined);
  });
});

describe('the document of an answer', () => {
  const documents: readonly [string, Parameters<typeof documentOf>[1]][] = [
    ['no body', Promise.resolve(undefined)],
    ['no such member', Promise.resolve({ other: {} })],
    ['a member of every object', Promise.resolve({})],
    ['a list', Promise.resolve([])],
  ];
  for (const [what, asked] of documents)
    it(`is unavailable where there is ${what}`, async () => {
      const key = what.startsWith('a member') ? 'constructor' : 'thing';
      const document = await documentOf(key, asked);
      assert.ok(isFault(document) && document.kind === 'unavailable');
    });
});
