// The fencing ladder: what counts as proof, and what is tried before fencing fails.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LadderFacts } from './fencing.ts';
import { cutOffFor, nextRung } from './fencing.ts';

const limits = {
  verifications: 3,
  bmcGiveUpMs: 15_000,
  selfFencingMarginMs: 10_000,
  seenWithinMs: 8_000,
};
const facts: LadderFacts = {
  power: 'On',
  offTaken: true,
  fencingMs: 0,
  offReadings: 0,
  bmcSilentMs: 0,
  cutOffMs: null,
  selfFencingMs: null,
};
const step = (more: Partial<LadderFacts>) => nextRung({ ...facts, ...more }, limits);

describe('the fencing ladder', () => {
  it('cuts the power, and again while it is not off', () => {
    for (const power of ['On', 'PoweringOn', 'PoweringOff'] as const)
      assert.equal(step({ power }).do, 'powerOff');
  });
  it('orders also a chassis off that is off: it may have lost its power, and start again', () =>
    assert.equal(step({ power: 'Off', offTaken: false, offReadings: 9 }).do, 'powerOff'));
  it('counts no reading of one whose BMC refused the order: it may start again', () => {
    const refused = { power: 'Off', offTaken: false, offReadings: 9 } as const;
    assert.equal(step({ ...refused, fencingMs: 14_000 }).do, 'powerOff');
    assert.deepEqual(step({ ...refused, fencingMs: 15_000 }), {
      do: 'fail',
      why: 'its BMC does not cut its power, and it has no watchdog that ends its guests',
    });
  });
  it('asks for another proof where a BMC takes orders and does not carry them out', () => {
    const stuck = { power: 'On', fencingMs: 15_000, selfFencingMs: 20_000 } as const;
    assert.equal(step({ ...stuck, cutOffMs: 0 }).do, 'fail');
    assert.deepEqual(step({ ...stuck, cutOffMs: 30_001 }), { do: 'fenced', by: 'storage' });
  });
  it('believes it when it was read several times', () => {
    assert.equal(step({ power: 'Off', offReadings: 2 }).do, 'wait');
    assert.deepEqual(step({ power: 'Off', offReadings: 3 }), { do: 'fenced', by: 'redfish' });
  });
  it('waits for a BMC that does not answer, and then asks for another proof', () => {
    assert.equal(step({ power: null, bmcSilentMs: 14_000 }).do, 'wait');
    assert.equal(step({ power: null, bmcSilentMs: 15_000 }).do, 'fail');
  });
  const cutOff = { power: null, fencingMs: 15_000, bmcSilentMs: 15_000, selfFencingMs: 20_000 };
  it('takes a host as fenced that was cut off for longer than its watchdog waits', () => {
    assert.equal(step({ ...cutOff, cutOffMs: 30_000 }).do, 'wait');
    assert.deepEqual(step({ ...cutOff, cutOffMs: 30_001 }), { do: 'fenced', by: 'storage' });
  });
  it('but not one without a watchdog, one that is seen, or one of which nothing is known', () => {
    assert.equal(step({ ...cutOff, selfFencingMs: null, cutOffMs: 1e9 }).do, 'fail');
    assert.equal(step({ ...cutOff, cutOffMs: 0 }).do, 'fail');
    assert.equal(step({ ...cutOff, cutOffMs: null }).do, 'fail');
  });
  it('gives up one whose mark on the storage moves now and then, not one that fell silent', () => {
    assert.equal(step({ ...cutOff, cutOffMs: 1_500 }).do, 'fail');
    assert.equal(step({ ...cutOff, cutOffMs: 8_000 }).do, 'wait');
    const noBmc = { power: undefined, selfFencingMs: 20_000, cutOffMs: 6_000 };
    assert.equal(step(noBmc).do, 'wait');
  });
  it('says what is missing', () => {
    const failed = step({ power: undefined });
    assert.deepEqual(failed, {
      do: 'fail',
      why: 'no BMC is known of it, and it has no watchdog that ends its guests',
    });
  });
  it('a host is cut off for as long as the last of its ways', () => {
    assert.equal(cutOffFor(5, 3, 9), 3);
    assert.equal(cutOffFor(5, null, 9), null);
  });

  it('never calls fenced what no proof speaks for', () => {
    const any = fc.record<LadderFacts>({
      power: fc.constantFrom('On', 'Off', 'PoweringOn', 'PoweringOff', null, undefined),
      offTaken: fc.boolean(),
      fencingMs: fc.nat(30_000),
      offReadings: fc.nat(5),
      bmcSilentMs: fc.nat(30_000),
      cutOffMs: fc.option(fc.nat(60_000)),
      selfFencingMs: fc.option(fc.nat(40_000)),
    });
    fc.assert(
      fc.property(any, (each) => {
        const next = nextRung(each, limits);
        if (next.do !== 'fenced') return;
        if (next.by === 'redfish')
          assert.ok(each.power === 'Off' && each.offTaken && each.offReadings >= 3);
        else {
          assert.ok(typeof each.power !== 'string' || each.fencingMs >= limits.bmcGiveUpMs);
          assert.ok(each.cutOffMs !== null && each.selfFencingMs !== null);
          assert.ok(each.cutOffMs > each.selfFencingMs + limits.selfFencingMarginMs);
        }
      }),
    );
  });
});
