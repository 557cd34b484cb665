// A real host dies: the HA Service notices it, cuts the host's power by Redfish, and its server,
// which boots from a volume, answers on the other host with its data. The dead host comes back when
// an operator acknowledges it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ShownPlan } from '#cli/commands/ha.ts';
import type { HaState } from '#contracts/ha/host-states.ts';
import type { HostDetail } from '#contracts/ha/wire.ts';
import { orderTrouble } from '#hosts/bmc/bmc-trouble.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from './cloud.testing.ts';
import { realCloudMissing, testCloud } from './cloud.testing.ts';
import type { Guest, Tenant } from './network.testing.ts';
import { pings, tenant } from './network.testing.ts';

const settleMs = 120_000;
/**
 * Limit for the time from the host's death to the server's answer; the measured time is printed.
 */
const answersWithinMs = 60_000;
/** The limit of the hosts' watchdogs. */
const selfFencingMs = 15_000;

/** The arguments of the process; '' if it has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

describe(
  'a host that dies in a cloud with HA',
  { skip: realCloudMissing(), timeout: 900_000 },
  () => {
    let cloud: TestCloud;
    let admin: Tenant;
    let guest: Guest;

    before(async () => {
      cloud = await testCloud();
      writeFileSync(
        join(cloud.dir, 'cobalt.yaml'),
        `ha:\n  enabled: true\n  selfFencingMs: ${selfFencingMs}\n`,
        {
          mode: 0o600,
        },
      );
      await cloud.up();
      admin = await tenant(cloud, 'admin');
      const network = (await admin.network('n', ['10.73.0.0/24'], { router: await admin.router() }))
        .id;
      const group = await admin.groupNamed('reach');
      await admin.rule(group, { protocol: 'tcp', port_range_min: 22, port_range_max: 22 });
      await admin.rule(group, { protocol: 'icmp' });
      await cloud.openstack('volume', 'create', '--image=tiny', '--size=1', '--bootable', 'root');
      await eventually(
        async () =>
          (
            await cloud.openstack('volume', 'show', 'root', '-f', 'value', '-c', 'status')
          ).trim() === 'available',
        { withinMs: settleMs, everyMs: 500, what: 'the volume is made' },
      );
      const words = `server create --flavor=m1.nano --volume=root --key-name=e2e --network=${network} --security-group=reach --availability-zone=nova:h1 --property ha:priority=5 -f value -c id vm`;
      guest = await admin.reach('vm', (await cloud.openstack(...words.split(' '))).trim());
      await guest.sh(`printf kept | dd of=/dev/vda bs=1M seek=900 conv=notrunc,fsync 2>/dev/null`);
    });
    after(async () => await cloud?.close());

    const detail = async (host = 'h1'): Promise<HostDetail> =>
      JSON.parse(await cloud.cobalt('ha', 'status', host, '--json')) as HostDetail;
    const reaches = async (state: HaState, host = 'h1'): Promise<HostDetail> => {
      let last: HostDetail | undefined;
      return await eventually(
        async () => ((last = await detail(host)).state === state ? last : undefined),
        { withinMs: settleMs, everyMs: 250, what: `${host} is ${state}` },
      ).catch((error: unknown) =>
        assert.fail(`${String(error)}\n${JSON.stringify(last, null, 1)}`),
      );
    };
    const initOf = async (host: string): Promise<number> =>
      (
        JSON.parse(await cloud.cobalt('host', 'list', '--json')) as { name: string; pid: number }[]
      ).find(({ name }) => name === host)?.pid ?? 0;

    it('is planned for', async () => {
      await eventually(async () => await detail().catch(() => undefined), {
        withinMs: settleMs,
        everyMs: 500,
        what: 'h1 is watched',
      });
      const plan = JSON.parse(await cloud.cobalt('ha', 'plan', 'h1', '--json')) as ShownPlan;
      assert.deepEqual(
        [
          plan.fencing,
          plan.targets,
          plan.servers.map(({ name, priority, to }) => `${name} ${priority} ${to}`),
        ],
        ['redfish', ['h2'], ['vm 5 h2']],
      );
      assert.match(await cloud.cobalt('ha', 'status'), /h1 +nova +Healthy/);
    });

    it('has servers that fit nowhere where no other host takes any', async () => {
      const disable = 'compute service set --disable h2 nova-compute'.split(' ');
      await cloud.openstack(...disable);
      try {
        await assert.rejects(cloud.cobalt('ha', 'plan', 'h1'), (error: { stdout: string }) =>
          /vm +5 +evacuate +nowhere +no other host takes servers now/.test(error.stdout),
        );
      } finally {
        await cloud.openstack(...disable.map((word) => word.replace('disable', 'enable')));
      }
    });

    it('has a server whose QEMU is killed run again there in 10 s', async (t) => {
      const running = async (): Promise<string> => await cloud.virsh('h1', 'list', '--uuid');
      const qemu = (): number =>
        readdirSync('/proc')
          .map(Number)
          .find((pid) => pid > 0 && commandOf(pid).includes(`uuid ${guest.id}`)) ?? 0;
      const pid = qemu();
      assert.ok(pid > 0, 'its QEMU runs');
      const diedAtMs = Date.now();
      process.kill(pid, 'SIGKILL');
      await eventually(
        async () => ![0, pid].includes(qemu()) && (await running()).includes(guest.id),
        {
          withinMs: 10_000,
          everyMs: 100,
          what: 'it runs again',
        },
      );
      t.diagnostic(
        `it runs again ${((Date.now() - diedAtMs) / 1000).toFixed(1)} s after its QEMU died`,
      );
      assert.match(await cloud.cobalt('ha', 'status', 'h1'), /vm +1 .*started again/);
      await eventually(async () => await pings(guest.floating), {
        withinMs: answersWithinMs,
        everyMs: 250,
        what: 'the server answers',
      });
    });

    it('is fenced, and its server answers on the other host with its data', async (t) => {
      const diedAtMs = Date.now();
      process.kill(await initOf('h1'), 'SIGKILL');
      await eventually(async () => await pings(guest.floating), {
        withinMs: answersWithinMs,
        everyMs: 100,
        what: 'the server answers',
      }).catch(async (error: unknown) =>
        assert.fail(`${String(error)}\n${JSON.stringify(await detail(), null, 1)}`),
      );
      const answeredAtMs = Date.now();
      const { timeline, moves } = await reaches('Recovered');
      const at = (what: string): string => {
        const entry = timeline.find((each) => each.what === what);
        return entry ? `${((entry.atMs - diedAtMs) / 1000).toFixed(1)} s` : 'never';
      };
      t.diagnostic(
        `after the death: suspect ${at('Healthy → Suspect')}, confirmed ${at('Suspect → Confirming')}, fenced ${at('Fencing → Fenced')}, recovered ${at('Evacuating → Recovered')}, the server answers ${((answeredAtMs - diedAtMs) / 1000).toFixed(1)} s`,
      );
      assert.ok(timeline.some(({ what }) => what === 'power off ordered'));
      assert.deepEqual(
        moves.map(({ status, destination }) => [status, destination]),
        [['succeeded', 'h2']],
      );
      const readCommand = 'dd if=/dev/vda bs=1M skip=900 count=1 2>/dev/null | head -c 4';
      // Retried: the guest answers pings before it accepts commands.
      const data = await eventually(
        async () => await guest.sh(readCommand).catch(() => undefined),
        {
          withinMs: answersWithinMs,
          everyMs: 500,
          what: 'the server takes commands',
        },
      );
      assert.equal(data.trim(), 'kept');
      assert.match(await cloud.cobalt('host', 'list'), /h1 +stopped/);
    });

    it('comes back when it is let, without its old guest, and serves', async () => {
      await cloud.cobalt('ha', 'acknowledge', 'h1');
      await reaches('Healthy');
      assert.equal((await cloud.virsh('h1', 'list', '--all', '--uuid')).trim(), '');
      await eventually(
        async () =>
          /no differences/.test(
            await cloud
              .cobalt('doctor', '--audit')
              .catch((error: { stdout: string }) => error.stdout),
          ),
        { withinMs: settleMs, everyMs: 1_000, what: 'nothing differs' },
      );
      const { services } = await admin.api.ask<{ services: { state: string; status: string }[] }>(
        'compute',
        'GET',
        '/v2.1/os-services?binary=nova-compute&host=h1',
      );
      assert.deepEqual(
        services.map(({ state, status }) => [state, status]),
        [['up', 'enabled']],
      );
    });

    it('whose BMC dies with it: its servers are moved when its watchdog must have ended them', async (t) => {
      const bmc = join(cloud.dir, 'bmcs/h2');
      orderTrouble(bmc, { kind: 'dead' });
      const diedAtMs = Date.now();
      process.kill(await initOf('h2'), 'SIGKILL');
      const { timeline } = await reaches('Recovered', 'h2');
      const fenced = timeline.find(({ what }) => what === 'Fencing → Fenced');
      assert.equal(fenced?.detail['by'], 'storage');
      t.diagnostic(`fenced ${((fenced.atMs - diedAtMs) / 1000).toFixed(1)} s after the death`);
      assert.ok(fenced.atMs - diedAtMs > selfFencingMs);
      await eventually(async () => await pings(guest.floating), {
        withinMs: answersWithinMs,
        everyMs: 250,
        what: 'the server answers',
      });
      assert.equal((await cloud.virsh('h1', 'list', '--uuid')).trim(), guest.id);
      orderTrouble(bmc, undefined);
      await cloud.cobalt('ha', 'acknowledge', 'h2');
      await reaches('Healthy', 'h2');
      assert.equal((await cloud.virsh('h2', 'list', '--all', '--uuid')).trim(), '');
    });
  },
);
