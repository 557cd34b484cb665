// Our Redfish driver against OpenStack's emulator (sushy-tools), where it is installed: it has no
// sessions, no log and no subscriptions, and carries out orders some seconds later.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createRedfishBmc } from '#adapters/redfish/redfish-bmc.ts';
import { isFault } from '#contracts/common/fault.ts';
import { startChild } from '#platform/child-process.ts';
import type { Child } from '#platform/child-process.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret, silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import type { Bmc } from '#ports/bmc.ts';

const emulator = process.env['SUSHY_EMULATOR'] ?? 'sushy-emulator';
const missing =
  spawnSync(emulator, ['--help']).status === 0
    ? false
    : 'needs sushy-tools (pip install sushy-tools; SUSHY_EMULATOR=path of sushy-emulator)';
const uuid = '27946b59-9e44-4fa7-8e91-f3527a1ef094';
const withinMs = 30_000;

describe("OpenStack's BMC emulator", { skip: missing, timeout: 180_000 }, () => {
  let folder: string;
  let child: Child;
  let bmc: Bmc;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sushy-tools-'));
    const port = await freePort();
    const config = join(folder, 'emulator.conf');
    await writeFile(
      config,
      [
        `SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'`,
        `SUSHY_EMULATOR_LISTEN_PORT = ${port}`,
        `SUSHY_EMULATOR_STATE_DIR = '${folder}'`,
        `SUSHY_EMULATOR_FAKE_SYSTEMS = [{'uuid': '${uuid}', 'name': 'h1', 'power_state': 'On',`,
        `  'nics': [{'mac': '00:5c:52:31:3a:9c', 'ip': '172.22.0.100'}]}]`,
        '',
      ].join('\n'),
    );
    child = startChild([emulator, '--config', config, '--fake'], { timeoutMs: 180_000 });
    bmc = createRedfishBmc(
      {
        origin: `http://127.0.0.1:${port}`,
        user: 'nobody',
        password: new Secret('not asked for'),
        trust: { kind: 'public' },
      },
      { clock: systemClock, ids: systemIds, log: silentLog },
    );
    await eventually(async () => !isFault(await bmc.powerState()), {
      withinMs,
      what: 'it answers',
    });
  });
  after(async () => {
    await bmc?.close();
    child?.kill();
    await child?.ended;
    if (folder) await rm(folder, { recursive: true });
  });

  const becomes = async (state: string): Promise<void> => {
    await eventually(async () => (await bmc.powerState()) === state, {
      withinMs,
      everyMs: 200,
      what: `it is ${state}`,
    });
  };

  it('is read, told where to boot from, and switched', async () => {
    const inventory = await bmc.inventory();
    assert.ok(!isFault(inventory) && inventory.uuid === uuid);
    assert.deepEqual(
      inventory.interfaces.map(({ macAddress }) => macAddress),
      ['00:5c:52:31:3a:9c'],
    );
    const sensors = await bmc.sensors();
    assert.ok(!isFault(sensors) && sensors.length >= 3);
    assert.equal(await bmc.overrideBoot({ enabled: 'Continuous', target: 'Pxe' }), undefined);
    assert.deepEqual(await bmc.bootOverride(), { enabled: 'Continuous', target: 'Pxe' });
    for (const [action, state] of [
      ['ForceOff', 'Off'],
      ['ForceOff', 'Off'],
      ['On', 'On'],
      ['GracefulShutdown', 'Off'],
    ] as const) {
      assert.equal(await bmc.power(action), undefined);
      await becomes(state);
    }
  });

  it('lacks what it lacks', async () => {
    for (const outcome of [
      await bmc.events(),
      await bmc.subscribe({ url: 'http://127.0.0.1/', context: 'test' }),
    ])
      assert.ok(isFault(outcome) && outcome.kind === 'notImplemented');
  });
});
