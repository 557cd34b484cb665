// Bad connections to the server (reset, stalled, upgraded, invalid bytes) end without affecting
// others.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#platform/clock.ts';
import { connectRaw, exchange } from '#platform/http/raw-socket.testing.ts';
import type { HttpServer } from '#platform/http/server.ts';
import { startHttpServer } from '#platform/http/server.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { createDispatcher } from './dispatcher.ts';
import { roleTokens, thingFace } from './face.testing.ts';
import type { HttpFace } from './route.ts';
import { route } from './route.ts';

const idleTimeoutMs = 300;
const face: HttpFace = {
  ...thingFace,
  routes: [
    ...thingFace.routes,
    route('GET', '/v1/slow', {
      policy: 'show',
      handler: async () => {
        await systemClock.sleep(idleTimeoutMs * 4);
        return { status: 200, body: 'slow' };
      },
    }),
    route('GET', '/v1/endless', {
      policy: 'show',
      handler: () => ({
        status: 200,
        body: Readable.from(
          (function* () {
            for (;;) yield Buffer.alloc(65_536);
          })(),
        ),
      }),
    }),
    route('GET', '/v1/unsendable', {
      policy: 'show',
      handler: () => ({ status: 200, headers: { location: '/\u{1f98a}' } }),
    }),
  ],
};

let server: HttpServer;
let upgraded: string[] = [];
before(async () => {
  const dispatcher = createDispatcher([face], {
    tokens: roleTokens,
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
    identityUrl: '',
  });
  server = await startHttpServer(dispatcher, {
    host: '127.0.0.1',
    port: 0,
    idleTimeoutMs,
    pages: async (path) =>
      path === '/page' ? { status: 200, type: 'text/plain', body: 'a page' } : undefined,
    upgrades: {
      paths: ['/socket', '/broken'],
      onUpgrade: async (request, socket) => {
        upgraded.push(request.url ?? '');
        if (request.url === '/broken') throw new Error('a bug of the upgrade');
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
        );
      },
    },
  });
});
after(async () => await server.close());

const upgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Auth-Token: member\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
const get = (path: string, headers = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Auth-Token: member\r\n${headers}\r\n`;
const lives = async (): Promise<void> =>
  assert.equal((await exchange(server.port, get('/page'))).body, 'a page');

describe('a connection that is reset', () => {
  const beginnings: readonly [what: string, bytes: string][] = [
    ['after nothing', ''],
    ['in its first line', 'GET /things'],
    ['in its headers', 'GET /things/v1/things HTTP/1.1\r\nHost'],
    [
      'in its body',
      'POST /things/v1/things HTTP/1.1\r\nHost: a\r\nX-Auth-Token: member\r\nContent-Length: 100\r\n\r\n{"na',
    ],
    [
      'in an upload',
      'PUT /things/v1/files/x HTTP/1.1\r\nHost: a\r\nX-Auth-Token: member\r\nContent-Length: 100000\r\n\r\nabc',
    ],
    ['while its answer is written', get('/things/v1/endless')],
    ['while a handler works', get('/things/v1/slow')],
    ['after it asked for an upgrade', upgrade('/socket')],
    ['after it asked for an upgrade anywhere', upgrade('/things/v1/things')],
    ['while an upgrade fails', upgrade('/broken')],
    ['as CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ];
  for (const [what, bytes] of beginnings) {
    it(`${what} ends itself alone`, async () => {
      for (let count = 0; count < 20; count += 1) {
        const socket = await connectRaw(server.port);
        if (bytes !== '') socket.write(bytes);
        if (count % 2 === 0) await new Promise(setImmediate);
        socket.reset();
      }
      await lives();
    });
  }
});

describe('an upgrade', () => {
  it('is for the paths that have one; elsewhere the request is an ordinary one', async () => {
    upgraded = [];
    const socket = await connectRaw(server.port);
    socket.write(upgrade('/things/v1/things'));
    await eventually(() => socket.received.includes('\r\n\r\n'), {
      withinMs: 5_000,
      what: 'an answer',
    });
    assert.match(socket.received, /^HTTP\/1\.1 200 /);
    socket.end();
    assert.deepEqual(upgraded, []);
  });
  it('keeps its connection however silent it is', async () => {
    const socket = await connectRaw(server.port);
    socket.write(upgrade('/socket'));
    await eventually(() => socket.received.startsWith('HTTP/1.1 101'), {
      withinMs: 5_000,
      what: 'the upgrade',
    });
    await systemClock.sleep(idleTimeoutMs * 4);
    assert.equal(socket.closed, false);
    socket.end();
  });
  it('that fails closes its connection', async () => {
    const socket = await connectRaw(server.port);
    socket.write(upgrade('/broken'));
    await eventually(() => socket.closed, { withinMs: 5_000, what: 'it is closed' });
  });
});

describe('a client that makes no progress', () => {
  it('and whose body does not come is answered 408', async () => {
    const head =
      'POST /things/v1/things HTTP/1.1\r\nHost: a\r\nX-Auth-Token: member\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
    for (const begun of [head, `${head}{"name"`])
      assert.equal((await exchange(server.port, begun)).status, 408);
  });
  it('and whose upload stops is closed, also without a token', async () => {
    for (const token of ['member', 'nobody']) {
      const answer = await exchange(
        server.port,
        `PUT /things/v1/files/x HTTP/1.1\r\nHost: a\r\nX-Auth-Token: ${token}\r\nContent-Length: 100000\r\n\r\nabc`,
      );
      assert.ok([401, 408].includes(answer.status), String(answer.status));
    }
  });
  it('and does not read its answer is closed', async () => {
    const socket = await connectRaw(server.port);
    socket.pause();
    socket.write(get('/things/v1/endless'));
    // A paused client socket notices its end only when it reads again, so the test observes the
    // server.
    await systemClock.sleep(idleTimeoutMs * 4);
    socket.reset();
    await lives();
  });
  it('is not one whose upload is slow but goes on', async () => {
    const socket = await connectRaw(server.port);
    socket.write(
      'PUT /things/v1/files/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Auth-Token: member\r\nContent-Length: 12\r\n\r\n',
    );
    for (let part = 0; part < 12; part += 1) {
      await systemClock.sleep(idleTimeoutMs / 3);
      socket.write('x');
    }
    await eventually(() => socket.closed, { withinMs: 5_000, what: 'the answer' });
    assert.match(socket.received, /"size":12/);
  });
  it('is not one that waits for a slow handler', async () =>
    assert.equal((await exchange(server.port, get('/things/v1/slow'))).body, '"slow"'));
});

describe('text that is not UTF-8 is refused, never repaired', () => {
  const post = (body: Buffer, path = '/things/v1/things'): Buffer =>
    Buffer.concat([
      Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Auth-Token: member\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
      ),
      body,
    ]);
  const refused: readonly [what: string, request: string | Buffer][] = [
    ['a byte that no UTF-8 has, in a body', post(Buffer.from('{"name":"\xff"}', 'latin1'))],
    ['a cut character, in a body', post(Buffer.from('{"name":"\xc3"}', 'latin1'))],
    ['half of a surrogate pair as bytes', post(Buffer.from('{"name":"\xed\xa0\x80"}', 'latin1'))],
    ['half of a surrogate pair as an escape', post(Buffer.from('{"name":"\\ud800abc"}'))],
    ['the other half', post(Buffer.from('{"name":"\\uDC01abc"}'))],
    ['half of a pair in a key', post(Buffer.from('{"\\ud800":"a"}'))],
    ['an overlong form', post(Buffer.from('{"name":"\xc0\xaf"}', 'latin1'))],
    ['a path, encoded', get('/things/v1/things/%ff')],
    ['a path, half a pair', get('/things/v1/things/%ed%a0%80')],
    ['a query', get('/things/v1/things?name=%c3%28')],
    ["a query's name", get('/things/v1/things?%ff=1')],
    ['a header', Buffer.from(get('/things/v1/things', 'X-Name: a\xff\r\n'), 'latin1')],
  ];
  for (const [what, request] of refused) {
    it(what, async () => {
      const { status, body } = await exchange(server.port, request);
      assert.equal(status, 400, body);
      assert.equal(
        (JSON.parse(body) as { error: { kind: string } }).error.kind,
        'badRequest',
        'in the words of the service',
      );
    });
  }
  it('bytes in a target, which Node refuses by itself', async () =>
    assert.equal(
      (await exchange(server.port, Buffer.from(get('/things/v1/things/Zoë')))).status,
      400,
    ));
  it('but all that is UTF-8 passes', async () => {
    assert.equal(
      (await exchange(server.port, post(Buffer.from('{"name":"\\ud83e\\udd8a \u{1f98a} é"}'))))
        .status,
      201,
    );
    assert.match(
      (await exchange(server.port, get('/things/v1/things/Zo%C3%AB'))).body,
      /"name":"ZoÃ«"/,
    );
    assert.match(
      (await exchange(server.port, get('/things/v1/things?name=100%&name=%zz'))).body,
      /"names":\["100%","%zz"\]/,
    );
    assert.equal(
      (await exchange(server.port, Buffer.from(get('/things/v1/things', 'X-Name: Zoë\r\n'))))
        .status,
      200,
    );
  });
});

describe("the edge answers in HTTP's words", () => {
  const send = async (method: string, path: string, headers = ''): ReturnType<typeof exchange> =>
    await exchange(
      server.port,
      `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Auth-Token: member\r\n${headers}\r\n`,
    );
  it('405 with what is allowed', async () => {
    const answer = await send('PATCH', '/things/v1/things');
    assert.deepEqual([answer.status, answer.headers['allow']], [405, 'GET, HEAD, POST, OPTIONS']);
    for (const method of ['PROPFIND', 'TRACE'])
      assert.equal((await send(method, '/things/v1/things')).status, 405, method);
  });
  it('OPTIONS with the same, for who has a token', async () => {
    const answer = await send('OPTIONS', '/things/v1/things/a');
    assert.deepEqual(
      [answer.status, answer.headers['allow'], answer.body],
      [200, 'GET, HEAD, DELETE, OPTIONS', ''],
    );
    assert.equal((await send('OPTIONS', '/things/v1/nowhere')).status, 404);
    assert.equal(
      (
        await exchange(
          server.port,
          'OPTIONS /things/v1/things HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        )
      ).status,
      401,
    );
    assert.equal(
      (
        await exchange(
          server.port,
          'OPTIONS /things/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        )
      ).status,
      404,
      'a slash at the end is no path',
    );
    assert.equal(
      (
        await exchange(
          server.port,
          'OPTIONS /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        )
      ).status,
      200,
    );
  });
  it('methods of the microversion asked for', async () => {
    assert.equal((await send('PUT', '/things/v1/newer')).status, 404, 'no such path in 1.0');
    assert.equal(
      (await send('PUT', '/things/v1/newer', 'OpenStack-API-Version: things 1.7\r\n')).headers[
        'allow'
      ],
      'GET, HEAD, OPTIONS',
    );
  });
  it('HEAD as GET, without a body', async () => {
    const answer = await send('HEAD', '/things/v1/things');
    assert.deepEqual([answer.status, answer.body], [200, '']);
    assert.ok(Number(answer.headers['content-length']) > 10);
    assert.equal((await send('HEAD', '/page')).headers['content-length'], '6');
    assert.equal((await send('HEAD', '/things/v1/files/x')).body, '');
  });
  it('paths that cannot be decoded with 404 or 400 of their service', async () => {
    for (const path of ['/things/v1/things/%', '/things/v1/things/%zz/x', '/things/v1/%00']) {
      const answer = await send('GET', path);
      assert.ok([404, 400].includes(answer.status), `${path}: ${answer.status}`);
      assert.ok('error' in (JSON.parse(answer.body) as object), path);
    }
  });
  it('500 where an answer cannot be sent', async () =>
    assert.equal((await send('GET', '/things/v1/unsendable')).status, 500));
});
