// All processes of a real host are frozen for 90 s while its server is evacuated. When they are
// thawed none of them may survive, and the volume may contain only what the new server writes.
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HaState } from '#contracts/ha/host-states.ts';
import type { HostDetail } from '#contracts/ha/wire.ts';
import { orderTrouble } from '#hosts/bmc/bmc-trouble.ts';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';
import type { Guest, Tenant } from '../e2e/network.testing.ts';
import { pings, tenant } from '../e2e/network.testing.ts';

const settleMs = 180_000;
const frozenMs = 90_000;

describe('a host that freezes', { skip: realCloudMissing(), timeout: 1_200_000 }, () => {
  let cloud: TestCloud;
  let admin: Tenant;
  let guest: Guest;

  before(async () => {
    cloud = await testCloud();
    writeFileSync(join(cloud.dir, 'cobalt.yaml'), 'ha:\n  enabled: true\n', { mode: 0o600 });
    await cloud.up();
    admin = await tenant(cloud, 'admin');
    const network = (await admin.network('n', ['10.74.0.0/24'], { router: await admin.router() }))
      .id;
    const group = await admin.groupNamed('reach');
    await admin.rule(group, { protocol: 'tcp', port_range_min: 22, port_range_max: 22 });
    await admin.rule(group, { protocol: 'icmp' });
    await cloud.openstack('volume', 'create', '--image=tiny', '--size=1', '--bootable', 'root');
    const status = ['volume', 'show', 'root', '-f', 'value', '-c', 'status'];
    await eventually(async () => (await cloud.openstack(...status)).trim() === 'available', {
      withinMs: settleMs,
      everyMs: 500,
      what: 'the volume is made',
    });
    const words = `server create --flavor=m1.nano --volume=root --key-name=e2e --network=${network} --security-group=reach --availability-zone=nova:h1 -f value -c id vm`;
    guest = await admin.reach('vm', (await cloud.openstack(...words.split(' '))).trim());
  });
  after(async () => await cloud?.close());

  const detail = async (host: string): Promise<HostDetail> =>
    JSON.parse(await cloud.cobalt('ha', 'status', host, '--json')) as HostDetail;
  const reaches = async (state: HaState, host: string): Promise<HostDetail> => {
    let last: HostDetail | undefined;
    return await eventually(
      async () => ((last = await detail(host)).state === state ? last : undefined),
      { withinMs: settleMs, everyMs: 500, what: `${host} is ${state}` },
    ).catch(async (error: unknown) => {
      const services = await cloud.openstack('compute', 'service', 'list', '--long');
      const server = await cloud.openstack('server', 'show', 'vm');
      assert.fail(`${String(error)}\n${JSON.stringify(last, null, 1)}\n${services}\n${server}`);
    });
  };
  const initOf = async (host: string): Promise<number> =>
    (
      JSON.parse(await cloud.cobalt('host', 'list', '--json')) as { name: string; pid: number }[]
    ).find(({ name }) => name === host)?.pid ?? assert.fail(`${host} has no init`);

  const namespaceOf = (pid: number): string => {
    try {
      return readlinkSync(`/proc/${pid}/ns/pid`);
    } catch {
      return ''; // the process has ended
    }
  };
  const processesIn = (namespace: string): number[] =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && namespaceOf(pid) === namespace);
  const signal = (pid: number, name: NodeJS.Signals): void => {
    try {
      process.kill(pid, name);
    } catch {
      // the process has ended
    }
  };

  /**
   * Starts a writer in the guest. Each boot of the guest writes to a place of its own on the
   * volume, ten times a second, for ever.
   */
  const startWriter = async (place: number): Promise<void> => {
    const loop = `i=0; while :; do i=$((i+1)); printf "%010d" $i | dd of=/dev/vda bs=1M seek=${place} conv=notrunc,fsync 2>/dev/null; sleep 0.1; done`;
    await guest.sh(`(${loop}) >/dev/null 2>&1 </dev/null &`);
  };
  const written = async (place: number): Promise<number> =>
    Number(
      await guest.sh(
        `echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda bs=1M skip=${place} count=1 2>/dev/null | head -c 10`,
      ),
    );

  async function freezeAndWake(host: string, places: { before: number; after: number }) {
    await eventually(async () => (await detail(host)).state === 'Healthy', {
      withinMs: settleMs,
      everyMs: 1_000,
      what: `${host} is watched`,
    });
    await systemClock.sleep(5_000); // until its watchdog is armed and the service knows it
    await startWriter(places.before);
    await eventually(async () => (await written(places.before)) > 5, {
      withinMs: settleMs,
      everyMs: 500,
      what: 'the guest writes',
    });
    const namespace = namespaceOf(await initOf(host));
    const processes = processesIn(namespace);
    assert.ok(processes.length > 8, `${processes.length} processes`);
    const frozenAtMs = systemClock.monotonicMs();
    for (const pid of processes) signal(pid, 'SIGSTOP');
    const { timeline } = await reaches('Recovered', host);
    await eventually(async () => await pings(guest.floating), {
      withinMs: settleMs,
      everyMs: 500,
      what: 'the server answers',
    });
    await eventually(async () => await guest.sh('true').then(() => true), {
      withinMs: settleMs,
      everyMs: 1_000,
      what: 'the server takes commands',
    });
    const answeredMs = Math.round(systemClock.monotonicMs() - frozenAtMs);
    const last = await written(places.before);
    await startWriter(places.after);
    await systemClock.sleep(Math.max(0, frozenAtMs + frozenMs - systemClock.monotonicMs()));
    const left = processesIn(namespace);
    for (const pid of left) signal(pid, 'SIGCONT');
    assert.deepEqual(left, [], 'processes of the host that wake up');
    await systemClock.sleep(5_000);
    assert.ok(last > 5);
    assert.equal(await written(places.before), last, 'what the old guest wrote last');
    assert.ok((await written(places.after)) > 5, 'the new guest writes');
    const by = timeline.find(({ what }) => what === 'Fencing → Fenced')?.detail['by'];
    return { by, answeredMs };
  }

  it('is powered off by its BMC before its server runs elsewhere', async (t) => {
    const { by, answeredMs } = await freezeAndWake('h1', { before: 900, after: 901 });
    assert.equal(by, 'redfish');
    t.diagnostic(`the server takes commands ${answeredMs / 1_000} s after the host froze`);
    await cloud.cobalt('ha', 'acknowledge', 'h1');
    await reaches('Healthy', 'h1');
  });

  it('is ended by its watchdog where its BMC is dead', async (t) => {
    const bmc = join(cloud.dir, 'bmcs/h2');
    orderTrouble(bmc, { kind: 'dead' });
    const { by, answeredMs } = await freezeAndWake('h2', { before: 902, after: 903 });
    orderTrouble(bmc, undefined);
    assert.equal(by, 'storage');
    t.diagnostic(`the server takes commands ${answeredMs / 1_000} s after the host froze`);
  });
});
