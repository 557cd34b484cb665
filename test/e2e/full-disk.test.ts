// A cloud whose disk is filled to the last byte under load: it stays up, refuses writes with the
// reason, still answers reads, and is consistent when there is space again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connectCloud } from '#cli/cloud-client.ts';
import type { CloudClient } from '#cli/cloud-client.ts';
import { homePaths, readSecrets } from '#compose/home.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { repository } from './cloud.testing.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root (a file system of its own)';

describe('a full disk', { skip, timeout: 180_000 }, () => {
  const mount = ownedFolder('/var/tmp/cc-full-');
  const home = join(mount, 'home');
  const ballast = join(mount, 'ballast');
  const cobalt = (...words: string[]): string =>
    execFileSync(join(repository, 'cobalt'), [...words, '--home', home], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const failing = (...words: string[]): { status: number; text: string } => {
    try {
      return { status: 0, text: cobalt(...words) };
    } catch (error) {
      const { status, stdout } = error as { status: number; stdout: string };
      return { status, text: stdout };
    }
  };
  let admin: CloudClient;
  let pid: number;

  before(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', mount]);
    const port = await freePort();
    cobalt('up', '--detach', '--hosts', '0', '--simulated', '3', '--port', String(port));
    admin = await connectCloud(`http://127.0.0.1:${port}`, {
      name: 'admin',
      password: (await readSecrets(home)).admin,
      project: 'admin',
    });
    pid = controlPid();
  });
  after(() => {
    failing('down', '--purge');
    execFileSync('umount', ['-l', mount]);
    removeOwnedFolder(mount);
  });

  const controlPid = (): number =>
    (JSON.parse(failing('status', '--json').text) as { control: { pid: number } }).control.pid;
  const create = async (name: string) =>
    await admin.send('compute', 'POST', '/v2.1/servers', {
      server: { name, imageRef: imageId, flavorRef: '42', networks: 'none' },
    });
  let imageId = '';

  /** Fills the file system to its last byte with one file. */
  function fill(): void {
    const file = openSync(ballast, 'a');
    try {
      for (let size = 1024 * 1024; size >= 1;) {
        try {
          if (writeSync(file, Buffer.alloc(size, 1)) < size) size = Math.floor(size / 2);
        } catch {
          size = Math.floor(size / 2);
        }
      }
    } finally {
      closeSync(file);
    }
  }

  it('filled under load refuses changes with 507 and the reason, in the form of each service, never with a 500', async () => {
    imageId =
      (await admin.ask<{ images: { id: string }[] }>('image', 'GET', '/v2/images')).images[0]?.id ??
      '';
    const answers: { status: number; body: unknown }[] = [];
    let filled = false;
    const load = Array.from({ length: 4 }, async (_, client) => {
      for (let turn = 0; turn < 60 || !filled; turn += 1)
        answers.push(await create(`s-${client}-${turn}`));
    });
    fill();
    await eventually(
      async () => {
        fill(); // the databases' logs free pages now and then
        return answers.some(({ status }) => status === 507);
      },
      { withinMs: 60_000, what: 'a refusal for want of space' },
    );
    filled = true;
    await Promise.all(load);
    const unexpected = answers.filter(({ status }) => ![202, 507, 503, 403].includes(status));
    assert.deepEqual(unexpected, []);
    const refusal = answers.find(({ status }) => status === 507);
    assert.match(JSON.stringify(refusal?.body), /disk of this cloud is full/);
    const volumeAnswers = [
      await admin.send('network', 'POST', '/v2.0/networks', { network: { name: 'n' } }),
      await admin.send('volume', 'POST', '/v3/volumes', { volume: { size: 1 } }),
      await admin.send('image', 'POST', '/v2/images', { name: 'i' }),
      await admin.send('identity', 'POST', '/v3/projects', { project: { name: 'p' } }),
    ];
    for (const { status, body } of volumeAnswers)
      assert.ok([201, 202, 507].includes(status), `${status} ${JSON.stringify(body)}`);
  });

  it('goes on reading, is the same process, and says so in status', async () => {
    fill();
    for (const [service, path] of [
      ['compute', '/v2.1/servers/detail'],
      ['network', '/v2.0/networks'],
      ['volume', '/v3/volumes'],
      ['image', '/v2/images'],
      ['identity', '/v3/projects'],
    ] as const) {
      assert.equal((await admin.send(service, 'GET', path)).status, 200, path);
    }
    const { status, text } = failing('status');
    assert.equal(status, 4);
    assert.match(text, /✗ the disk of .* is full/);
    assert.equal(controlPid(), pid);
  });

  it('takes changes again when there is space, and nothing is left half done', async () => {
    rmSync(ballast);
    const name = `after-${Date.now()}`;
    await eventually(async () => (await create(name)).status === 202, {
      withinMs: 30_000,
      what: 'a server is accepted again',
    });
    await eventually(
      () =>
        /✓ no differences \(\d+ servers, 0 of them busy/.test(failing('doctor', '--audit').text),
      { withinMs: 90_000, everyMs: 500, what: 'the audit finds nothing' },
    ).catch((cause: unknown) =>
      assert.fail(`${failing('doctor', '--audit').text}\n${String(cause)}`),
    );
    const { servers } = await admin.ask<{ servers: { status: string }[] }>(
      'compute',
      'GET',
      '/v2.1/servers/detail?all_tenants=1',
    );
    assert.deepEqual(
      servers.filter(({ status }) => !['ACTIVE', 'ERROR'].includes(status)),
      [],
    );
    assert.equal(controlPid(), pid);
    assert.match(await readFile(homePaths(home).controlLog, 'utf8'), /agent ready/);
  });
});
