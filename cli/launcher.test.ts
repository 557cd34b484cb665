// Tests the launcher ./cobalt in a folder of its own, with a CLI that prints its arguments, a list
// of packages, and an apt-get that only records its calls.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { SpawnSyncReturns } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

describe('./cobalt', () => {
  const dir = mkdtempSync('/tmp/cc-launcher-');
  after(() => rmSync(dir, { recursive: true }));
  const runtime = `repo/node_modules/node-linux-${process.arch}/bin`;
  for (const folder of ['repo/cli', runtime, 'bin'])
    mkdirSync(join(dir, folder), { recursive: true });
  copyFileSync(join(import.meta.dirname, '../cobalt'), join(dir, 'repo/cobalt'));
  writeFileSync(
    join(dir, 'repo/cli/main.ts'),
    'console.log(JSON.stringify(process.argv.slice(2)));',
  );
  writeFileSync(join(dir, 'repo/package-lock.json'), '{}');
  symlinkSync(process.execPath, join(dir, runtime, 'node'));
  symlinkSync(join(dir, 'repo/cobalt'), join(dir, 'bin/cobalt'));
  writeFileSync(
    join(dir, 'repo/node_modules/.cobalt-stamp'),
    spawnSync('sha256sum', { input: '{}', encoding: 'utf8' }).stdout,
  );
  writeFileSync(
    join(dir, 'bin/apt-get'),
    `#!/bin/sh\necho "$@" >>${dir}/apt.log\n[ ! -e ${dir}/apt-fails ]\n`,
  );
  chmodSync(join(dir, 'bin/apt-get'), 0o755);

  function cobalt(
    packages: string,
    ...args: string[]
  ): { status: number | null; stdout: string; stderr: string; apt: string[]; ms: number } {
    writeFileSync(join(dir, 'repo/cli/debian-packages.txt'), packages);
    writeFileSync(join(dir, 'apt.log'), '');
    const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env.PATH}` };
    const startedAt = performance.now();
    const { status, stdout, stderr } = spawnSync(join(dir, 'bin/cobalt'), args, {
      encoding: 'utf8',
      env,
      timeout: 60_000,
    });
    const apt = readFileSync(join(dir, 'apt.log'), 'utf8').split('\n').filter(Boolean);
    return { status, stdout, stderr, apt, ms: performance.now() - startedAt };
  }

  test('finds itself through a link, hands the arguments on as they are, and takes no time', () => {
    const runs = [1, 2, 3].map(() => cobalt('bash up shell\n', 'status', '--json', 'a b', ''));
    for (const run of runs)
      assert.deepEqual(
        [run.status, run.stdout, run.stderr, run.apt],
        [0, '["status","--json","a b",""]\n', '', []],
      );
    assert.ok(Math.min(...runs.map(({ ms }) => ms)) < 500);
  });

  const list = '# comment\n\nbash up,test shell\ncc-missing-one up,test x\ncc-missing-two test y\n';
  const root = { skip: process.getuid?.() === 0 ? false : 'needs root' };

  test(
    'installs what the command lacks, without a question where there is no terminal',
    root,
    () => {
      const up = cobalt(list, 'up', '-y', '--detach');
      assert.equal(up.stdout, '["up","--detach"]\n');
      assert.match(up.stderr, /installing Debian packages: cc-missing-one$/m);
      assert.match(up.apt.at(-1) ?? '', /install --no-install-recommends cc-missing-one$/);
      assert.match(
        cobalt(list, 'test').apt.at(-1) ?? '',
        /install --no-install-recommends cc-missing-one cc-missing-two$/,
      );
    },
  );

  test('installs nothing for help, for simulated hosts, and for commands that need no packages', () => {
    for (const args of [
      ['up', '--help'],
      ['up', '--hosts', '0'],
      ['up', '--hosts=0', '--simulated', '3'],
      ['doctor'],
      ['--help'],
      [],
    ])
      assert.deepEqual(cobalt(list, ...args).apt, [], args.join(' '));
  });

  test('npm runs once, under our own Node where the machine has an old one, which is checked against the lock', () => {
    const repo = join(dir, 'fresh');
    const name = `node-linux-${process.arch}`;
    for (const folder of ['cli', 'tools', 'pack/package/bin'])
      mkdirSync(join(repo, folder), { recursive: true });
    copyFileSync(join(import.meta.dirname, '../cobalt'), join(repo, 'cobalt'));
    writeFileSync(join(repo, 'cli/main.ts'), 'console.log("started");');
    writeFileSync(join(repo, 'cli/debian-packages.txt'), '');
    writeFileSync(
      join(repo, 'pack/package/bin/node'),
      `#!/bin/sh\nexec ${process.execPath} "$@"\n`,
      { mode: 0o755 },
    );
    spawnSync('tar', ['-C', join(repo, 'pack'), '-czf', join(repo, 'node.tgz'), 'package']);
    const integrity = `sha512-${createHash('sha512')
      .update(readFileSync(join(repo, 'node.tgz')))
      .digest('base64')}`;
    const lock = (text: string): void =>
      writeFileSync(
        join(repo, 'package-lock.json'),
        JSON.stringify({
          packages: { [`node_modules/${name}`]: { version: '24.0.0', integrity: text } },
        }),
      );
    // An old Node, and an npm that records its arguments and which Node is first in its PATH.
    writeFileSync(
      join(repo, 'tools/node'),
      `#!/bin/sh\ncase "$*" in *process.versions.node*) echo 18;; *) exec ${process.execPath} "$@";; esac\n`,
      { mode: 0o755 },
    );
    writeFileSync(
      join(repo, 'tools/npm'),
      `#!/bin/sh\necho "$1 under $(command -v node)" >>${repo}/npm.log
case $1 in pack) cp ${repo}/node.tgz "$4/${name}-24.0.0.tgz";; ci) mkdir -p node_modules/${name}/bin && cp ${repo}/pack/package/bin/node node_modules/${name}/bin/node;; esac\n`,
      { mode: 0o755 },
    );
    const run = (): SpawnSyncReturns<string> =>
      spawnSync(join(repo, 'cobalt'), ['status'], {
        encoding: 'utf8',
        env: { ...process.env, PATH: `${join(repo, 'tools')}:${process.env.PATH}` },
        timeout: 60_000,
      });

    lock('sha512-other');
    const refusal = run();
    assert.deepEqual([refusal.status, refusal.stdout], [1, '']);
    assert.match(refusal.stderr, /is not what package-lock\.json says/);
    lock(integrity);
    writeFileSync(join(repo, 'npm.log'), '');
    const first = run();
    assert.deepEqual([first.status, first.stdout], [0, 'started\n'], first.stderr);
    const calls = readFileSync(join(repo, 'npm.log'), 'utf8').trim().split('\n');
    assert.deepEqual(
      calls.map((line) => line.split(' ')[0]),
      ['pack', 'ci'],
    );
    assert.doesNotMatch(calls[1] ?? '', new RegExp(join(repo, 'tools')));
    assert.equal(run().stderr, '', 'the second time there is nothing to install');
  });

  test(
    'when apt fails it fetches fresh lists once, then says what to do and does not start the CLI',
    root,
    () => {
      writeFileSync(join(dir, 'apt-fails'), '');
      const run = cobalt(list, 'up');
      rmSync(join(dir, 'apt-fails'));
      assert.equal(run.status, 1);
      assert.equal(run.stdout, '');
      assert.match(run.stderr, /mend apt/);
      assert.ok(run.apt.some((line) => line.endsWith('update')));
    },
  );
});
