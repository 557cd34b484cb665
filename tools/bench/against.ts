// `cobalt bench WHAT --against REF`: runs a benchmark of another commit, from a temporary git
// worktree, and of this checkout in turns. Cleans everything up, however it ends.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { repository } from '#cli/run-tool.ts';
import { UserError } from '#cli/user-error.ts';
import type { Checkout } from './cloud.ts';
import type { MeasuredFigure, Round, Side } from './compare.ts';
import { figuresIn, runOrder } from './compare.ts';
import { controlSideBySide } from './side-by-side.ts';

export interface AgainstOptions {
  what: string;
  ref: string;
  rounds: number;
  say(text: string): void;
  /** Aborted by Ctrl-C: the run stops, and everything is cleaned up before the promise rejects. */
  signal: AbortSignal;
}

/** A process that still runs this long after SIGTERM is killed. */
const endTimeoutMs = 20_000;

export async function benchAgainst(options: AgainstOptions): Promise<Round[]> {
  const { what, ref, rounds, say, signal } = options;
  const commit = await commitOf(ref);
  // A short path: sockets in the state folders below it may have at most 107 bytes, unix(7).
  const dir = await mkdtemp(join(tmpdir(), 'cb-'));
  const tree = join(dir, 't');
  try {
    say(`checking out ${commit.slice(0, 7)}`);
    await git(['worktree', 'add', '--quiet', '--detach', tree, commit], signal);
    await provideModules(tree, say, signal);
    const folders: Record<Side, string> = { base: tree, current: repository };
    return what === 'control'
      ? await controlSideBySide(checkoutsIn(folders), rounds, say, signal)
      : await wholeRuns(options, folders, dir);
  } finally {
    await removeWorktree(tree);
    await rm(dir, { recursive: true, force: true });
    await git(['worktree', 'prune']).catch(() => undefined);
  }
}

const checkoutsIn = ({ base, current }: Record<Side, string>): Record<Side, Checkout> => ({
  base: { folder: base, node: nodeOf(base) },
  current: { folder: current, node: nodeOf(current) },
});

/** Runs each commit's own benchmark as a whole, in turns. */
async function wholeRuns(
  { what, ref, rounds, say, signal }: AgainstOptions,
  folders: Readonly<Record<Side, string>>,
  dir: string,
): Promise<Round[]> {
  const measured: Round[] = [];
  for (const [index, order] of runOrder(rounds).entries()) {
    const round: Round = { base: [], current: [] };
    for (const side of order) {
      say(`round ${index + 1} of ${rounds}: ${side === 'base' ? ref : 'this checkout'}`);
      round[side] = await runBench(folders[side], what, dir, signal);
    }
    measured.push(round);
  }
  return measured;
}

/** Removes the worktree, even an incomplete one, which git keeps locked. git-worktree(1) */
async function removeWorktree(tree: string): Promise<void> {
  await git(['worktree', 'unlock', tree]).catch(() => undefined); // fails if it was not locked
  // If this fails, `git worktree prune` removes the rest.
  await git(['worktree', 'remove', '--force', tree]).catch(() => undefined);
}

async function commitOf(ref: string): Promise<string> {
  if (!ref.startsWith('-')) {
    const found = await git(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]).catch(
      () => '',
    );
    if (found !== '') return found.trim();
  }
  throw new UserError(
    `--against ${ref}: this repository has no such commit, branch or tag (git rev-parse).`,
  );
}

/**
 * Installs the packages of that commit's lock file; if it equals this checkout's, by hard links.
 */
async function provideModules(
  tree: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const lockOf = async (folder: string) => await readFile(join(folder, 'package-lock.json'));
  const modules = join(tree, 'node_modules');
  if ((await lockOf(tree)).equals(await lockOf(repository))) {
    const source = await realpath(join(repository, 'node_modules'));
    const linked = await execute('cp', ['-al', source, modules], { cwd: tree, signal });
    if (linked.code === 0) {
      // This checkout's compile cache must not be used by the other commit.
      await rm(join(modules, '.cache'), { recursive: true, force: true });
      return;
    }
    signal.throwIfAborted();
    await rm(modules, { recursive: true, force: true }); // hard links fail across file systems
    await cp(source, modules, { recursive: true, verbatimSymlinks: true });
    return;
  }
  say('installing the npm packages of its lock file');
  const { code, errors } = await execute(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    // npm skips packages that do not fit the Node it runs under, and the machine's Node may be old:
    // use this process's.
    {
      cwd: tree,
      signal,
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` },
    },
  );
  signal.throwIfAborted();
  if (code !== 0) throw new UserError(`npm ci of the other commit failed: ${errors.trim()}`);
}

async function runBench(
  folder: string,
  what: string,
  dir: string,
  signal: AbortSignal,
): Promise<MeasuredFigure[]> {
  const node = nodeOf(folder);
  const states = await mkdtemp(join(dir, 's-'));
  const environment = {
    ...process.env,
    TMPDIR: states,
    NODE_COMPILE_CACHE: join(folder, 'node_modules/.cache/compile'),
  };
  try {
    const { code, output, errors } = await execute(
      node,
      [...process.execArgv, 'cli/main.ts', 'bench', what, '--json'],
      { cwd: folder, signal, env: environment },
    );
    signal.throwIfAborted();
    const figures = figuresIn(output);
    if (!figures)
      throw new UserError(
        `bench ${what} in ${folder} gave no figures (exit code ${code}): ${lastLines(errors || output)}`,
      );
    return figures;
  } finally {
    // Clouds that an aborted run has left; a run that ended by itself has removed its clouds.
    for (const name of await readdir(states).catch(() => [])) {
      const home = join(states, name);
      if (name.startsWith('cobalt-'))
        await execute(node, ['cli/main.ts', 'down', '--purge', '--home', home], { cwd: folder });
    }
    await rm(states, { recursive: true, force: true });
  }
}

/** Node of a folder's node_modules, so that each commit runs under the version in its lock file. */
function nodeOf(folder: string): string {
  const path = relative(repository, process.execPath);
  return path.startsWith('..') ? process.execPath : join(folder, path);
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-5).join('\n');

async function git(args: readonly string[], signal?: AbortSignal): Promise<string> {
  const { code, output, errors } = await execute('git', args, {
    cwd: repository,
    ...(signal ? { signal } : {}),
  });
  signal?.throwIfAborted();
  if (code !== 0) throw new Error(`git ${args[0]} ${args[1]}: ${errors.trim()}`);
  return output;
}

/**
 * Runs a program in a process group of its own, which a Ctrl-C in the terminal does not reach. When
 * `signal` aborts, the group gets SIGTERM, and SIGKILL if it goes on.
 */
async function execute(
  program: string,
  args: readonly string[],
  options: { cwd: string; signal?: AbortSignal; env?: NodeJS.ProcessEnv },
): Promise<{ code: number; output: string; errors: string }> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  let killTimer: NodeJS.Timeout | undefined;
  let pipeTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    signalGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), endTimeoutMs);
  };
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      // `close` comes when all children that hold the pipes have ended. A daemon that left the
      // group may hold them for ever, so after `exit` the wait is bounded.
      child.on('close', (exitCode) => resolve(exitCode ?? 128));
      child.on('exit', (exitCode) => {
        pipeTimer = setTimeout(() => resolve(exitCode ?? 128), endTimeoutMs);
      });
    });
    return {
      code,
      output: Buffer.concat(output).toString(),
      errors: Buffer.concat(errors).toString(),
    };
  } finally {
    clearTimeout(killTimer);
    clearTimeout(pipeTimer);
    child.stdout.destroy();
    child.stderr.destroy();
    options.signal?.removeEventListener('abort', stop);
  }
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // the process group has ended
  }
}
