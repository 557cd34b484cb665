// What a process reports when a real RabbitMQ and a real MariaDB that accept only TLS show a
// trusted, an unknown or an expired certificate.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { createConnection } from 'mysql2/promise';
import type { PrivateRabbitmq } from '#platform/bus/amqp/rabbitmq.testing.ts';
import { rabbitmqMissing, startRabbitmq } from '#platform/bus/amqp/rabbitmq.testing.ts';
import { systemClock } from '#platform/clock.ts';
import type { PrivateMariadb } from '#platform/db/mariadb.testing.ts';
import { mariadbMissing, startMariadb } from '#platform/db/mariadb.testing.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { TestAuthority } from '#platform/testing/certificates.ts';
import { createTestAuthority } from '#platform/testing/certificates.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { homePaths } from './home.ts';
import type { Peers } from './peers.ts';
import { connectPeers } from './peers.ts';
import { readProcessConfig } from './process-config.ts';

const skip = (await rabbitmqMissing()) || (await mariadbMissing());

describe('broker and database by TLS', { skip }, () => {
  let folder: string;
  let authority: TestAuthority;
  let rabbitmq: PrivateRabbitmq;
  let mariadb: PrivateMariadb;
  let mariadbPort: number;
  const connected: Peers[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cobalt-tls-'));
    authority = await createTestAuthority(folder);
    const server = await authority.sign('server', 1);
    mariadbPort = await freePort();
    rabbitmq = await startRabbitmq(server);
    mariadb = await startMariadb([
      '--bind-address=127.0.0.1',
      `--port=${mariadbPort}`,
      `--ssl-cert=${server.certFile}`,
      `--ssl-key=${server.keyFile}`,
      '--require-secure-transport=on',
    ]);
    await mariadb.createDatabase('cobalt_keystone');
    const admin = await createConnection({ socketPath: mariadb.socketPath, user: 'root' });
    await admin.query("create user cobalt@'%' identified by '' require ssl");
    await admin.query("grant all on *.* to cobalt@'%'");
    await admin.end();
  });
  after(async () => {
    for (const peers of connected) await peers.close();
    await rabbitmq.stop();
    await mariadb.stop();
    await rm(folder, { recursive: true });
  });

  async function connect(env: Record<string, string>): Promise<Peers> {
    const { value } = await readProcessConfig(join(folder, 'cobalt.yaml'), {
      COBALT_BUS__HOSTS: rabbitmq.options.hosts.join(','),
      COBALT_BUS__TLS: 'true',
      COBALT_MARIADB__HOST: '127.0.0.1',
      COBALT_MARIADB__PORT: String(mariadbPort),
      COBALT_MARIADB__TLS: 'true',
      ...env,
    });
    const peers = await connectPeers({
      config: value,
      home: homePaths(folder),
      clock: systemClock,
      ids: systemIds,
      log: silentLog,
    });
    connected.push(peers);
    return peers;
  }

  /** What each peer reports once the connection to the broker was tried. */
  async function troubles(peers: Peers): Promise<Record<string, string | undefined>> {
    const say = async () =>
      Object.fromEntries(
        await Promise.all(
          peers
            .of(['keystone'])
            .map(
              async ({ name, trouble }) =>
                [name, await trouble().catch((error: Error) => error.message)] as const,
            ),
        ),
      ) as Record<string, string | undefined>;
    return await eventually(
      async () => {
        const answers = await say();
        return answers['bus'] === 'not connected yet' ? undefined : answers;
      },
      { withinMs: 20_000, what: 'the broker was tried' },
    );
  }

  it('an authority that is not trusted is refused by both', async () => {
    const { bus, 'database keystone': database } = await troubles(await connect({}));
    assert.match(bus ?? '', /unable to verify|self-signed/);
    assert.match(database ?? '', /unable to verify|self-signed/);
  });

  it('a certificate that has expired is called that', async () => {
    const { certFile, keyFile } = await authority.sign('old', 0);
    await systemClock.sleep(1_100);
    const server = createServer({ cert: await readFile(certFile), key: await readFile(keyFile) });
    server.on('tlsClientError', () => undefined); // the client aborts the handshake
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const peers = await connect({
      COBALT_BUS__HOSTS: `127.0.0.1:${address.port}`,
      COBALT_TLS__CA_FILE: authority.caFile,
    });
    assert.match((await troubles(peers))['bus'] ?? '', /certificate has expired/);
    server.close();
  });

  it('an authority that is named is trusted by both', async () => {
    const guest = join(folder, 'guest');
    await writeFile(guest, 'guest\n');
    const peers = await connect({
      COBALT_TLS__CA_FILE: authority.caFile,
      COBALT_BUS__USER: 'guest',
      COBALT_BUS__PASSWORD_FILE: guest,
    });
    assert.deepEqual(await troubles(peers), { bus: undefined, 'database keystone': undefined });
  });

  it('a file without certificates is refused by its setting', async () => {
    await assert.rejects(connect({ COBALT_TLS__CA_FILE: '/nowhere' }), /tls\.caFile: \/nowhere: /);
    await assert.rejects(
      connect({ COBALT_TLS__CA_FILE: join(folder, 'guest') }),
      /tls\.caFile: .*guest: /,
    );
  });
});
