// The evidence that is needed to declare a host dead.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Evidence } from './verdict.ts';
import { judge } from './verdict.ts';

const timers = { agentTimeoutMs: 5_000, storageTimeoutMs: 8_000 };
const silent: Evidence = {
  agentSilentMs: 6_000,
  witnesses: { reached: 0, missed: 0 },
  unreachedMs: null,
  storageStillMs: null,
  power: null,
};
const of = (more: Partial<Evidence>): string => {
  const verdict = judge({ ...silent, ...more }, timers);
  return verdict.kind === 'dead' ? `dead by ${verdict.sources.join()}` : verdict.kind;
};

describe('the verdict on a host', () => {
  it('a silent agent alone does not make a host dead', () => assert.equal(of({}), 'silent'));

  it('a silent agent and neighbours that do not reach the host make it dead', () =>
    assert.equal(of({ witnesses: { reached: 0, missed: 2 } }), 'dead by agent,neighbours'));

  it('a silent agent and a storage mark that has not changed for long enough make it dead', () => {
    assert.equal(of({ storageStillMs: 7_000 }), 'silent');
    assert.equal(of({ storageStillMs: 9_000 }), 'dead by agent,storage');
  });

  it('one neighbour that reaches the host keeps it from being dead, whatever other sources say', () =>
    assert.equal(of({ witnesses: { reached: 1, missed: 5 }, storageStillMs: 60_000 }), 'silent'));

  it('a host whose chassis is off is dead, even if its address still answers', () =>
    assert.equal(of({ power: 'Off', witnesses: { reached: 1, missed: 0 } }), 'dead by agent,bmc'));

  it('a host whose agent sends heartbeats is alive, whatever other sources say', () =>
    assert.equal(of({ agentSilentMs: 5_000, power: 'Off', storageStillMs: 99_000 }), 'alive'));

  const anyEvidence = fc.record<Evidence>({
    agentSilentMs: fc.nat(20_000),
    witnesses: fc.record({ reached: fc.nat(3), missed: fc.nat(3) }),
    unreachedMs: fc.option(fc.nat(20_000)),
    storageStillMs: fc.option(fc.nat(20_000)),
    power: fc.constantFrom('On', 'Off', 'PoweringOn', 'PoweringOff', null),
  });

  it('a dead host always has two sources, and a silent agent among them', () => {
    fc.assert(
      fc.property(anyEvidence, (evidence) => {
        const verdict = judge(evidence, timers);
        if (verdict.kind !== 'dead') return;
        assert.ok(verdict.sources.length >= 2);
        assert.equal(new Set(verdict.sources).size, verdict.sources.length);
        assert.ok(evidence.agentSilentMs > timers.agentTimeoutMs);
      }),
    );
  });

  it('a longer silence never changes the verdict back from dead', () => {
    fc.assert(
      fc.property(anyEvidence, fc.nat(20_000), (evidence, moreMs) => {
        if (judge(evidence, timers).kind !== 'dead') return;
        const later = { ...evidence, agentSilentMs: evidence.agentSilentMs + moreMs };
        assert.equal(judge(later, timers).kind, 'dead');
      }),
    );
  });
});
