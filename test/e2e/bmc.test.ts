// A real host is powered off and on by its BMC over Redfish: it ends with its guests, stays off
// across a restart of the control plane, and comes back with them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createRedfishBmc } from '#adapters/redfish/redfish-bmc.ts';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret, silentLog } from '#platform/log.ts';
import { markedProcess, startTimeOf } from '#platform/process-start-time.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Bmc } from '#ports/bmc.ts';
import type { TestCloud } from './cloud.testing.ts';
import { createTiny, realCloudMissing, testCloud } from './cloud.testing.ts';

const withinMs = 60_000;

describe('the BMC of a real host', { skip: realCloudMissing(), timeout: 300_000 }, () => {
  let cloud: TestCloud;
  let bmc: Bmc;

  before(async () => {
    cloud = await testCloud();
    await cloud.up('--hosts', '1');
    const readState = (file: string): string =>
      readFileSync(join(cloud.dir, 'bmcs/h1', file), 'utf8').trim();
    bmc = createRedfishBmc(
      {
        origin: readState('address'),
        user: 'admin',
        password: new Secret(readState('password')),
        trust: { kind: 'pinned', certificate: readState('bmc.crt') },
      },
      { clock: systemClock, ids: systemIds, log: silentLog },
    );
  });
  after(async () => {
    await bmc?.close();
    await cloud?.close();
  });

  /** Pid of the host's init; null if it has ended. */
  const initOf = async (): Promise<number | null> => {
    const mark = readFileSync(join(cloud.dir, 'hosts/h1/init.pid'), 'utf8');
    return (await markedProcess(mark))?.pid ?? null;
  };
  const becomes = async (state: string): Promise<void> => {
    await eventually(async () => (await bmc.powerState()) === state, {
      withinMs,
      everyMs: 100,
      what: `the chassis is ${state}`,
    });
  };
  /** Pids of the host's QEMU processes. */
  const qemus = (): string[] =>
    readdirSync('/proc').filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        const command = readFileSync(join('/proc', pid, 'cmdline'), 'utf8');
        return command.includes('qemu-system') && command.includes(`${cloud.dir}/hosts/h1/`);
      } catch {
        return false; // the process has ended meanwhile
      }
    });
  const guests = async (): Promise<string> =>
    await cloud.virsh('h1', 'list', '--name').catch(() => '');

  it('ends it with its guests, keeps it off, and brings both back', async () => {
    await cloud.openstack(...createTiny('g1', '--nic', 'none'));
    await becomes('On');
    const inventory = await bmc.inventory();
    assert.ok(!isFault(inventory));
    assert.deepEqual(inventory.interfaces.map(({ id }) => id).sort(), ['ext0', 'mgmt0', 'tun0']);
    const init = await initOf();
    assert.ok(init !== null);
    const running = qemus();
    assert.equal(running.length, 1);
    assert.equal(await bmc.overrideBoot({ enabled: 'Once', target: 'Pxe' }), undefined);

    assert.equal(await bmc.power('ForceOff'), undefined);
    await becomes('Off');
    assert.equal(await startTimeOf(init), null);
    assert.deepEqual(qemus(), []);
    assert.match(await cloud.cobalt('host', 'list'), /h1 +stopped/);

    // A restarted control plane must not power the host on.
    await cloud.cobalt('restart');
    await becomes('Off');
    assert.equal(await initOf(), null);

    assert.equal(await bmc.power('On'), undefined);
    await becomes('On');
    assert.notEqual(await initOf(), init);
    await eventually(async () => (await guests()).trim() !== '', {
      withinMs,
      everyMs: 250,
      what: 'its guest runs again',
    });
    assert.deepEqual(await bmc.bootOverride(), { enabled: 'Disabled', target: 'None' });
    const events = await bmc.events();
    assert.ok(!isFault(events));
    assert.deepEqual(
      events.slice(-2).map(({ messageId }) => messageId),
      ['Power.1.0.PoweredOff', 'Power.1.0.PoweredOn'],
    );
  });

  it('shuts it down with its guests, and leaves alone one that dies and returns', async () => {
    assert.equal(await bmc.power('GracefulShutdown'), undefined);
    await becomes('Off');
    assert.equal(await initOf(), null);
    assert.equal(await bmc.power('On'), undefined);
    await becomes('On');
    const init = await initOf();
    process.kill(init ?? 0, 'SIGKILL');
    await eventually(async () => ![init, null].includes(await initOf()), {
      withinMs,
      everyMs: 100,
      what: 'it is started again by itself',
    });
    await becomes('On');
  });
});
