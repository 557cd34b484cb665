// The watchdog of local hosts, with stand-in processes for a host's: the port's contract suite, and
// that freezing or killing any of the processes does not prevent the host's end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createFileWatchdog } from '#adapters/watchdog/file-watchdog.ts';
import { beginWatchdog, belowWatchdog, watchdogFile } from '#hosts/local/host-watchdog.ts';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { watchdogContract } from '#ports/watchdog.testing.ts';

describe('the watchdog of a host of this machine', { concurrency: true, timeout: 60_000 }, () => {
  const folder = mkdtemp(join(tmpdir(), 'cobalt-watchdog-'));
  const chassis: ChildProcess[] = [];
  after(async () => {
    for (const each of chassis) each.kill('SIGKILL');
    await rm(await folder, { recursive: true });
  });

  /** A stand-in host: its "init" writes its pid, and would run for a minute. */
  async function host() {
    const dir = await mkdtemp(join(await folder, 'host-'));
    await beginWatchdog({ dir });
    const [program = '', ...words] = belowWatchdog({ dir });
    const init = ['/bin/sh', '-c', `echo $$ >${dir}/pid; exec sleep 60`];
    const parent = spawn(program, [...words, ...init], { stdio: 'ignore' });
    chassis.push(parent);
    const pid = await eventually(
      async () => Number(await readFile(join(dir, 'pid'), 'utf8').catch(() => '')) || undefined,
      { withinMs: 10_000, what: 'the init runs' },
    );
    const open = () => createFileWatchdog(watchdogFile({ dir }), systemClock);
    return { dir, pid, parent, watchdog: open(), again: open, clock: systemClock };
  }
  const isAlive = (pid: number): boolean => {
    try {
      return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    } catch {
      return false;
    }
  };
  const ends = async (pid: number): Promise<unknown> =>
    await eventually(() => !isAlive(pid), { withinMs: 10_000, what: 'the init is ended' });

  watchdogContract(async () => {
    const { pid, ...rest } = await host();
    return { ...rest, isRunning: () => isAlive(pid) };
  });

  test('an init that is frozen is ended', async () => {
    const { pid, watchdog } = await host();
    await watchdog.feed(1_000, systemClock.monotonicMs());
    process.kill(pid, 'SIGSTOP');
    await ends(pid);
  });

  test('an init does not outlive its watchdog', async () => {
    const { pid, parent } = await host();
    parent.kill('SIGKILL');
    await ends(pid);
  });

  test('an armed watchdog stays armed over a boot, and a damaged record does not disarm it', async () => {
    const { dir, pid, watchdog, again } = await host();
    await watchdog.feed(5_000, systemClock.monotonicMs());
    await beginWatchdog({ dir });
    assert.equal(await again().limit(), 5_000);
    await systemClock.sleep(1_500); // until the watchdog has polled
    await writeFile(watchdogFile({ dir }), 'damaged');
    await ends(pid);
  });
});
