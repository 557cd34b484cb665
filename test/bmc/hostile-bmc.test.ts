// Our Redfish driver against broken and hostile BMCs: every call ends in time, the password is sent
// to no other address, and it appears in no message.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { createRedfishBmc } from '#adapters/redfish/redfish-bmc.ts';
import type { RedfishTimes } from '#adapters/redfish/redfish-connection.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { createLog, Secret, silentLog } from '#platform/log.ts';
import type { Bmc } from '#ports/bmc.ts';
import { startTestBmc } from './emulated-bmc.testing.ts';

const password = 'open-sesame-4711';
const token = 'session-of-the-bmc-0815';
/**
 * Short deadlines, for BMCs that never finish an answer; others answer, however busy the machine
 * is.
 */
const hasty: Partial<RedfishTimes> = { requestTimeoutMs: 300, callTimeoutMs: 1_000 };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(answer: Answer): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Connecting {
  times?: Partial<RedfishTimes>;
  authentication?: 'basic' | 'session';
  log?: Log;
}

const connect = (
  origin: string,
  { times = {}, authentication = 'basic', log = silentLog }: Connecting = {},
): Bmc =>
  createRedfishBmc(
    {
      origin,
      user: 'admin',
      password: new Secret(password),
      trust: { kind: 'public' },
      authentication,
    },
    { clock: systemClock, ids: systemIds, log, times },
  );

const refused = <T>(outcome: Outcome<T>): Fault => {
  assert.ok(isFault(outcome), `no fault: ${JSON.stringify(outcome)}`);
  assert.ok(!JSON.stringify(outcome).includes(password), 'the password is told');
  assert.ok(!JSON.stringify(outcome).includes(token), 'the token is told');
  const basic = Buffer.from(`admin:${password}`).toString('base64');
  assert.ok(!JSON.stringify(outcome).includes(basic), 'the credentials are told');
  return outcome;
};

const json = (response: ServerResponse, body: Json, status = 200): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** A BMC with one system, whose document is `system`. */
const withSystem =
  (system: Json, rest: Answer = (_request, response) => json(response, {}, 404)): Answer =>
  (request, response) => {
    if (request.url === '/redfish/v1/Systems')
      json(response, { Members: [{ '@odata.id': '/redfish/v1/Systems/1' }] });
    else if (request.url === '/redfish/v1/Systems/1' && request.method === 'GET')
      json(response, system);
    else rest(request, response);
  };

const resetAction = { '#ComputerSystem.Reset': { target: '/redfish/v1/reset' } };

describe('a hostile BMC', () => {
  const endless: Record<string, Answer> = {
    'an answer without an end': (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(64 * 1024)));
        if (!response.destroyed) response.once('drain', more);
      };
      response.writeHead(200);
      more();
    },
    'an answer byte by byte': (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    },
    'no answer': () => undefined,
    'headers without an end': (request) => {
      const drip = setInterval(() => request.socket.write('X-A: b\r\n'), 20);
      request.socket.write('HTTP/1.1 200 OK\r\n');
      request.socket.on('close', () => clearInterval(drip));
    },
    'a cut connection': (request) => void request.socket.destroy(),
    'no HTTP': (request) => void request.socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  };
  for (const [name, answer] of Object.entries(endless))
    it(`is a fault in time: ${name}`, async () => {
      const bmc = connect(await listen(answer), { times: hasty });
      const startedAt = performance.now();
      const { kind } = refused(await bmc.powerState());
      assert.ok(kind === 'unavailable' || kind === 'timeout', kind);
      assert.ok(performance.now() - startedAt < 10_000);
      await bmc.close();
    });

  it('is a fault whatever it puts in the place of a document', async () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    const texts = ['', 'null', '17', '"On"', '[]', '{', '<html></html>', '\xff\xfe', deep];
    for (const text of [...texts, '{"Members":{}}', '{"Members":[null,3,{"@odata.id":4}]}']) {
      const bmc = connect(
        await listen((_request, response) => void response.writeHead(200).end(text, 'latin1')),
      );
      const { kind } = refused(await bmc.powerState());
      assert.equal(kind, 'unavailable', text.slice(0, 40));
      await bmc.close();
    }
    for (const state of [null, 3, {}, 'off', 'x'.repeat(100_000), undefined]) {
      const bmc = connect(
        await listen(withSystem(state === undefined ? {} : { PowerState: state })),
      );
      const { kind, message } = refused(await bmc.powerState());
      assert.equal(kind, 'unavailable');
      assert.ok(message.length < 500);
      await bmc.close();
    }
  });

  it('does not lead the driver to another server', async () => {
    const requests: string[] = [];
    const other = await listen((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      json(response, { PowerState: 'Off' });
    });
    const host = new URL(other).host;
    for (const status of [301, 302, 307, 308]) {
      const bmc = connect(
        await listen(
          (_request, response) => void response.writeHead(status, { location: `${other}/x` }).end(),
        ),
      );
      assert.equal(refused(await bmc.powerState()).kind, 'unavailable');
      await bmc.close();
    }
    for (const link of [
      `${other}/redfish/v1/Systems/1`,
      `//${host}/redfish/v1/x`,
      `/\\${host}/x`,
    ]) {
      const bmc = connect(
        await listen((request, response) =>
          request.url === '/redfish/v1/Systems'
            ? json(response, { Members: [{ '@odata.id': link }] })
            : json(response, { PowerState: 'On' }),
        ),
      );
      await bmc.powerState(); // must ask the BMC itself, or nobody
      await bmc.close();
    }
    const bmc = connect(
      await listen(
        withSystem({ PowerState: 'On', Actions: resetAction }, (_request, response) => {
          response.setHeader('location', `${other}/redfish/v1/TaskService/Tasks/1`);
          json(response, { TaskState: 'Completed' }, 202);
        }),
      ),
    );
    await bmc.power('ForceOff');
    await bmc.close();
    assert.deepEqual(requests, []);
  });

  it('cannot make the driver tell the password that it repeats', async () => {
    const echo: Answer = (request, response) => {
      let sent = request.headers.authorization ?? '';
      request.on('data', (chunk: Buffer) => (sent += chunk.toString()));
      request.on('end', () => {
        if (request.url === '/redfish/v1/')
          return json(response, { Links: { Sessions: { '@odata.id': '/redfish/v1/s' } } });
        if (request.url === '/redfish/v1/s' && request.method === 'POST') {
          response.setHeader('x-auth-token', token);
          return json(response, {}, 201);
        }
        sent += request.headers['x-auth-token'] ?? '';
        const errorText = `you are ${sent} ${password} ${Buffer.from(sent.slice(6), 'base64').toString()}`;
        json(
          response,
          { error: { '@Message.ExtendedInfo': [{ Message: errorText, MessageId: errorText }] } },
          400,
        );
      });
    };
    const lines: string[] = [];
    const log = createLog({
      level: 'debug',
      destination: { write: (line) => void lines.push(line) },
    });
    for (const authentication of ['basic', 'session'] as const) {
      const origin = await listen(echo);
      const bmc = connect(origin, { authentication, log });
      refused(await bmc.powerState());
      refused(await bmc.power('ForceOff'));
      await bmc.close();
    }
    assert.ok(!lines.join().includes(password));
  });

  it('is asked once in a call where it refuses the password: BMCs lock accounts', async () => {
    for (const authentication of ['basic', 'session'] as const) {
      let refusals = 0;
      const origin = await listen((request, response) => {
        if (request.url === '/redfish/v1/')
          return json(response, { Links: { Sessions: { '@odata.id': '/redfish/v1/s' } } });
        refusals += 1;
        json(response, {}, 401);
      });
      const bmc = connect(origin, { authentication });
      assert.equal(refused(await bmc.power('ForceOff')).kind, 'forbidden');
      assert.equal(refusals, 1, authentication);
      await bmc.close();
    }
  });

  it('stumbles: what is safe to repeat is repeated, a restart or shutdown is not', async () => {
    for (const [action, sent] of [
      ['ForceOff', 3],
      ['On', 3],
      ['ForceRestart', 1],
      ['GracefulShutdown', 1],
    ] as const) {
      let orders = 0;
      const state = action === 'On' ? 'Off' : 'On';
      const bmc = connect(
        await listen(
          withSystem({ PowerState: state, Actions: resetAction }, (_request, response) => {
            orders += 1;
            json(response, {}, 503);
          }),
        ),
      );
      assert.equal(refused(await bmc.power(action)).kind, 'unavailable');
      assert.equal(orders, sent, action);
      await bmc.close();
    }
  });

  it('refuses to do what is so already, with any code, and is not believed where it is not so', async () => {
    for (const status of [400, 409, 500])
      for (const [action, state] of [
        ['ForceOff', 'Off'],
        ['On', 'On'],
        ['On', 'PoweringOn'],
      ] as const) {
        const bmc = connect(
          await listen(
            withSystem({ PowerState: state, Actions: resetAction }, (_request, response) =>
              json(response, {}, status),
            ),
          ),
        );
        assert.equal(await bmc.power(action), undefined, `${action} ${state} ${status}`);
        await bmc.close();
      }
    const busy = connect(
      await listen(
        withSystem({ PowerState: 'Off', Actions: resetAction }, (_request, response) =>
          json(response, {}, 503),
        ),
      ),
    );
    const { kind } = refused(await busy.power('ForceOff'));
    assert.equal(kind, 'unavailable', 'it was not ordered: it may start by itself');
    await busy.close();
    for (const state of ['On', 'PoweringOff', 'PoweringOn', null]) {
      const bmc = connect(
        await listen(
          withSystem({ PowerState: state, Actions: resetAction }, (_request, response) =>
            json(response, {}, 409),
          ),
        ),
      );
      assert.equal(refused(await bmc.power('ForceOff')).kind, 'conflict');
      await bmc.close();
    }
  });

  it('has as many members and pages as it likes, and is asked a limited number of times', async () => {
    let requestCount = 0;
    const many = Array.from({ length: 5_000 }, (_, at) => ({ '@odata.id': `/redfish/v1/m/${at}` }));
    const bmc = createRedfishBmc(
      {
        origin: await listen((request, response) => {
          requestCount += 1;
          if (request.url?.endsWith('/LogServices'))
            json(response, { Members: [{ '@odata.id': '/redfish/v1/log' }] });
          else if (request.url === '/redfish/v1/log')
            json(response, { Entries: { '@odata.id': '/redfish/v1/page' } });
          else if (request.url === '/redfish/v1/page')
            json(response, { Members: [], 'Members@odata.nextLink': '/redfish/v1/page' });
          else if (request.url === '/redfish/v1/Systems')
            json(response, { Members: [{ '@odata.id': '/redfish/v1/Systems/1' }] });
          else
            json(response, {
              EthernetInterfaces: { '@odata.id': '/redfish/v1/many' },
              LogServices: { '@odata.id': '/redfish/v1/LogServices' },
              Members: many,
            });
        }),
        user: 'admin',
        password: new Secret(password),
        trust: { kind: 'public' },
        authentication: 'basic',
      },
      { clock: systemClock, ids: systemIds, log: silentLog },
    );
    const inventory = await bmc.inventory();
    assert.ok(!isFault(inventory) && inventory.interfaces.length === 64);
    assert.deepEqual(await bmc.events(), []);
    assert.ok(requestCount < 120, `${requestCount} requests`);
    await bmc.close();
  });

  it('follows a task that never ends for its time, and tells of one that failed', async () => {
    const tasked = (task: Json): Answer =>
      withSystem({ PowerState: 'On', Actions: resetAction }, (request, response) => {
        if (request.url === '/redfish/v1/reset')
          response.setHeader('location', '/redfish/v1/TaskService/Tasks/1');
        json(response, task, request.url === '/redfish/v1/reset' ? 202 : 200);
      });
    const endlessTask = connect(await listen(tasked({ TaskState: 'Running' })), {
      times: { taskTimeoutMs: 300 },
    });
    assert.equal(await endlessTask.power('ForceRestart'), undefined, 'it was taken');
    await endlessTask.close();
    const failed = connect(
      await listen(tasked({ TaskState: 'Exception', Messages: [{ Message: 'fuse blown' }] })),
    );
    assert.match(refused(await failed.power('ForceRestart')).message, /fuse blown/);
    await failed.close();
  });

  it('is refused with another certificate than the pinned one, before it has the password', async () => {
    const [mine, other] = [await startTestBmc(), await startTestBmc()];
    try {
      const { certificate } = other.emulated;
      const wrong = mine.connect({ trust: { kind: 'pinned', certificate } });
      assert.equal(refused(await wrong.powerState()).kind, 'unavailable');
      const unknown = mine.connect({ trust: { kind: 'public' } });
      assert.equal(refused(await unknown.powerState()).kind, 'unavailable');
      const trustingBmc = mine.connect({
        trust: { kind: 'authority', certificates: mine.emulated.certificate },
      });
      assert.equal(await trustingBmc.powerState(), 'On');
    } finally {
      await mine.close();
      await other.close();
    }
    assert.throws(() => connect('http://192.0.2.1'), /over https/);
  });
});
