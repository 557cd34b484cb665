import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { Secret } from '#platform/log.ts';
import { openHttp } from './ontap-http.ts';

const user = { user: 'admin', password: new Secret('p:ss') };

test('a password goes to no other machine in the clear', () => {
  assert.throws(() => openHttp({ ...user, origin: 'http://filer.example' }, systemClock), /https/);
  for (const origin of [
    'http://127.0.0.1:8080',
    'http://localhost',
    'http://[::1]',
    'https://filer.example',
  ])
    openHttp({ ...user, origin }, systemClock).close();
});

test(
  'a filer is believed by its own certificate only',
  { skip: existsSync('/usr/bin/openssl') ? false : 'needs openssl' },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cc-ontap-'));
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '2',
        '-subj',
        '/CN=filer',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
      ],
      { stdio: 'ignore' },
    );
    const [ca, requests] = [readFileSync(cert, 'utf8'), [] as string[]];
    const server = createServer({ key: readFileSync(key), cert: ca }, (request, response) => {
      requests.push(request.headers.authorization ?? '');
      response.end('{"version": 9}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const [trusting, strange] = [
      openHttp({ ...user, origin, ca }, systemClock),
      openHttp({ ...user, origin }, systemClock),
    ];
    assert.deepEqual(await trusting.send('GET', '/api/cluster', undefined, 5_000), {
      status: 200,
      body: { version: 9 },
    });
    const refusal = await strange.send('GET', '/api/cluster', undefined, 5_000);
    assert.ok(
      isFault(refusal) && refusal.kind === 'unavailable' && /certificate/.test(refusal.message),
      JSON.stringify(refusal),
    );
    assert.deepEqual(
      requests,
      [`Basic ${Buffer.from('admin:p:ss').toString('base64')}`],
      'the stranger got no password',
    );
    for (const http of [trusting, strange]) http.close();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  },
);
