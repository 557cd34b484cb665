import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { judge, probeAcceleration } from './probe-acceleration.ts';
import type { BootTrial, ProbeOptions } from './probe-acceleration.ts';

const boots = (ms: number): BootTrial => ({ kind: 'booted', ms });
const hangs = (afterMs: number): BootTrial => ({ kind: 'timedOut', afterMs });
const fails = (why: string): BootTrial => ({ kind: 'failed', why });

describe('KVM or emulation', () => {
  test('KVM that is clearly faster is used, and by how much is said', () => {
    assert.deepEqual(judge(boots(3000), boots(500)), {
      kind: 'kvm',
      why: 'KVM is 6.0 times faster than emulation (user space in 0.5 s, emulation in 3.0 s)',
    });
  });

  test('KVM that boots a guest more slowly than emulation is not used, and by how much is said', () => {
    assert.deepEqual(judge(boots(3000), boots(6000)), {
      kind: 'tcg',
      why: 'KVM is slower than emulation by 2.0 times (user space in 6.0 s, emulation in 3.0 s)',
    });
  });

  test('a small gain is not worth the risk', () =>
    assert.equal(judge(boots(3000), boots(2500)).kind, 'tcg'));

  test('KVM that never reaches user space is not used: the case of a KVM in software (PVM)', () => {
    assert.deepEqual(judge(boots(3600), hangs(10_800)), {
      kind: 'tcg',
      why: 'KVM is slower than emulation by more than 3.0 times (not in user space after 10.8 s, emulation in 3.6 s)',
    });
  });

  test('KVM that QEMU refuses is not used', () =>
    assert.deepEqual(judge(boots(3000), fails('no')).kind, 'tcg'));
  test('KVM alone is used where emulation does not boot', () =>
    assert.equal(judge(fails('no'), boots(500)).kind, 'kvm'));
  test('where neither boots, emulation is tried, with both reasons', () =>
    assert.match(judge(fails('this'), hangs(60_000)).why, /60.0 s.*this/));
});

describe('the setting `acceleration`', () => {
  const never: ProbeOptions['guest'] = () => assert.fail('nothing is to be measured');
  const file = '/nonexistent';

  test('tcg: nothing is tried', async () => {
    const chosen = await probeAcceleration({ setting: 'tcg', file, guest: never });
    assert.ok(!isFault(chosen) && chosen.kind === 'tcg');
  });

  test('kvm: used as it is, or refused by name where there is none', async () => {
    const chosen = await probeAcceleration({ setting: 'kvm', file, guest: never });
    if (existsSync('/dev/kvm') && existsSync('/usr/bin/qemu-system-x86_64'))
      assert.ok(!isFault(chosen) && chosen.kind === 'kvm');
    else assert.ok(isFault(chosen) && /acceleration: kvm/.test(chosen.message));
  });
});

const skip =
  existsSync('/usr/bin/qemu-system-x86_64') && existsSync('/dev/kvm')
    ? false
    : 'needs qemu-system-x86 and /dev/kvm: without, nothing is kept';

describe('a kept answer', { skip }, () => {
  const stateDir = mkdtempSync('/tmp/cc-probe-');
  const file = join(stateDir, 'acceleration.json');
  after(() => rmSync(stateDir, { recursive: true }));
  // A guest that fails at once with and without KVM: these tests need no real measurement.
  const brokenGuest = { kernel: '/dev/null', ramdisk: Buffer.alloc(0) };
  let measured = 0;
  const ask = async (fresh = false) =>
    await probeAcceleration({
      setting: 'auto',
      file,
      fresh,
      guest: () => (measured++, Promise.resolve(brokenGuest)),
    });

  test('is used again, and not where probe, boot, kernel or QEMU is another or the file is an older one', async () => {
    const first = await ask();
    assert.deepEqual(await ask(), first);
    assert.equal(measured, 1);
    await ask(true);
    assert.equal(measured, 2);
    const storedResult = JSON.parse(await readFile(file, 'utf8')) as {
      measuredFor: Record<string, unknown>;
    };
    for (const field of ['probe', 'boot', 'kernel', 'qemu']) {
      await writeFile(
        file,
        JSON.stringify({
          ...storedResult,
          measuredFor: { ...storedResult.measuredFor, [field]: 'another' },
          acceleration: { kind: 'kvm', why: 'kept' },
        }),
      );
      assert.deepEqual(await ask(), first, field);
    }
    await writeFile(
      file,
      JSON.stringify({
        boot: storedResult.measuredFor['boot'],
        acceleration: { kvm: true, bootMs: 1400 },
      }),
    );
    assert.deepEqual(await ask(), first, 'as the release before wrote it');
    assert.equal(measured, 7);
  });

  test('is not made where there is no guest to measure with', async () => {
    rmSync(file);
    const chosen = await probeAcceleration({
      setting: 'auto',
      file,
      guest: () => Promise.resolve(undefined),
    });
    assert.ok(!isFault(chosen) && chosen.kind === 'tcg' && /not tried/.test(chosen.why));
    assert.equal(existsSync(file), false);
  });
});
