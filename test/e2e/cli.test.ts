// What a person meets at the terminal: help, suggestions, and clear words for everything that can be in the way. Simulated hosts only.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '#platform/testing/free-port.ts';
import { repository } from './cloud.testing.ts';

interface Ended { code: number; stdout: string; stderr: string }

describe('the cobalt command', () => {
  let folder = '';
  const home = (name: string): string => join(folder, name);
  const cobalt = async (...words: string[]): Promise<Ended> =>
    await new Promise((resolve) => {
      execFile(join(repository, 'cobalt'), words, { timeout: 120_000, env: { ...process.env, COBALT_YES: '1' } }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }));
    });
  const up = async (name: string, port: number, ...words: string[]): Promise<Ended> => await cobalt('up', '--detach', '--hosts', '0', '--simulated', '1', '--home', home(name), '--port', String(port), ...words);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cobalt-cli-'));
  });
  after(async () => {
    for (const name of ['one', 'two', 'old', 'wrong']) await cobalt('down', '--purge', '--home', home(name));
    await rm(folder, { recursive: true, force: true });
  });

  it('has help with examples for every command', async () => {
    const { stdout } = await cobalt('--help');
    const names = [...stdout.matchAll(/^ {2}([a-z]+) {3,}/gm)].map((match) => match[1] ?? '');
    assert.deepEqual(names, ['up', 'down', 'status', 'openrc', 'doctor', 'test', 'check', 'bench']);
    for (const name of names) {
      const help = await cobalt(name, '--help');
      assert.equal(help.code, 0, name);
      assert.match(help.stdout, /Examples:\n {2}(\.\/cobalt|source)/, name);
    }
  });

  it('suggests the word that was meant', async () => {
    const { code, stderr } = await cobalt('stauts');
    assert.equal(code, 1);
    assert.match(stderr, /unknown command 'stauts'\n\(Did you mean status\?\)/);
  });

  it('says what an option takes', async () => {
    const { code, stderr } = await cobalt('up', '--simulated', 'many');
    assert.equal(code, 1);
    assert.match(stderr, /--simulated <n>.*whole number from 0 to 5000/);
  });

  it('comes up, refuses a second one, shows its state, goes down', async () => {
    const port = await freePort();
    assert.equal((await up('one', port)).code, 0);
    const second = await up('one', await freePort());
    assert.equal(second.code, 1);
    assert.match(second.stderr, /already runs in .*\/one \(process \d+, port \d+\)/);
    const status = await cobalt('status', '--home', home('one'));
    assert.equal(status.code, 0, status.stdout + status.stderr);
    assert.match(status.stdout, /nova-compute +sim0001 +enabled +up/);
    assert.match(status.stdout, /cinder-volume +\S+ +enabled +up/);
    assert.match(status.stdout, /volume +http:\S+\/volume\/v3/);
    assert.equal((await cobalt('doctor', '--audit', '--home', home('one'))).code, 0);
    assert.match((await cobalt('down', '--home', home('one'))).stdout, /control plane stopped/);
    assert.equal((await cobalt('status', '--home', home('one'))).code, 3);
  });

  it('names a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { code, stderr } = await up('two', port);
    other.close();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`Port ${port} is taken`));
  });

  it('does not touch a state folder of another release', async () => {
    await up('old', await freePort());
    await cobalt('down', '--home', home('old'));
    await writeFile(join(home('old'), 'version'), '99\n');
    const { code, stderr } = await up('old', await freePort());
    assert.equal(code, 1);
    assert.match(stderr, /is of version 99, this release writes version 1/);
  });

  it('names the wrong line of a configuration file', async () => {
    await up('wrong', await freePort());
    await cobalt('down', '--home', home('wrong'));
    await writeFile(join(home('wrong'), 'cobalt.yaml'), 'nova:\n  shutdownTimeoutMs: soon\n');
    const { code, stderr } = await up('wrong', await freePort());
    assert.equal(code, 1);
    assert.match(stderr, /nova\.shutdownTimeoutMs must be integer/);
  });

  it('says so when there is nothing', async () => {
    assert.match((await cobalt('down', '--home', home('none'))).stdout, /Nothing to stop/);
    assert.match((await cobalt('openrc', '--home', home('none'))).stderr, /No cloud was ever started/);
    assert.match((await cobalt('doctor', '--audit', '--home', home('none'))).stdout, /Nothing to audit/);
    assert.equal((await cobalt('test', 'no-such-test')).code, 1);
  });
});
