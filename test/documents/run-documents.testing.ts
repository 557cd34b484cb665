// Runs the commands of documents as they are printed, against a real cloud. Used by
// documents.test.ts and e2e/readme.test.ts.
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
import { realCloudMissing, repository } from '../e2e/cloud.testing.ts';
import { commandBlocks, scriptOf } from './commands-of-documents.ts';
import type { Substitute } from './commands-of-documents.ts';

const run = promisify(execFile);
/** A limit against hanging only: emulated guests on a busy machine are slow. */
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

/** Runs the documents one after the other in one cloud, each `times` times in a row. */
export function documentsRun(title: string, documents: readonly string[], times: number): void {
  describe(title, { skip: realCloudMissing() }, () => {
    let folder = '';
    let env: NodeJS.ProcessEnv = {};

    before(async () => {
      // A short path outside /tmp: the path of a Unix socket has at most 107 bytes.
      folder = ownedFolder('/var/tmp/cd-');
      const home = join(folder, 'home');
      await mkdir(home, { mode: 0o700 });
      // A stored option of an earlier `up` sets the port, so that the commands can run as printed.
      await keepChoices(homePaths(home).choices, { ...defaultChoices, port: await freePort() });
      const { OS_CLOUD: _cloud, ...rest } = process.env;
      env = { ...rest, COBALT_HOME: home, COBALT_YES: '1', HOME: folder, TERM: 'dumb' };
    });
    after(async () => {
      await run(join(repository, 'cobalt'), ['down', '--purge', '--now'], {
        env,
        timeout: 120_000,
      });
      removeOwnedFolder(folder);
    });

    for (const name of documents) {
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
        for (let time = 1; time <= times; time += 1) {
          const result = run('bash', [script], {
            cwd,
            env,
            timeout: documentTimeoutMs,
            maxBuffer: 16 * 1024 * 1024,
          });
          result.child.stdin?.end();
          const failed = await result.then(
            () => undefined,
            (error: { stdout: string; stderr: string }) => error,
          );
          if (failed)
            assert.fail(
              `run ${time} of ${name} failed:\n${failed.stdout.slice(-6000)}\n${failed.stderr.slice(-3000)}`,
            );
        }
      });
    }
  });
}
