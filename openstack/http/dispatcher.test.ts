// The order of a request's checks: request id, route, microversion, token, policy, schema, handler,
// fault.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { systemClock } from '#platform/clock.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { RawReply } from '#platform/http/messages.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { testCaller } from '../auth/context.testing.ts';
import { createDispatcher } from './dispatcher.ts';
import { roleTokens, thingFace } from './face.testing.ts';
import type { HttpFace } from './route.ts';
import { route } from './route.ts';

const errors: object[] = [];
const deps = {
  tokens: roleTokens,
  clock: systemClock,
  ids: systemIds,
  log: {
    ...silentLog,
    debug() {},
    info() {},
    warn() {},
    error: (facts: object) => void errors.push(facts),
    child: () => silentLog,
  },
  identityUrl: 'http://keystone/v3',
};
const dispatcher = createDispatcher([thingFace], deps);

interface Ask {
  token?: string;
  version?: string;
  body?: Json;
  headers?: Record<string, string>;
}

async function ask(
  method: HttpMethod,
  target: string,
  { token = 'member', version, body, headers = {} }: Ask = {},
): Promise<RawReply> {
  const [path = '', query = ''] = target.split('?');
  return await dispatcher.handle({
    method,
    path,
    query,
    origin: 'http://cloud',
    body: body === undefined ? null : { json: body },
    headers: {
      ...(token === '' ? {} : { 'x-auth-token': token }),
      ...(version === undefined ? {} : { 'openstack-api-version': `things ${version}` }),
      ...headers,
    },
  });
}
const codeOf = (reply: RawReply): unknown =>
  (reply.body as { error?: { code: number } }).error?.code;

describe('a request', () => {
  it('keeps a proper request id and gets one where it has none', async () => {
    const mine = systemIds.requestId();
    const answer = await ask('GET', '/things/v1/things', {
      headers: { 'x-openstack-request-id': mine },
    });
    assert.equal(answer.headers['x-openstack-request-id'], mine);
    assert.equal(answer.headers['x-things-request-id'], mine);
    for (const wrong of ['', 'req-1', `${mine}\r\nset-cookie: x`])
      assert.match(
        (await ask('GET', '/things/v1/things', { headers: { 'x-openstack-request-id': wrong } }))
          .headers['x-openstack-request-id'] ?? '',
        /^req-[0-9a-f-]{36}$/,
      );
  });

  it('needs a token, a good one, unless the route is for everybody', async () => {
    for (const token of ['', 'stranger']) {
      const refusal = await ask('GET', '/things/v1/things', { token });
      assert.equal(refusal.status, 401);
      assert.equal(refusal.headers['www-authenticate'], 'Keystone uri="http://keystone/v3"');
    }
    assert.equal((await ask('GET', '/things', { token: '' })).status, 300);
    assert.equal((await ask('GET', '/things/', { token: '' })).status, 300);
  });

  it('is not refused for a token that nobody can check now', async () => {
    const unavailable = fault('unavailable', 'Keystone cannot check tokens now.');
    const checked = createDispatcher([thingFace], {
      ...deps,
      tokens: {
        validate: async (token) =>
          token === 'limited'
            ? testCaller({ roles: ['reader'], token, accessRules: [] })
            : unavailable,
      },
    });
    const askWith = async (headers: Record<string, string>) =>
      await checked.handle({
        method: 'GET',
        path: '/things/v1/things',
        query: '',
        origin: 'http://cloud',
        body: null,
        headers,
      });
    assert.equal((await askWith({ 'x-auth-token': 'member' })).status, 503);
    assert.equal((await askWith({ 'x-auth-token': 'limited' })).status, 401);
    const vouched = { 'x-auth-token': 'limited', 'x-service-token': 'nova' };
    assert.equal((await askWith(vouched)).status, 503);
  });

  it('without a token does not learn which paths exist', async () => {
    assert.equal((await ask('GET', '/things/v1/nowhere', { token: '' })).status, 401);
    assert.equal((await ask('GET', '/things/v1/nowhere')).status, 404);
  });

  // The router ends a path at `#`. If access rules did not, a rule for one path could allow
  // another.
  it('has no fragment in its target, so that access rules judge the path that is routed', async () => {
    for (const target of [
      '/things/v1/things#',
      '/things/v1/things/#/missing',
      '/things/v1/things#/missing',
      '/things/v1/things?a=b#c',
      '/things#x',
      '/nowhere#x',
    ]) {
      const { status } = await ask('GET', target);
      assert.equal(status, target.startsWith('/nowhere') ? 404 : 400, target);
    }
    assert.equal(
      (await ask('GET', '/things/v1/things/%23')).status,
      200,
      'encoded it is a part of the path',
    );
  });

  it('is held against the policy before its body is read', async () => {
    assert.equal(
      (await ask('POST', '/things/v1/things', { token: 'reader', body: { wrong: true } })).status,
      403,
    );
    assert.equal((await ask('POST', '/things/v1/things', { body: { wrong: true } })).status, 400);
    assert.equal((await ask('POST', '/things/v1/things', { body: { name: 'a' } })).status, 201);
  });

  it('lets the handler ask what its caller may do to whom', async () => {
    assert.deepEqual((await ask('GET', '/things/v1/things/a')).body, {
      name: 'a',
      user: 'u1',
      may: [true, false, false],
    });
  });

  it('reaches the route of its microversion, and is told the version', async () => {
    assert.equal((await ask('GET', '/things/v1/newer')).status, 404);
    assert.deepEqual((await ask('GET', '/things/v1/newer', { version: '1.5' })).body, {
      version: 5,
    });
    const newer = await ask('GET', '/things/v1/newer', { version: '1.10' });
    assert.deepEqual(newer.body, { since: 10, version: 10 });
    assert.equal(newer.headers['openstack-api-version'], 'things 1.10');
    assert.equal(newer.headers['vary'], 'OpenStack-API-Version');
    assert.equal((await ask('GET', '/things/v1/things', { version: '1.21' })).status, 406);
    assert.equal((await ask('GET', '/things/v1/things', { version: 'x' })).status, 400);
    assert.equal(
      (await ask('GET', '/things', { version: '9.9' })).status,
      300,
      'version documents answer any version',
    );
  });

  it('by a method that the path does not have is 405, to nowhere 404', async () => {
    assert.equal((await ask('PATCH', '/things/v1/things')).status, 405);
    assert.equal((await ask('GET', '/things/v1/nowhere')).status, 404);
    assert.equal((await ask('GET', '/other')).status, 404);
    assert.equal((await ask('GET', '/thingsandmore')).status, 404);
  });

  it('by HEAD goes where GET goes', async () =>
    assert.equal((await ask('HEAD', '/things/v1/things')).status, 200));

  it('finds names that are percent-encoded', async () => {
    assert.equal((await ask('GET', '/things/v1/things/a%2Fb%20c')).status, 200);
    assert.equal(
      ((await ask('GET', '/things/v1/things/a%2Fb%20c')).body as { name: string }).name,
      'a/b c',
    );
  });

  it('cannot smuggle names into objects by its query', async () => {
    const reply = await ask('GET', '/things/v1/things?__proto__=x&constructor=y&name=a');
    assert.deepEqual((reply.body as { names: string[] }).names, ['a']);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });
});

describe('a fault', () => {
  it('is worded by its service, with its status', async () => {
    const reply = await ask('GET', '/things/v1/things/missing');
    assert.equal(reply.status, 404);
    assert.deepEqual(reply.body, {
      error: { code: 404, message: 'no such thing', kind: 'notFound' },
    });
    assert.equal(
      (await ask('POST', '/things/v1/things', { body: { name: 'one-too-many' } })).status,
      413,
      "the service's own status",
    );
  });

  for (const [name, cause] of [
    ['illegal', /may not answer gone/],
    ['bug', /a bug/],
  ] as const) {
    it(`that is a bug (${name}) is a 500 that tells the caller nothing and the log everything`, async () => {
      errors.length = 0;
      const reply = await ask('POST', '/things/v1/things', { body: { name } });
      assert.equal(reply.status, 500);
      assert.equal(codeOf(reply), 500);
      assert.doesNotMatch(JSON.stringify(reply.body), cause);
      assert.match(
        JSON.stringify(reply.body),
        new RegExp(reply.headers['x-openstack-request-id'] ?? 'none'),
      );
      const [{ err, req } = {} as { err?: Error; req?: string }] = errors as {
        err?: Error;
        req?: string;
      }[];
      assert.match(err?.message ?? '', cause);
      assert.equal(req, reply.headers['x-openstack-request-id']);
    });
  }

  it('of a handler that reads who asks where anybody may: 500, not somebody', async () =>
    assert.equal((await ask('GET', '/things/v1/careless')).status, 500));
});

describe('the dispatcher', () => {
  it('does not start with a route whose policy nobody wrote', () => {
    const face: HttpFace = {
      ...thingFace,
      routes: [route('GET', '/x', { policy: 'unknown', handler: () => ({ status: 200 }) })],
    };
    assert.throws(() => createDispatcher([face], deps), /GET \/x names the unknown policy unknown/);
  });

  it("lets an operator's rule replace the service's own", async () => {
    const strict = createDispatcher([thingFace], {
      ...deps,
      policyOverrides: { things: { show: 'role:admin' } },
    });
    const status = async (token: string): Promise<number> =>
      (
        await strict.handle({
          method: 'GET',
          path: '/things/v1/things',
          query: '',
          headers: { 'x-auth-token': token },
          body: null,
          origin: '',
        })
      ).status;
    assert.equal(await status('reader'), 403);
    assert.equal(await status('admin'), 200);
  });
});
