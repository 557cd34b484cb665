// The targets that each recovery method allows, and when a reserved host is activated.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RecoveryMethod } from '#contracts/ha/masakari.ts';
import type { Candidates } from './stand-ins.ts';
import { needsStandIn, targetsBy } from './stand-ins.ts';

const fresh: Candidates = { all: ['b', 'c'], standIns: [], tried: [[]] };
const withOne: Candidates = { all: ['b', 'c', 'r'], standIns: ['r'], tried: [[]] };

describe('the recovery method of a segment', () => {
  const decided = (method: RecoveryMethod, candidates: Candidates) => [
    needsStandIn(method, candidates),
    targetsBy(method, candidates),
  ];

  it('auto leaves the choice to Nova, whatever fails', () => {
    const any = { hosts: ['b', 'c'], named: false };
    for (const tried of [[[]], [['b', 'c']]])
      assert.deepEqual(decided('auto', { ...fresh, tried }), [false, any]);
  });

  it('reserved_host takes reserved hosts alone, another one when a server fails at all of them', () => {
    assert.deepEqual(decided('reserved_host', fresh), [true, { hosts: [], named: true }]);
    assert.deepEqual(decided('reserved_host', withOne), [false, { hosts: ['r'], named: true }]);
    const [isNeeded] = decided('reserved_host', { ...withOne, tried: [[], ['r']] });
    assert.equal(isNeeded, true);
    const withoutReserved = { ...withOne, all: ['b', 'c'] };
    assert.deepEqual(decided('reserved_host', withoutReserved), [true, { hosts: [], named: true }]);
  });

  it('rh_priority takes a reserved host first, and any other once a server failed there', () => {
    assert.deepEqual(needsStandIn('rh_priority', fresh), true);
    assert.deepEqual(decided('rh_priority', withOne), [false, { hosts: ['r'], named: true }]);
    const failed = { ...withOne, tried: [['r']] };
    const any = { hosts: ['b', 'c', 'r'], named: false };
    assert.deepEqual(decided('rh_priority', failed), [false, any]);
  });

  it('auto_priority takes any host first, and a reserved one once a server failed, or none is left', () => {
    assert.deepEqual(decided('auto_priority', fresh), [false, { hosts: ['b', 'c'], named: false }]);
    assert.equal(needsStandIn('auto_priority', { ...fresh, tried: [['b']] }), true);
    assert.equal(needsStandIn('auto_priority', { ...fresh, all: [] }), true);
    assert.equal(needsStandIn('auto_priority', { ...withOne, tried: [['b']] }), false);
  });
});
