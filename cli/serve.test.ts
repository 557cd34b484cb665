// The exit codes of `cobalt serve`, by which systemd and Kubernetes decide about a restart.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startChild } from '#platform/child-process.ts';
import { eventually } from '#platform/testing/eventually.ts';

const main = join(import.meta.dirname, 'main.ts');

describe('cobalt serve', () => {
  let folder: string;
  before(async () => void (folder = await mkdtemp(join(tmpdir(), 'cobalt-serve-cli-'))));
  after(async () => await rm(folder, { recursive: true }));

  async function start(settings: string) {
    await writeFile(join(folder, 'cobalt.yaml'), settings);
    return startChild([process.execPath, main, 'serve', 'keystone', '--home', folder], {
      timeoutMs: 60_000,
      env: { PATH: process.env['PATH'] },
    });
  }

  it('ends with 78 for what another start would not change, and names it', async () => {
    const { code, stderr } = await (await start('bus:\n  hots: a\n')).ended;
    assert.equal(code, 78);
    assert.match(stderr, /bus\.hots is no setting of this release; allowed are hosts, tls, user/);
  });

  it('ends with 75 when it is told to while it waits for a database', async () => {
    const child = await start('mariadb: {host: 127.0.0.1, port: 1}\n');
    let output = '';
    child.process.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()));
    await eventually(() => output.includes('waiting for peers'), {
      withinMs: 30_000,
      what: 'it waits',
    });
    child.process.kill('SIGTERM');
    assert.equal((await child.ended).code, 75);
    assert.match(output, /database keystone.*ECONNREFUSED/);
  });
});
