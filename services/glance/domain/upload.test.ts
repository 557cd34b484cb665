// When an upload counts as dead: by its lease for other processes; at once if it is from before
// this process's restart.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isDead } from './upload.ts';

const leaseMs = 30_000;
const nowMs = 1_000_000;
const own = { name: 'one', writing: new Set(['mine']) };
const cases: { what: string; owner: string | null; key?: string; agoMs: number; dead: boolean }[] =
  [
    { what: 'this life writes it', owner: 'one', key: 'mine', agoMs: 60_000, dead: false },
    { what: 'an earlier life wrote it', owner: 'one', agoMs: 1, dead: true },
    { what: 'another process was just heard of', owner: 'two', agoMs: 29_999, dead: false },
    { what: 'another process is silent', owner: 'two', agoMs: 30_000, dead: true },
    { what: 'nobody knows whose, just heard of', owner: null, agoMs: 29_999, dead: false },
    { what: 'nobody knows whose, silent', owner: null, agoMs: 30_000, dead: true },
  ];

for (const { what, owner, key = 'other', agoMs, dead } of cases)
  it(`${what}: ${dead ? 'dead' : 'lives'}`, () => {
    assert.equal(isDead({ key, owner, seenMs: nowMs - agoMs }, own, { nowMs, leaseMs }), dead);
  });
