// A start whose guest images cannot be built: the step reports the reason, the exit code shows it,
// and the images are built once the mirror is back.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { connectCloud } from '#cli/cloud-client.ts';
import { readSecrets } from '#compose/home.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { realCloudMissing, repository } from './cloud.testing.ts';

describe('a step of the start that fails', { skip: realCloudMissing(), timeout: 400_000 }, () => {
  const dir = ownedFolder('/var/tmp/cc-step-');
  const [home, bin, mirrorIsBack] = [
    join(dir, 'home'),
    join(dir, 'bin'),
    join(dir, 'mirror-is-back'),
  ];
  const cobalt = async (...words: string[]): Promise<{ code: number; stdout: string }> =>
    await new Promise((resolve) => {
      execFile(
        join(repository, 'cobalt'),
        [...words, '--home', home],
        { env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` }, timeout: 200_000 },
        (error, stdout) => resolve({ code: error ? Number(error.code) : 0, stdout }),
      );
    });
  after(async () => {
    await cobalt('down', '--purge');
    removeOwnedFolder(dir);
  });

  it('is marked, says why, is told by the exit code, and is made good by itself', async () => {
    mkdirSync(bin);
    for (const tool of ['apt-cache', 'apt-get']) {
      writeFileSync(
        join(bin, tool),
        `#!/bin/sh\n[ ! -e ${mirrorIsBack} ] || exec /usr/bin/${tool} "$@"\necho 'E: the mirror is away' >&2\nexit 100\n`,
      );
      chmodSync(join(bin, tool), 0o755);
    }
    const port = await freePort();
    const { code, stdout } = await cobalt('up', '--detach', '--hosts', '1', '--port', String(port));
    assert.equal(code, 2, stdout);
    assert.match(
      stdout,
      /✗ guest images .*\n.*could not be built: apt-(get|cache) .*\n?.*E: the mirror is away/,
    );
    assert.match(stdout, /tried again every \d+ s/);
    assert.match(stdout, /✓ hosts \(1 real/);
    writeFileSync(mirrorIsBack, '');
    const admin = await connectCloud(`http://127.0.0.1:${port}`, {
      name: 'admin',
      password: (await readSecrets(home)).admin,
      project: 'admin',
    });
    const names = async (): Promise<string[]> =>
      (
        await admin.ask<{ images: { name: string }[] }>('image', 'GET', '/v2/images?status=active')
      ).images.map(({ name }) => name);
    await eventually(async () => (await names()).includes('tiny-disk'), {
      withinMs: 180_000,
      everyMs: 500,
      what: 'the images are there',
    });
  });
});
