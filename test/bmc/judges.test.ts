// Clients by other projects against the emulated BMC: sushy (Ironic's library) and DMTF's
// redfishtool, as Debian packages them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { resetTypes } from '#hosts/bmc/power-orders.ts';
import type { PowerTiming } from '#hosts/bmc/power-orders.ts';
import { runChild } from '#platform/child-process.ts';
import { startTestBmc } from './emulated-bmc.testing.ts';
import type { TestBmc } from './emulated-bmc.testing.ts';

const python = '/usr/bin/python3';
const script = join(import.meta.dirname, 'sushy-client.testing.py');
const timeoutMs = 60_000;

const sushyMissing =
  spawnSync(python, ['-c', 'import sushy']).status === 0
    ? false
    : 'needs python3-sushy (apt-get install python3-sushy)';
const redfishtoolMissing =
  spawnSync('redfishtool', ['-V']).status === 0
    ? false
    : 'needs redfishtool (apt-get install redfishtool)';

describe("sushy, Ironic's client", { skip: sushyMissing }, () => {
  for (const [timing, way] of [
    ['immediate', 'basic'],
    ['task', 'session'],
  ] as const satisfies [PowerTiming, string][])
    it(`switches, boots and reads a host: ${timing}, ${way}`, async () => {
      const bmc = await startTestBmc({ timing, orderMs: 200 });
      try {
        const { origin, user, password } = bmc.emulated;
        const env = { PATH: '/usr/bin:/bin', BMC_USER: user, BMC_PASSWORD: password.reveal() };
        const { code, stdout, stderr } = await runChild(
          [python, script, origin, join(bmc.folder, 'bmc.crt'), way],
          { timeoutMs, env },
        );
        assert.equal(code, 0, stderr);
        const { uuid, ...fields } = JSON.parse(stdout) as Record<string, unknown>;
        assert.match(String(uuid), /^[0-9a-f-]{36}$/);
        assert.deepEqual(fields, {
          power: ['On', 'Off', 'On'],
          boot: ['Once', 'Pxe'],
          boot_after: 'Disabled',
          allowed_resets: [...resetTypes].sort(),
          allowed_boots: ['BiosSetup', 'Cd', 'Hdd', 'None', 'Pxe', 'UefiHttp'],
          interfaces: ['0a:00:00:00:00:01'],
          processors: 2,
          firmware: 'test',
          temperatures: [21],
          fans: [4200],
          refused: 'InvalidParameterValueError',
        });
        assert.equal(bmc.chassis.boots, 2);
      } finally {
        await bmc.close();
      }
    });
});

describe("redfishtool, DMTF's client", { skip: redfishtoolMissing }, () => {
  let bmc: TestBmc;
  before(async () => {
    bmc = await startTestBmc({ timing: 'task', orderMs: 100 });
    const { user, password } = bmc.emulated;
    await writeFile(
      join(bmc.folder, 'redfishtool.json'),
      JSON.stringify({ user, password: password.reveal() }),
      { mode: 0o600 },
    );
  });
  after(async () => await bmc?.close());

  async function tool(...words: string[]): Promise<{ code: number | null; stdout: string }> {
    const host = new URL(bmc.emulated.origin).host;
    const options = ['-r', host, '-S', 'Always', '-c', join(bmc.folder, 'redfishtool.json')];
    const { code, stdout } = await runChild(['redfishtool', ...options, ...words], { timeoutMs });
    return { code, stdout };
  }
  const read = async (...words: string[]): Promise<any> => {
    const { code, stdout } = await tool(...words);
    assert.equal(code, 0, words.join(' '));
    return JSON.parse(stdout);
  };

  it('reads every service, with Basic and with a session', async () => {
    for (const way of ['Basic', 'Session']) {
      assert.equal((await read('-A', way, 'root')).RedfishVersion, '1.8.0');
      assert.equal((await read('-A', way, 'Systems', '-1')).HostName, 'h1');
    }
    assert.equal((await read('Managers', '-1')).FirmwareVersion, 'test');
    assert.equal((await read('Chassis', '-1', 'Thermal')).Fans[0].Reading, 4200);
    assert.equal((await read('Chassis', '-1', 'Power')).PowerControl[0].PowerConsumedWatts, 180);
    assert.equal((await read('Systems', '-1', '-a', 'Processors')).Members.length, 1);
    assert.equal((await read('Systems', '-1', '-a', 'EthernetInterfaces')).Members.length, 1);
    assert.equal((await read('SessionService')).ServiceEnabled, true);
  });

  it('switches the host off and on, follows the task, and sets the boot override', async () => {
    assert.equal((await tool('Systems', '-1', 'reset', 'ForceOff')).code, 0);
    assert.equal((await read('Systems', '-1', '-P', 'PowerState', 'get')).PowerState, 'Off');
    assert.equal(bmc.chassis.runs, false);
    assert.equal((await tool('Systems', '-1', 'setBootOverride', 'Once', 'Pxe')).code, 0);
    assert.equal((await tool('Systems', '-1', 'setIndicatorLed', 'Lit')).code, 0);
    const { IndicatorLED: led, Boot: boot } = await read('Systems', '-1');
    assert.deepEqual([led, boot.BootSourceOverrideTarget], ['Lit', 'Pxe']);
    assert.equal((await tool('Systems', '-1', 'reset', 'On')).code, 0);
    assert.equal((await read('Systems', '-1', '-P', 'PowerState', 'get')).PowerState, 'On');
    assert.equal(bmc.chassis.runs, true);
  });

  it('fails with a wrong password', async () => {
    bmc.trouble({ kind: 'locked' });
    assert.notEqual((await tool('Systems', '-1')).code, 0);
    bmc.trouble(undefined);
  });
});
