// Runs the contract of ports/storage-marks.ts on the simulated driver, and tests that a cut works
// in both directions.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { storageMarksContract } from '#ports/storage-marks.testing.ts';
import { createSimWitnesses } from './sim-witness.ts';

describe('simulated storage marks', () => {
  storageMarksContract(() => {
    const all = createSimWitnesses(() => true);
    return { one: all.marksOf('h1'), other: all.marksOf('h2') };
  });
});

describe('probes between simulated hosts', () => {
  it('fail once a host is off or cut off', async () => {
    const off = new Set<string>();
    const all = createSimWitnesses((host) => !off.has(host));
    const [one, two] = [all.probeOf('h1'), all.probeOf('h2')];
    assert.equal(await one.reaches('h2'), true);
    all.cut('h2', 'network', true);
    assert.equal(await one.reaches('h2'), false);
    assert.equal(await two.reaches('h1'), false);
    assert.equal(await all.marksOf('h2').write('h2', 'm'), undefined);
    all.cut('h2', 'network', false);
    assert.equal(await one.reaches('h2'), true);
    all.cut('h2', 'storage', true);
    assert.ok(isFault(await all.marksOf('h2').write('h2', 'n')));
    assert.equal(await all.marksOf('h1').read('h2'), 'm');
    off.add('h2');
    assert.equal(await one.reaches('h2'), false);
  });
});
