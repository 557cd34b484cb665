// The limit on hosts fenced at the same time.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { refusedByCap } from './cap.ts';

const limits = { maxHosts: 10, maxZonePercent: 25 };
const zone = (watched: number, failing: number, liveHosts = watched - failing) =>
  refusedByCap({ liveHosts, failing, inZone: { watched, failing } }, limits);

describe('the cap on hosts', () => {
  it('allows one failed host, however small its zone', () => {
    for (const watched of [2, 3, 1_000]) assert.equal(zone(watched, 1), undefined);
  });
  it('allows a percentage of a zone', () => {
    assert.equal(zone(8, 2), undefined);
    assert.match(zone(8, 3) ?? '', /3 of 8 hosts of the zone fail together, more than 2 \(25 %\)/);
    assert.match(zone(2, 2, 0) ?? '', /cut off/);
    assert.match(zone(3, 2) ?? '', /2 of 3/);
  });
  it('allows a fixed number of hosts of all zones', () => {
    assert.equal(zone(1_000, 10), undefined);
    assert.match(zone(1_000, 11) ?? '', /11 hosts fail together, more than the 10/);
  });
  it('allows no fencing without any heartbeat, also in a cloud of one host', () => {
    assert.match(zone(1, 1, 0) ?? '', /a person must look/);
  });
  it('never allows more when more hosts fail', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(50), (watched, failing, liveHosts) => {
        if (zone(watched, failing, liveHosts) === undefined) return;
        assert.notEqual(zone(watched, failing + 1, liveHosts), undefined);
      }),
    );
  });
});
