// Ids have the formats that OpenStack's clients expect; seeded ids are the same in every run.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededIds, systemIds } from './ids.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

for (const [name, ids] of [
  ['system', systemIds],
  ['seeded', seededIds(7)],
] as const) {
  describe(`${name} ids`, () => {
    it('have their forms', () => {
      assert.match(ids.uuid(), uuid);
      assert.match(ids.hex(), /^[0-9a-f]{32}$/);
      assert.match(ids.requestId(), new RegExp(`^req-${uuid.source.slice(1)}`));
      assert.equal(ids.bytes(9).length, 9);
    });
    it('do not come twice', () =>
      assert.equal(new Set(Array.from({ length: 5_000 }, () => ids.uuid())).size, 5_000));
    it('spread evenly in [0, 1)', () => {
      const tenths = Array.from({ length: 10 }, () => 0);
      for (let n = 0; n < 20_000; n += 1) {
        const at = Math.floor(ids.random() * 10);
        tenths[at] = (tenths[at] ?? assert.fail(`${at} is out of range`)) + 1;
      }
      for (const count of tenths) assert.ok(count > 1_700 && count < 2_300, tenths.join());
    });
  });
}

describe('seeded ids', () => {
  const sequence = (seed: number): string[] => {
    const ids = seededIds(seed);
    return [ids.uuid(), ids.hex(), String(ids.random()), ids.bytes(4).toString('hex')];
  };
  it('are the same for the same seed and others for another', () => {
    assert.deepEqual(sequence(1), sequence(1));
    assert.notDeepEqual(sequence(1), sequence(2));
  });
});
