// On a real host that stays alive: a server whose QEMU dies again and again, one that was stopped
// on purpose, and a libvirtd that no longer answers.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HostDetail } from '#contracts/ha/wire.ts';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';

const settleMs = 120_000;

describe('on a host that lives', { skip: realCloudMissing(), timeout: 900_000 }, () => {
  let cloud: TestCloud;
  let id: string;

  before(async () => {
    cloud = await testCloud();
    writeFileSync(join(cloud.dir, 'cobalt.yaml'), 'ha:\n  enabled: true\n', { mode: 0o600 });
    await cloud.up();
    const words =
      'server create --flavor=m1.nano --image=tiny --nic=none --availability-zone=nova:h1 --wait -f value -c id vm';
    id = (await cloud.openstack(...words.split(' '))).trim();
    await eventually(async () => (await detail().catch(() => undefined))?.state === 'Healthy', {
      withinMs: settleMs,
      everyMs: 1_000,
      what: 'h1 is watched',
    });
  });
  after(async () => await cloud?.close());

  const detail = async (host = 'h1'): Promise<HostDetail> =>
    JSON.parse(await cloud.cobalt('ha', 'status', host, '--json')) as HostDetail;
  const show = async (...words: string[]): Promise<string> =>
    (await cloud.openstack(...words)).trim();
  const status = async (): Promise<string> =>
    await show('server', 'show', id, '-f', 'value', '-c', 'status');
  const is = async (wanted: string): Promise<unknown> =>
    await eventually(async () => (await status()) === wanted, {
      withinMs: settleMs,
      everyMs: 1_000,
      what: `the server is ${wanted}`,
    });
  /** Pids of processes whose arguments match the pattern. */
  const processesLike = (pattern: RegExp): number[] =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => {
        try {
          return pid > 0 && pattern.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
        } catch {
          return false; // the process has ended
        }
      });
  const qemu = (): number | undefined => processesLike(new RegExp(`-uuid\\x00${id}`))[0];
  const networkOf = (pid: number): string => readlinkSync(`/proc/${pid}/ns/net`);
  const libvirtd = (): number =>
    processesLike(/^\/usr\/sbin\/libvirtd\0/).find(
      (pid) => networkOf(pid) === networkOf(qemu() ?? 0),
    ) ?? assert.fail('h1 has no libvirtd');

  it('a libvirtd that does not answer: no new servers there in 60 s, those that run do', async (t) => {
    const [daemon, guest] = [libvirtd(), qemu()];
    const service = async (): Promise<string> =>
      await show(
        ...'compute service list --service nova-compute --host h1 --long -f value -c Status'.split(
          ' ',
        ),
        '-c',
        'Disabled Reason',
      );
    const stoppedAtMs = systemClock.monotonicMs();
    process.kill(daemon, 'SIGSTOP');
    try {
      await eventually(async () => (await service()).startsWith('disabled HA: libvirtd'), {
        withinMs: 60_000,
        everyMs: 1_000,
        what: 'the service is disabled with the reason',
      });
      t.diagnostic(`after ${((systemClock.monotonicMs() - stoppedAtMs) / 1_000).toFixed(1)} s`);
      assert.equal((await detail()).state, 'Healthy');
      assert.equal(qemu(), guest);
    } finally {
      process.kill(daemon, 'SIGCONT');
    }
    await eventually(async () => (await service()).startsWith('enabled'), {
      withinMs: settleMs,
      everyMs: 1_000,
      what: 'the service is enabled again',
    });
    assert.equal(qemu(), guest);
  });

  it('a server that is stopped stays off', async () => {
    await cloud.openstack('server', 'stop', id);
    await is('SHUTOFF');
    await systemClock.sleep(8_000);
    assert.equal(await status(), 'SHUTOFF');
    assert.deepEqual((await detail()).guests, []);
    await cloud.openstack('server', 'start', id);
    await is('ACTIVE');
  });

  it('a host that an operator stops has not died', async () => {
    assert.match(await cloud.cobalt('host', 'stop', 'h2'), /HA is off for h2 until/);
    await systemClock.sleep(25_000);
    const list = await cloud.cobalt('ha', 'status');
    assert.match(list, /h2 +nova +Healthy .* off\b/);
    assert.match(await cloud.cobalt('host', 'start', 'h2'), /HA is on for h2/);
    await systemClock.sleep(5_000);
    const h2 = await detail('h2');
    assert.deepEqual([h2.state, h2.timeline], ['Healthy', []]);
    assert.match(await cloud.cobalt('ha', 'status'), /h2 +nova +Healthy .* on\b/);
  });

  it('a server whose QEMU dies again and again is left off, with a message', async () => {
    await systemClock.sleep(3_000); // until its agent has seen it run
    await eventually(
      async () => {
        const pid = qemu();
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
        return (await detail()).guests[0]?.givenUp === true;
      },
      { withinMs: settleMs, everyMs: 1_000, what: 'it is given up' },
    );
    assert.equal((await detail()).guests[0]?.attempts, 3);
    assert.equal(await status(), 'SHUTOFF');
    assert.match(
      await cloud.cobalt('ha', 'status', 'h1'),
      /left off +it died again after 3 starts/,
    );
  });
});
