// One process of a distributed cloud, alone, on SQLite: what it serves, which settings it refuses
// at start and with what message, and which peers it waits for.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { sql } from 'kysely';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { openDatabase } from '#platform/db/database.ts';
import { silentLog } from '#platform/log.ts';
import { createTestAuthority } from '#platform/testing/certificates.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { homePaths } from './home.ts';
import { migrateDatabases } from './migrate.ts';
import type { ProcessConfig } from './process-config.ts';
import { readProcessConfig } from './process-config.ts';
import type { Part, RunningProcess, ServeOptions } from './serve.ts';
import { serve } from './serve.ts';
import { databaseFile } from './state-files.ts';

describe('a process of a distributed cloud', () => {
  let folder: string;
  let port: number;
  const running: RunningProcess[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cobalt-serve-'));
    port = await freePort();
    await mkdir(join(folder, 'databases'));
    await migrateDatabases(await config(), homePaths(folder), silentLog);
  });
  after(async () => {
    for (const each of running) await each.stop();
    await rm(folder, { recursive: true });
  });

  async function config(env: Record<string, string> = {}): Promise<ProcessConfig> {
    return (
      await readProcessConfig(join(folder, 'cobalt.yaml'), {
        COBALT_CLOUD__ORIGIN: `http://127.0.0.1:${port}`,
        COBALT_LISTEN__PORT: String(port),
        COBALT_STORAGE__SIMULATED: 'true',
        COBALT_OVN__SIMULATED_HOSTS: '1',
        ...env,
      })
    ).value;
  }
  const start = async (
    parts: Part[],
    env: Record<string, string> = {},
    more: Partial<ServeOptions> = {},
  ) =>
    await serve({
      parts,
      homeDir: folder,
      config: await config(env),
      log: silentLog,
      onWait: () => undefined,
      ...more,
    });
  const started = async (...words: Parameters<typeof start>): Promise<RunningProcess> => {
    const process = await start(...words);
    assert.ok(!isFault(process), isFault(process) ? process.message : '');
    running.push(process);
    return process;
  };
  const end = async (process: RunningProcess): Promise<void> => {
    running.splice(running.indexOf(process), 1);
    await process.stop();
  };

  it('serves the APIs of its roles, and tells how it is', async () => {
    const process = await started(['keystone', 'placement']);
    const origin = `http://${process.address}`;
    assert.equal((await fetch(`${origin}/readyz`)).status, 200);
    assert.equal((await fetch(`${origin}/identity/v3`)).status, 200);
    assert.equal((await fetch(`${origin}/placement/`)).status, 200);
    assert.equal((await fetch(`${origin}/compute/v2.1`)).status, 404, 'a role of another process');
    await end(process);
    await assert.rejects(fetch(`${origin}/healthz`));
  });

  it('runs once under one name', async () => {
    const process = await started(['nova-scheduler'], { COBALT_LISTEN__PORT: '0' });
    assert.equal(process.address, undefined);
    const second = await start(['nova-scheduler'], { COBALT_LISTEN__PORT: '0' });
    assert.ok(isFault(second));
    assert.match(second.message, /-nova-scheduler already runs.*--name/);
    await end(process);
  });

  it('names the address that is taken', async () => {
    const process = await started(['placement']);
    const second = await start(['glance']);
    assert.ok(isFault(second));
    assert.match(second.message, new RegExp(`listen: 127.0.0.1:${port} cannot be opened`));
    await end(process);
  });

  it('refuses a schema that is older than it', async () => {
    const old = openDatabase(
      { dialect: 'sqlite', path: databaseFile(homePaths(folder), 'placement') },
      { log: silentLog },
    );
    const last = sql`(select max(name) from schema_migrations where service = 'placement')`;
    await sql`delete from schema_migrations where service = 'placement' and name = ${last}`.execute(
      old.db,
    );
    await old.close();
    await assert.rejects(start(['placement']), /placement is older.*it misses.*cobalt migrate/);
  });

  it('names a secret, a certificate and a backend that are missing', async () => {
    await assert.rejects(
      start(['glance'], { COBALT_SECRETS__FOLDER: '/nowhere' }),
      /secrets\.folder: the file \/nowhere\/service cannot be read/,
    );
    await assert.rejects(
      start(['glance'], { COBALT_LISTEN__CERT_FILE: '/nowhere.pem' }),
      /listen\.certFile/,
    );
    await assert.rejects(
      start(['cinder-volume'], { COBALT_STORAGE__SIMULATED: 'false' }),
      /storage\.nfsServer is missing: cinder-volume needs/,
    );
    await assert.rejects(
      start(['neutron-ovn-writer'], { COBALT_OVN__SIMULATED_HOSTS: '0' }),
      /ovn\.northbound is missing: neutron-ovn-writer needs/,
    );
  });

  it('waits for a broker that is away, and says so', async () => {
    const waiting = new AbortController();
    const awayPeers: string[] = [];
    const starting = start(
      ['nova-conductor'],
      { COBALT_BUS__HOSTS: `127.0.0.1:${await freePort()}`, COBALT_LISTEN__PORT: '0' },
      {
        signal: waiting.signal,
        onWait: (troubles) => void awayPeers.push(...troubles.map(({ peer }) => peer)),
      },
    );
    starting.catch(() => undefined); // rejects when the test aborts it
    await eventually(() => awayPeers.includes('bus'), {
      withinMs: 20_000,
      what: 'the wait is told',
    });
    waiting.abort();
    await assert.rejects(starting);
  });

  it('speaks TLS, and takes a new certificate while it runs', async () => {
    const authority = await createTestAuthority(folder);
    const { certFile, keyFile } = await authority.sign('first', 1);
    const process = await started(['glance'], {
      COBALT_LISTEN__CERT_FILE: certFile,
      COBALT_LISTEN__KEY_FILE: keyFile,
    });
    assert.equal(await commonName(port), 'first');
    const second = await authority.sign('second', 1);
    await rename(second.keyFile, keyFile);
    await rename(second.certFile, certFile);
    await eventually(async () => (await commonName(port)) === 'second', {
      withinMs: 30_000,
      everyMs: 250,
      what: 'the new certificate is served',
    });
    await writeFile(certFile, 'no certificate');
    await systemClock.sleep(100);
    assert.equal(await commonName(port), 'second', 'a wrong one leaves the old in use');
    await end(process);
  });
});

const commonName = async (port: number): Promise<string> =>
  await new Promise((resolve, reject) => {
    const healthRequest = request(
      { host: '127.0.0.1', port, path: '/healthz', rejectUnauthorized: false, agent: false },
      (response) => {
        const socket = response.socket as TLSSocket; // cast: the request was https
        const { subject } = socket.getPeerCertificate();
        response.resume();
        resolve(String(subject.CN));
      },
    );
    healthRequest.on('error', reject).end();
  });
