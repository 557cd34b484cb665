import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { probeAcceleration, tryGuest } from './probe-acceleration.ts';

const skip = existsSync('/usr/bin/qemu-system-x86_64') ? false : 'needs qemu-system-x86';

describe('the probe for acceleration', { skip }, () => {
  const stateDir = mkdtempSync('/tmp/cc-probe-');
  after(() => rmSync(stateDir, { recursive: true }));

  test('the tiny guest runs to its end: emulation boots it', async () => {
    assert.equal((await tryGuest('tcg', 20_000)).kvm, true);
  });

  test('a guest that misses the deadline is no acceleration', async () => {
    const late = await tryGuest('tcg', 1);
    assert.ok(!late.kvm && /did not boot within/.test(late.why));
  });

  test('the answer is kept for this boot of the machine only', { skip: existsSync('/dev/kvm') ? false : 'no /dev/kvm: nothing is kept' }, async () => {
    const first = await probeAcceleration({ stateDir });
    const file = join(stateDir, 'acceleration.json');
    const kept = JSON.parse(await readFile(file, 'utf8'));
    assert.deepEqual(kept.acceleration, first);
    const other = { kvm: false, why: 'kept' };
    await writeFile(file, JSON.stringify({ ...kept, acceleration: other }));
    assert.deepEqual(await probeAcceleration({ stateDir }), other);
    await writeFile(file, JSON.stringify({ boot: 'another boot', acceleration: other }));
    assert.notDeepEqual(await probeAcceleration({ stateDir }), other);
  });
});
