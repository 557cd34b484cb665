// The emulated BMC as seen by a Redfish client, by an attacker and across a restart.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { sendRequest } from '#platform/http/send-request.ts';
import { seededIds, systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { orderTrouble } from './bmc-trouble.ts';
import { createTestChassis } from './chassis.testing.ts';
import type { TestChassis } from './chassis.testing.ts';
import { startEmulatedBmc } from './emulated-bmc.ts';
import type { EmulatedBmc } from './emulated-bmc.ts';

interface Told {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: any;
}

const system = '/redfish/v1/Systems/1';
const reset = `${system}/Actions/ComputerSystem.Reset`;

describe('an emulated BMC', () => {
  let folder: string;
  let chassis: TestChassis;
  let bmc: EmulatedBmc;
  let agent: Agent;

  const start = async (timing: 'immediate' | 'task' = 'immediate'): Promise<void> => {
    bmc = await startEmulatedBmc(
      { host: 'h1', folder, version: 'test', timing, orderMs: 100 },
      { chassis, clock: systemClock, ids: systemIds, log: silentLog },
    );
    agent = new Agent({ ca: bmc.certificate });
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bmc-'));
    chassis = createTestChassis();
    await start();
  });
  afterEach(() => orderTrouble(folder, undefined));
  after(async () => {
    await bmc?.close();
    await rm(folder, { recursive: true });
  });

  const basic = (password = bmc.password.reveal()): Record<string, string> => ({
    authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
  });
  async function ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = basic(),
  ): Promise<Told> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await sendRequest(
      {
        method,
        url: new URL(path, bmc.origin),
        headers,
        ...(body === undefined ? {} : { body: text }),
        agent,
        timeoutMs: 5_000,
        maxAnswerBytes: 1024 * 1024,
      },
      systemClock,
    );
    if (isFault(answer)) return { status: 0, headers: {}, body: answer.message };
    const { status } = answer;
    const document = answer.body.length > 0 ? JSON.parse(answer.body.toString()) : undefined;
    return { status, headers: answer.headers, body: document };
  }
  const keyOf = ({ body }: Told): string => body.error['@Message.ExtendedInfo'][0].MessageId;

  it('lets nobody in without its password, and tells strangers nothing', async () => {
    for (const path of ['/redfish', '/redfish/v1', '/redfish/v1/'])
      assert.equal((await ask('GET', path, undefined, {})).status, 200);
    const strangers = [
      {},
      basic('wrong'),
      basic(''),
      { authorization: 'Basic' },
      { authorization: 'Basic ////' },
      { authorization: `Bearer ${bmc.password.reveal()}` },
      { 'x-auth-token': '' },
      { 'x-auth-token': bmc.password.reveal() },
    ];
    for (const headers of strangers) {
      for (const path of [system, '/redfish/v1/Systems', '/redfish/v1/nothing', '/', '/etc/passwd'])
        assert.equal((await ask('GET', path, undefined, headers)).status, 401, path);
      assert.equal((await ask('POST', reset, { ResetType: 'ForceOff' }, headers)).status, 401);
      assert.equal((await ask('DELETE', '/redfish/v1', undefined, headers)).status, 401);
    }
    assert.equal(chassis.runs, true);
  });

  it('keeps its secrets to its owner', async () => {
    assert.equal((await stat(folder)).mode & 0o077, 0);
    const files = await readdir(folder);
    assert.ok(
      files.includes('password') && files.includes('bmc.key') && files.includes('state.json'),
    );
    for (const file of files) assert.equal((await stat(join(folder, file))).mode & 0o077, 0, file);
    assert.ok(
      !(await readFile(join(folder, 'state.json'), 'utf8')).includes(bmc.password.reveal()),
    );
  });

  it('gives sessions, a limited number, and ends them', async () => {
    const sessions = '/redfish/v1/SessionService/Sessions';
    const login = { UserName: 'admin', Password: bmc.password.reveal() };
    for (const wrong of [
      { ...login, Password: 'x' },
      { ...login, UserName: 'root' },
      {},
      { ...login, Password: 7 },
    ])
      assert.equal((await ask('POST', sessions, wrong, {})).status, 401);
    const { status, headers } = await ask('POST', sessions, login, {});
    assert.equal(status, 201);
    const token = { 'x-auth-token': String(headers['x-auth-token']) };
    assert.equal((await ask('GET', system, undefined, token)).status, 200);
    assert.equal((await ask('DELETE', String(headers['location']), undefined, token)).status, 204);
    assert.equal((await ask('GET', system, undefined, token)).status, 401);
    const statuses: number[] = [];
    for (let session = 0; session < 17; session += 1)
      statuses.push((await ask('POST', sessions, login, {})).status);
    assert.deepEqual([statuses[15], statuses[16]], [201, 503]);
    const { body } = await ask('GET', sessions);
    for (const { '@odata.id': path } of body.Members) await ask('DELETE', path);
  });

  it('refuses what it does not know by its name', async () => {
    const cases: [string, string, unknown, number, RegExp][] = [
      ['POST', reset, {}, 400, /ActionParameterMissing/],
      ['POST', reset, { ResetType: 'Nmi' }, 400, /ValueNotInList/],
      ['POST', reset, { ResetType: ['ForceOff'] }, 400, /ValueNotInList/],
      ['POST', reset, { ResetType: 'ForceOff', Force: true }, 400, /PropertyUnknown/],
      ['POST', reset, { __proto__: null, constructor: 1 }, 400, /PropertyUnknown/],
      ['POST', reset, '{"ResetType": "ForceOff"', 400, /MalformedJSON/],
      ['POST', reset, '[]', 400, /MalformedJSON/],
      ['POST', reset, '['.repeat(10_000), 400, /MalformedJSON/],
      ['POST', reset, `{"ResetType": "${'x'.repeat(20_000)}"}`, 413, /GeneralError/],
      ['PATCH', system, { PowerState: 'Off' }, 400, /PropertyUnknown/],
      ['PATCH', system, { Boot: 'Pxe' }, 400, /PropertyValueFormatError/],
      ['PATCH', system, { Boot: { BootSourceOverrideTarget: 'Usb' } }, 400, /ValueNotInList/],
      ['PATCH', system, { IndicatorLED: 'Green' }, 400, /ValueNotInList/],
      ['GET', reset, undefined, 405, /OperationNotAllowed/],
      ['DELETE', system, undefined, 405, /OperationNotAllowed/],
      ['PUT', '/redfish/v1/Systems', {}, 405, /OperationNotAllowed/],
      ['POST', '/redfish/v1/nothing', {}, 404, /ResourceMissingAtURI/],
      ['DELETE', '/redfish/v1/EventService/Subscriptions/99', undefined, 404, /MissingAtURI/],
    ];
    for (const [method, path, body, status, key] of cases) {
      const reply = await ask(method, `${bmc.origin}${path}`, body);
      assert.equal(reply.status, status, `${method} ${path} ${JSON.stringify(body)?.slice(0, 60)}`);
      assert.match(keyOf(reply), key);
    }
    assert.match(String((await ask('GET', reset)).headers['allow']), /^POST$/);
    for (const destination of ['', 'file:///etc/passwd', 'http://u:p@127.0.0.1/', 'gopher://x', 7])
      assert.equal(
        (
          await ask('POST', '/redfish/v1/EventService/Subscriptions', {
            Destination: destination,
            Protocol: 'Redfish',
          })
        ).status,
        400,
      );
    assert.equal(chassis.runs, true);
  });

  it('has nothing at paths that are no paths', async () => {
    const tricks = [
      '//redfish/v1/Systems/1',
      '/redfish//v1',
      '/redfish/v1/Systems/%31',
      '/redfish/v1/Systems/1%00',
      '/redfish/v1/Systems/..%2f1',
      '/redfish/v1/SessionService/Sessions/:id',
      '/redfish/v1/constructor',
      '/redfish/v1/$metadata%',
    ];
    for (const trick of tricks) {
      const { status } = await ask('GET', `${bmc.origin}${trick}`);
      assert.equal(status, 404, trick);
    }
    // A raw socket: an HTTP client would normalise the path.
    const { port } = new URL(bmc.origin);
    const raw = await new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: Number(port), ca: bmc.certificate });
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('close', () => resolve(text)).on('error', reject);
      socket.end(
        `GET /redfish/v1/../v1/Systems/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${basic()['authorization']}\r\n\r\n`,
      );
    });
    assert.match(raw, /^HTTP\/1\.1 404 /);
  });

  it('answers what is thrown at it at random: never with 500, and without an order', async () => {
    const ids = seededIds(Number(process.env['FUZZ_SEED'] ?? 1));
    const any = <T>(all: readonly T[]): T => all[Math.floor(ids.random() * all.length)] as T;
    const parts = ['redfish', 'v1', 'Systems', '1', 'Actions', 'Managers', 'Chassis', 'Sessions'];
    const odd = ['', '..', '%2e', ':id', '__proto__', '$metadata', 'x'.repeat(2_000), '0', '-1'];
    const paths = [system, reset, '/redfish/v1/EventService/Subscriptions', '/redfish/v1'];
    const values = [null, 0, -1, '', 'Once', 'Pxe', [], {}, [[]], 'x'.repeat(5_000), true, 1e308];
    const keys = [
      'Boot',
      'IndicatorLED',
      'Destination',
      'Context',
      'Protocol',
      'UserName',
      'ResetType',
    ];
    const { boots } = chassis;
    for (let sent = 0; sent < Number(process.env['FUZZ_REQUESTS'] ?? 300); sent += 1) {
      const length = Math.floor(ids.random() * 7);
      const path = any([
        any(paths),
        `/${Array.from({ length }, () => any([...parts, ...odd])).join('/')}`,
      ]);
      const body = any([
        undefined,
        Object.fromEntries(Array.from({ length: 2 }, () => [any(keys), any(values)])),
        { Boot: { BootSourceOverrideEnabled: any(values), BootSourceOverrideTarget: any(values) } },
        any(['{', '[1', '"', '\0', '{"a":1}{"b":2}']),
      ]);
      const method = any(['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS']);
      const { status } = await ask(method, `${bmc.origin}${path}`, body);
      assert.ok(
        status >= 200 && status < 500,
        `${status}: ${method} ${path} ${JSON.stringify(body)}`,
      );
    }
    assert.deepEqual([chassis.runs, chassis.boots], [true, boots]);
  });

  it('shows a tree whose every link leads to a document', async () => {
    const visitedPaths = new Set<string>();
    const follow = async (path: string): Promise<void> => {
      const target = path.split('#')[0] ?? '';
      if (visitedPaths.has(target)) return;
      visitedPaths.add(target);
      const { status, body } = await ask('GET', target);
      assert.equal(status, 200, target);
      assert.ok(target === '/redfish' || body['@odata.type'].startsWith('#'), target);
      for (const [, next = ''] of JSON.stringify(body).matchAll(/"@odata\.id":"([^"]+)"/g))
        await follow(next);
    };
    await follow('/redfish/v1/');
    assert.ok(visitedPaths.size >= 20, `${visitedPaths.size} documents`);
  });

  it('keeps address, password, certificate, boot override and sensors over a restart', async () => {
    await ask('PATCH', system, {
      Boot: { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' },
    });
    await bmc.setSensor({ name: 'Inlet', kind: 'temperature', value: 43 });
    const before = { ...bmc, password: bmc.password.reveal() };
    await bmc.close();
    await bmc.close();
    await start();
    assert.equal(bmc.origin, before.origin);
    assert.equal(bmc.certificate, before.certificate);
    assert.equal(bmc.password.reveal(), before.password);
    assert.equal((await ask('GET', system)).body.Boot.BootSourceOverrideTarget, 'Pxe');
    const { body } = await ask('GET', '/redfish/v1/Chassis/1/Thermal');
    assert.equal(body.Temperatures[0].ReadingCelsius, 43);
    // A boot that nobody ordered also uses up the one-time boot override.
    chassis.die();
    await eventually(async () => (await ask('GET', system)).body.PowerState === 'Off', {
      withinMs: 5_000,
      what: 'off',
    });
    await eventually(
      async () =>
        (await readFile(join(folder, 'state.json'), 'utf8')).includes('"The host ended."'),
      { withinMs: 5_000, what: 'it notices' },
    );
    chassis.mayReturn();
    await eventually(
      async () => (await ask('GET', system)).body.Boot.BootSourceOverrideTarget === 'None',
      { withinMs: 5_000, what: 'it boots' },
    );
    assert.equal((await ask('GET', system)).body.Oem.CobaltCore.LastBootSource, 'Pxe');
  });

  it('has the troubles that are ordered, and none afterwards', async () => {
    const state = async (): Promise<number> => (await ask('GET', system)).status;
    orderTrouble(folder, { kind: 'unavailable' });
    assert.equal(await state(), 503);
    orderTrouble(folder, { kind: 'locked' });
    assert.equal(await state(), 401);
    assert.equal((await ask('GET', '/redfish/v1/', undefined, {})).status, 200);
    orderTrouble(folder, { kind: 'dead' });
    assert.equal(await state(), 0);
    orderTrouble(folder, { kind: 'slow', ms: 300 });
    const startedAt = performance.now();
    assert.equal(await state(), 200);
    assert.ok(performance.now() - startedAt >= 290);
    orderTrouble(folder, { kind: 'deaf' });
    assert.equal((await ask('POST', reset, { ResetType: 'GracefulShutdown' })).status, 204);
    assert.equal(chassis.runs, true);
    orderTrouble(folder, { kind: 'stuck' });
    assert.equal((await ask('POST', reset, { ResetType: 'ForceOff' })).status, 204);
    assert.equal(chassis.runs, true);
    orderTrouble(folder, undefined);
    assert.equal(await state(), 200);
  });

  it('restarts without its host, and forgets its sessions', async () => {
    const login = { UserName: 'admin', Password: bmc.password.reveal() };
    const { headers } = await ask('POST', '/redfish/v1/SessionService/Sessions', login, {});
    const token = { 'x-auth-token': String(headers['x-auth-token']) };
    const { boots } = chassis;
    const restart = '/redfish/v1/Managers/1/Actions/Manager.Reset';
    assert.equal((await ask('POST', restart, { ResetType: 'GracefulRestart' })).status, 204);
    assert.equal((await ask('GET', system)).status, 503);
    await eventually(async () => (await ask('GET', system)).status === 200, {
      withinMs: 5_000,
      everyMs: 100,
      what: 'it is back',
    });
    assert.equal((await ask('GET', system, undefined, token)).status, 401);
    assert.equal(chassis.boots, boots);
  });

  it('with tasks: takes one order at a time and tells how it goes', async () => {
    await bmc.close();
    await start('task');
    const [first, second] = await Promise.all([
      ask('POST', reset, { ResetType: 'ForceOff' }),
      ask('POST', reset, { ResetType: 'ForceOff' }),
    ]);
    assert.deepEqual([first.status, second.status].sort(), [202, 409]);
    assert.equal((await ask('GET', system)).body.PowerState, 'PoweringOff');
    const location = String((first.status === 202 ? first : second).headers['location']);
    assert.equal((await ask('GET', location)).body.TaskState, 'Running');
    assert.equal(chassis.runs, true);
    await eventually(async () => (await ask('GET', location)).body.TaskState === 'Completed', {
      withinMs: 5_000,
      what: 'the task ends',
    });
    assert.equal(chassis.runs, false);
  });
});
