// The HA Service in a whole simulated cloud: servers of dead hosts are evacuated, exactly once;
// hosts that only seem dead are left alone; processes of the service die meanwhile.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import { inHaCloud } from './ha.testing.ts';

const longerThanLeaseMs = 35_000;
const [first, second] = ['sim0001', 'sim0002'];

describe('a simulated cloud with HA', { timeout: 300_000 }, () => {
  it('a host that dies is fenced, its servers run elsewhere, and it serves again later', async () =>
    await inHaCloud(
      {},
      async ({ cloud, clock, serversOn, reaches, detail, acknowledge, hostOf }) => {
        const ids = await serversOn(first, 3);
        const [stopped = ''] = ids;
        await cloud.act(stopped, { 'os-stop': null });
        await cloud.quiet(60_000, 500);
        const diedAtMs = clock.now();
        cloud.bmcs.get(first)?.hostDies();
        await reaches(first, 'Recovered');
        assert.ok(clock.now() - diedAtMs < 45_000, `${clock.now() - diedAtMs} ms`);
        const { moves, timeline } = await detail(first);
        assert.deepEqual(
          moves.map(({ status }) => status),
          ['succeeded', 'succeeded', 'succeeded'],
        );
        assert.ok(timeline.some(({ what }) => what === 'power off ordered'));
        for (const id of ids) {
          assert.notEqual(await hostOf(id), first);
          assert.equal((await cloud.show(id))?.status, id === stopped ? 'SHUTOFF' : 'ACTIVE');
        }
        cloud.bmcs.get(first)?.hostReturns();
        await clock.sleep(30_000);
        assert.equal(await cloud.bmcs.get(first)?.powerState(), 'Off', 'it stays off');
        await acknowledge(first);
        await reaches(first, 'Healthy');
        const service = (await cloud.compute('GET', `/os-services?host=${first}`)).body as {
          services: { state: string; status: string }[];
        };
        assert.deepEqual(
          service.services.map(({ state, status }) => [state, status]),
          [['up', 'enabled']],
        );
        await cloud.quiet(120_000, 500);
      },
    ));

  it('the members of an affinity group go to another host together', async () =>
    await inHaCloud({}, async ({ cloud, reaches, hostOf }) => {
      const group = (
        await cloud.compute('POST', '/os-server-groups', {
          server_group: { name: 'together', policy: 'affinity' },
        })
      ).body as { server_group: { id: string } };
      const members: string[] = [];
      for (const name of ['a', 'b', 'c']) {
        const { body } = await cloud.compute('POST', '/servers', {
          server: { name, flavorRef: '42', imageRef: cloud.imageId, networks: 'none' },
          'os:scheduler_hints': { group: group.server_group.id },
        });
        members.push((body as { server: { id: string } }).server.id);
      }
      await cloud.quiet(60_000, 500);
      const home = (await hostOf(members[0] ?? '')) ?? assert.fail('no host');
      cloud.bmcs.get(home)?.hostDies();
      await reaches(home, 'Recovered');
      const hosts = new Set(await Promise.all(members.map(hostOf)));
      assert.equal(hosts.size, 1, 'they are together');
      assert.ok(!hosts.has(home));
    }));

  it('a host that froze, and would wake up, is powered off first', async () =>
    await inHaCloud({}, async ({ cloud, cutOff, serversOn, reaches, hostOf }) => {
      const [id = ''] = await serversOn(first, 1);
      cutOff(first);
      await reaches(first, 'Recovered');
      assert.notEqual(await hostOf(id), first);
      assert.equal(await cloud.bmcs.get(first)?.powerState(), 'Off');
    }));

  it('an agent that is silent on a host that its neighbours reach: nothing', async () =>
    await inHaCloud(
      {},
      async ({ cloud, clock, silence, serversOn, reaches, hypervisors, hostOf }) => {
        const [id = ''] = await serversOn(first, 1);
        silence(first);
        await reaches(first, 'Suspect');
        await clock.sleep(180_000);
        const host = (await hypervisors()).find((each) => each.host === first);
        assert.equal(host?.state, 'Suspect');
        assert.match(host?.reason ?? '', /neighbours reach it/);
        assert.equal(await hostOf(id), first);
        assert.deepEqual(await cloud.bmcs.get(first)?.events(), []);
        silence(first, false);
        await reaches(first, 'Healthy');
      },
    ));

  it('all hosts at once, or half of them: nothing', async () =>
    // Without watchdogs: a host that is cut off from everybody would end its own guests.
    await inHaCloud(
      { ha: { selfFencingMs: 0 } },
      async ({ cloud, clock, cutOff, serversOn, hypervisors }) => {
        await serversOn(first, 1);
        const names = [...cloud.hosts.keys()];
        for (const cut of [names, names.slice(0, 2)]) {
          for (const name of cut) cutOff(name);
          await clock.sleep(180_000);
          for (const bmc of cloud.bmcs.values()) assert.deepEqual(await bmc.events(), []);
          for (const name of cut) cutOff(name, false);
          await clock.sleep(30_000);
          const after = await hypervisors();
          assert.ok(
            after.every(({ state }) => state === 'Healthy'),
            JSON.stringify(after),
          );
        }
      },
    ));

  it('a BMC that died with its host: nothing until a person says that it is off', async () =>
    await inHaCloud(
      { ha: { selfFencingMs: 0 } },
      async ({ cloud, clock, serversOn, reaches, acknowledge, hostOf }) => {
        const [id = ''] = await serversOn(first, 1);
        cloud.bmcs.get(first)?.hostDies();
        cloud.bmcs.get(first)?.breakDown(fault('timeout', 'no route to the BMC'));
        await reaches(first, 'FailedToFence');
        await clock.sleep(60_000);
        assert.equal(await hostOf(id), first);
        await acknowledge(first);
        await reaches(first, 'Recovered');
        assert.notEqual(await hostOf(id), first);
      },
    ));

  it('a host that is cut off with its BMC: its watchdog ends its guests before they run elsewhere', async () =>
    await inHaCloud({}, async ({ cloud, clock, serversOn, cutOff, reaches, detail, hostOf }) => {
      const [id = ''] = await serversOn(first, 1);
      await clock.sleep(10_000); // until its watchdog is armed and the service knows it
      cloud.bmcs.get(first)?.breakDown(fault('timeout', 'no route to the BMC'));
      const cutAtMs = clock.monotonicMs();
      cutOff(first);
      await clock.sleep(20_000);
      assert.equal(cloud.bmcs.get(first)?.isOn(), true);
      await clock.sleep(13_000);
      assert.equal(cloud.bmcs.get(first)?.isOn(), false);
      assert.equal(await hostOf(id), first);
      await reaches(first, 'Recovered');
      assert.ok(clock.monotonicMs() - cutAtMs > 40_000);
      assert.ok((await detail(first)).timeline.some(({ detail: { by } }) => by === 'storage'));
      assert.notEqual(await hostOf(id), first);
    }));

  it('a host that reaches anybody still ends nothing', async () =>
    await inHaCloud({}, async ({ cloud, clock, serversOn, silence, hostOf }) => {
      const [id = ''] = await serversOn(first, 1);
      await clock.sleep(10_000);
      silence(first);
      cloud.bmcs.get(first)?.breakDown(fault('timeout', 'no route to the BMC'));
      for (const way of ['network', 'storage'] as const) {
        cloud.witnesses.cut(first, way, true);
        await clock.sleep(120_000);
        assert.equal(cloud.bmcs.get(first)?.isOn(), true, `cut off from the service and ${way}`);
        cloud.witnesses.cut(first, way, false);
      }
      assert.equal(await hostOf(id), first);
    }));

  it('the target dies during the recovery: both are recovered', async () =>
    await inHaCloud({ hosts: 9 }, async ({ cloud, serversOn, reaches, hostOf }) => {
      const ids = await serversOn(first, 2);
      cloud.bmcs.get(first)?.hostDies();
      await reaches(first, 'Evacuating');
      cloud.bmcs.get(second)?.hostDies();
      await reaches(first, 'Recovered', 240_000);
      await reaches(second, 'Recovered', 240_000);
      for (const id of ids) {
        assert.ok(![first, second].includes((await hostOf(id)) ?? first));
        assert.equal((await cloud.show(id))?.status, 'ACTIVE');
      }
    }));

  for (const seed of [1, 2, 3, 4, 5, 6])
    it(`processes of the service that die, or stand still, during a recovery change nothing (${seed})`, async () =>
      await inHaCloud(
        { processes: 2, seed },
        async ({ cloud, clock, serversOn, reaches, detail, hostOf }) => {
          const ids = await serversOn(first, 2);
          cloud.bmcs.get(first)?.hostDies();
          // A kill at a different moment in each run, between the first suspicion and the last
          // server.
          for (let death = 0; death < 4; death += 1) {
            await clock.sleep(1_000 + ((seed * 977 + death * 613) % 5_000));
            const running = cloud.control.running();
            const dying = running[(seed + death) % running.length]?.process;
            if (!dying) continue;
            if ((seed + death) % 3 === 0) {
              // Paused for longer than its leases last, then resumed as if nothing had happened.
              dying.stop();
              await clock.sleep(longerThanLeaseMs);
              dying.goOn();
              continue;
            }
            await cloud.control.crash(dying);
            await cloud.control.restart(dying, true);
          }
          await reaches(first, 'Recovered', 240_000);
          const { moves } = await detail(first);
          for (const id of ids) {
            assert.notEqual(await hostOf(id), first);
            assert.equal((await cloud.show(id))?.status, 'ACTIVE');
            const { migrations } = (
              await cloud.compute(
                'GET',
                `/os-migrations?instance_uuid=${id}&migration_type=evacuation`,
              )
            ).body as { migrations: { status: string }[] };
            const successes = migrations.filter(
              ({ status }) => status !== 'error' && status !== 'failed',
            );
            assert.equal(successes.length, 1, JSON.stringify({ migrations, moves }));
          }
        },
      ));
});
