// What a user of the CLI sees: help, suggestions, and a clear error for every obstacle. Simulated
// hosts only.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { repository } from './cloud.testing.ts';

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

describe('the cobalt command', () => {
  let folder = '';
  const home = (name: string): string => join(folder, name);
  const cobalt = async (...words: string[]): Promise<Ended> =>
    await new Promise((resolve) => {
      execFile(
        join(repository, 'cobalt'),
        words,
        { timeout: 120_000, env: { ...process.env, COBALT_YES: '1' } },
        (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  const up = async (name: string, port: number, ...words: string[]): Promise<Ended> =>
    await cobalt(
      'up',
      '--detach',
      '--hosts',
      '0',
      '--simulated',
      '1',
      '--home',
      home(name),
      '--port',
      String(port),
      ...words,
    );

  before(async () => {
    folder = ownedFolder(join(tmpdir(), 'cobalt-cli-'));
  });
  after(async () => {
    for (const name of ['one', 'two', 'old', 'wrong'])
      await cobalt('down', '--purge', '--home', home(name));
    removeOwnedFolder(folder);
  });

  it('has help with examples for every command', async () => {
    const { stdout } = await cobalt('--help');
    const names = [...stdout.matchAll(/^ {2}([a-z]+) {3,}/gm)].map((match) => match[1] ?? '');
    assert.deepEqual(names, [
      'up',
      'down',
      'restart',
      'host',
      'evict',
      'ha',
      'image',
      'status',
      'explain',
      'rebalance',
      'openrc',
      'kubeconfig',
      'doctor',
      'serve',
      'migrate',
      'keys',
      'config',
      'test',
      'check',
      'bench',
      'completion',
    ]);
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

  it('comes up once where two are started on one new folder at once', async () => {
    const runs = await Promise.all([up('one', await freePort()), up('one', await freePort())]);
    assert.deepEqual(
      runs.map(({ code }) => code).sort(),
      [0, 1],
      runs.map(({ stderr }) => stderr).join(),
    );
    assert.match(
      runs.find(({ code }) => code === 1)?.stderr ?? '',
      /already runs in .*\/one|is being started there/,
    );
    assert.equal(
      (await cobalt('status', '--home', home('one'))).code,
      0,
      'the one that is up is known',
    );
    assert.match(
      (await cobalt('down', '--purge', '--home', home('one'))).stdout,
      /control plane stopped/,
    );
  });

  it('comes up, refuses a second one, shows its state, goes down', async () => {
    const port = await freePort();
    assert.equal((await up('one', port)).code, 0);
    const second = await up('one', await freePort());
    assert.equal(second.code, 1);
    assert.match(second.stderr, /already runs in .*\/one \(process \d+, port \d+\)/);
    const repeated = await cobalt('up', '--detach', '--home', home('one'));
    assert.equal(repeated.code, 0, repeated.stderr);
    assert.match(
      repeated.stdout,
      new RegExp(`runs already \\(process \\d+, http://127.0.0.1:${port}\\)`),
    );
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
    assert.match(
      stderr,
      new RegExp(`Port ${port} is taken by another program \\(process ${process.pid}: `),
    );
    assert.equal(existsSync(home('two')), false, 'nothing was made before the port was looked at');
  });

  it('comes back on its own port, and names the cloud that has a port', async () => {
    const port = await freePort();
    await up('one', port);
    await cobalt('down', '--home', home('one'));
    const again = await cobalt('up', '--detach', '--home', home('one'));
    assert.match(again.stdout, new RegExp(`http://127.0.0.1:${port}\\.`));
    assert.match(again.stdout, /hosts \(0 real, 1 simulated\)/);
    const other = await up('two', port);
    assert.match(
      other.stderr,
      new RegExp(
        `Port ${port} is taken by another cloud of CobaltCore \\(process \\d+, state in ${home('one')};`,
      ),
    );
    assert.match(
      (await cobalt('restart', '--home', home('one'))).stdout,
      new RegExp(`control plane stopped[^]*http://127.0.0.1:${port}\\.`),
    );
    await cobalt('down', '--home', home('one'));
  });

  it('is started again when it dies, says so, and stays down when it is told to', async () => {
    await up('one', await freePort());
    const control = async () =>
      JSON.parse((await cobalt('status', '--json', '--home', home('one'))).stdout) as {
        control?: { pid: number; ready: boolean };
        restarts?: { count: number };
      };
    for (const count of [1, 2]) {
      const { control: before } = await control();
      process.kill(before?.pid ?? 0, 'SIGKILL');
      await eventually(
        async () => {
          const now = await control().catch(() => undefined);
          return (
            now?.control?.ready === true &&
            now.control.pid !== before?.pid &&
            now.restarts?.count === count
          );
        },
        { withinMs: 60_000, everyMs: 200, what: `restart ${count}` },
      );
    }
    assert.match(
      (await cobalt('status', '--home', home('one'))).stdout,
      /started again by itself: its control plane died 2 times, last at \S+ with exit code 137/,
    );
    assert.match((await cobalt('down', '--home', home('one'))).stdout, /control plane stopped/);
    assert.equal((await cobalt('status', '--home', home('one'))).code, 3);
  });

  it('ends at once and in peace when nobody reads on', async () => {
    const { stdout } = await new Promise<Ended>((resolve) =>
      execFile(
        'bash',
        [
          '-c',
          `${join(repository, 'cobalt')} doctor --home ${home('one')} | head -1; echo \${PIPESTATUS[0]}`,
        ],
        (error, out, err) => resolve({ code: error ? 1 : 0, stdout: out, stderr: err }),
      ),
    );
    assert.match(stdout, /rights[^\n]*\n0\n$/);
  });

  it('does not touch a state folder of another release', async () => {
    await up('old', await freePort());
    await cobalt('down', '--home', home('old'));
    await writeFile(join(home('old'), 'version'), '99\n');
    const { code, stderr } = await up('old', await freePort());
    assert.equal(code, 1);
    assert.match(stderr, /is of version 99, this release writes version 1/);
  });

  it('does not hide the servers of a cloud behind the empty databases of another form', async () => {
    await up('one', await freePort());
    await cobalt('down', '--home', home('one'));
    const { code, stderr } = await cobalt('up', '--distributed', '--home', home('one'));
    assert.equal(code, 1);
    assert.match(stderr, /runs as one process.*--home, or begin anew with --reset/);
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
    for (const words of [
      ['down'],
      ['status'],
      ['openrc'],
      ['restart'],
      ['doctor', '--audit'],
      ['host', 'list'],
      ['image', 'build', 'debian'],
    ]) {
      const { code, stdout, stderr } = await cobalt(...words, '--home', home('none'));
      assert.deepEqual([code, stdout], [1, ''], words.join(' '));
      assert.match(
        stderr,
        /There is no state folder .*\/none: no cloud was ever started there/,
        words.join(' '),
      );
    }
    assert.equal((await cobalt('test', 'no-such-test')).code, 1);
  });
});
