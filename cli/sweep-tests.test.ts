// What a killed test run left is removed by the next run, and nothing else is.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { networkPaths } from '#hosts/local/host-paths.ts';
import { listNetns } from '#hosts/local/netns.ts';
import { startTimeOf } from '#platform/process-start-time.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { sweepTests } from './sweep-tests.ts';

interface Abandoned {
  folder: string;
  pid: number;
  commandPid: number;
}

const program = join(import.meta.dirname, 'abandon-folder.testing.ts');
const networkMissing =
  process.getuid?.() !== 0
    ? 'needs root (namespaces)'
    : existsSync('/usr/bin/ovn-northd')
      ? false
      : 'needs ovn-central (./cobalt test installs it)';

describe('a sweep after killed test runs', () => {
  let place: string;
  const messages: string[] = [];
  const sweep = async (): Promise<void> => await sweepTests((text) => messages.push(text), [place]);
  const hasEnded = async (pid: number): Promise<boolean> => (await startTimeOf(pid)) === null;
  const killed = async (pid: number): Promise<void> => {
    process.kill(pid, 'SIGKILL');
    await eventually(async () => await hasEnded(pid), {
      withinMs: 5_000,
      what: `${pid} has ended`,
    });
  };
  /**
   * `runner`: the command that starts the folder's owner and waits for it, as a test runner does.
   */
  const start = async (
    runner: readonly string[],
    args: readonly string[] = [],
  ): Promise<Abandoned & { runnerPid: number }> => {
    const [command = '', ...words] = [...runner, process.execPath, program, place, ...args];
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    child.stdout.destroy();
    // The output of abandon-folder.testing.ts.
    return { ...(JSON.parse(line) as Abandoned), runnerPid: child.pid ?? 0 };
  };

  before(() => void (place = mkdtempSync(join(tmpdir(), 'cc-sweep-'))));
  after(() => rmSync(place, { recursive: true }));

  it('leaves a folder alone whose owner runs', async () => {
    const folder = ownedFolder(join(place, 'cc-'));
    await sweep();
    assert.ok(existsSync(folder));
    assert.deepEqual(messages, []);
    removeOwnedFolder(folder);
    assert.deepEqual(readdirSync(place), []);
  });

  it('ends the commands of a killed owner, removes its folder and says so', async () => {
    const left = await start(['env']);
    await sweep();
    assert.ok(existsSync(left.folder));
    await killed(left.pid);
    assert.equal(await hasEnded(left.commandPid), false);
    await sweep();
    assert.ok(await hasEnded(left.commandPid));
    assert.deepEqual(readdirSync(place), []);
    assert.match(messages.splice(0).join('\n'), new RegExp(`^cleared ${left.folder}, `));
  });

  it('ends a test that runs on after its runner was killed', async () => {
    const left = await start(['sh', '-c', 'NODE_TEST_CONTEXT=child-v8 "$@"; :', 'sh']);
    assert.notEqual(left.runnerPid, left.pid);
    await killed(left.runnerPid);
    assert.equal(await hasEnded(left.pid), false);
    await sweep();
    assert.ok(await hasEnded(left.pid));
    assert.ok(await hasEnded(left.commandPid));
    assert.deepEqual(readdirSync(place), []);
  });

  it('takes a real network down', { skip: networkMissing }, async () => {
    const left = await start(['env'], ['network']);
    const { netns, machineDevices } = networkPaths(left.folder);
    const devices = Object.values(machineDevices).map((name) => `/sys/class/net/${name}`);
    assert.deepEqual(await listNetns(netns), [netns]);
    assert.ok(devices.every((path) => existsSync(path)));
    await killed(left.pid);
    await sweep();
    assert.deepEqual(await listNetns(netns), []);
    assert.ok(!devices.some((path) => existsSync(path)));
    assert.deepEqual(readdirSync(place), []);
  });

  it('does not follow a link that somebody has put beside a folder', async () => {
    symlinkSync('/etc/hostname', join(place, 'cc-planted.owner'));
    messages.length = 0;
    await sweep();
    assert.deepEqual(messages, []);
    assert.deepEqual(readdirSync(place), ['cc-planted.owner']);
    rmSync(join(place, 'cc-planted.owner'));
  });
});
