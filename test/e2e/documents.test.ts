// Runs the commands of README.md and of docs/how-to as they are printed, twice in a row, against a
// real cloud. Takes 10 to 20 minutes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { defaultChoices, keepChoices } from '#cli/choices.ts';
import { homePaths } from '#compose/home.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { realCloudMissing, repository } from './cloud.testing.ts';
import { commandBlocks, documentsInOrder, scriptOf } from './documents.testing.ts';
import type { Substitute } from './documents.testing.ts';

const run = promisify(execFile);
/** Against a hang: emulated guests on a busy machine are slow. */
const documentTimeoutMs = 900_000;

const substitutes: Substitute[] = [
  {
    pattern: /^git clone <this repository> cobaltcore && cd cobaltcore$/,
    command: `mkdir -p cobaltcore && ln -sf ${repository}/cobalt cobaltcore/cobalt && cd cobaltcore`,
    reason: 'the repository under test',
  },
  {
    pattern: /^apt-get install -y python3-openstackclient/,
    command: 'command -v openstack',
    reason: './cobalt test has installed it',
  },
];

describe('the documents', () => {
  it('have their commands read: fences, outputs and what is not run are told apart', () => {
    const text =
      '# t\n```console\n$ a\nout\n$ b   # why\n```\n```sh\n$ no\n```\n```console\n# not run by the tests: a browser\n$ c\n```\n';
    const blocks = commandBlocks(text);
    assert.deepEqual(blocks, [
      {
        line: 2,
        commands: [
          { line: 3, text: 'a' },
          { line: 5, text: 'b   # why' },
        ],
        notRun: undefined,
      },
      { line: 10, commands: [{ line: 12, text: 'c' }], notRun: 'a browser' },
    ]);
    assert.doesNotMatch(scriptOf('t', blocks, []), /\[t:12\]/);
  });

  it('fail with the place of the first command that fails', async () => {
    const blocks = commandBlocks(
      '```console\n$ true\n$ echo "it\'s" && false\n$ echo never\n```\n',
    );
    const failed: { code: number; stdout: string } = await run('bash', [
      '-c',
      scriptOf('t.md', blocks, []),
    ]).then(
      () => assert.fail('it passed'),
      (error: { code: number; stdout: string }) => error,
    );
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /it's\nFAILED at t\.md:3: echo "it's" && false\nexit code 1\n$/);
    assert.doesNotMatch(failed.stdout, /never/);
  });
});

describe('the commands of the documents, as printed, twice', { skip: realCloudMissing() }, () => {
  let folder = '';
  let env: NodeJS.ProcessEnv = {};

  before(async () => {
    // not below /tmp's long names: a Unix socket's path has 107 bytes
    folder = ownedFolder('/var/tmp/cd-');
    const home = join(folder, 'home');
    await mkdir(home, { mode: 0o700 });
    // The port was chosen by an earlier `up`, so that the commands can be run as they are printed.
    await keepChoices(homePaths(home).choices, { ...defaultChoices, port: await freePort() });
    const { OS_CLOUD: _cloud, ...rest } = process.env;
    env = { ...rest, COBALT_HOME: home, COBALT_YES: '1', HOME: folder, TERM: 'dumb' };
  });
  after(async () => {
    await run(join(repository, 'cobalt'), ['down', '--purge', '--now'], { env, timeout: 120_000 });
    removeOwnedFolder(folder);
  });

  for (const name of documentsInOrder) {
    it(name, { timeout: 2 * documentTimeoutMs }, async (t) => {
      const text = await readFile(
        join(repository, name === 'README.md' ? name : `docs/how-to/${name}`),
        'utf8',
      );
      const blocks = commandBlocks(text);
      const skipped = blocks.filter(({ notRun }) => notRun !== undefined);
      t.diagnostic(
        `${name}: ${blocks.length - skipped.length} blocks run, ${skipped.length} not run`,
      );
      for (const { line, notRun } of skipped) t.diagnostic(`  not run: line ${line}: ${notRun}`);
      if (skipped.length === blocks.length) return;
      const cwd = join(folder, name.replace('.md', ''));
      await mkdir(cwd);
      await symlink(join(repository, 'cobalt'), join(cwd, 'cobalt'));
      const script = join(folder, `${name}.sh`);
      await writeFile(script, scriptOf(name, blocks, substitutes));
      for (const time of ['first', 'second']) {
        const ran = run('bash', [script], {
          cwd,
          env,
          timeout: documentTimeoutMs,
          maxBuffer: 16 * 1024 * 1024,
        });
        ran.child.stdin?.end();
        const failed = await ran.then(
          () => undefined,
          (error: { stdout: string; stderr: string }) => error,
        );
        if (failed)
          assert.fail(
            `the ${time} run of ${name} failed:\n${failed.stdout.slice(-6000)}\n${failed.stderr.slice(-3000)}`,
          );
      }
    });
  }
});
