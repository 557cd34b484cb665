// When HA restarts a guest that died, and when it gives up or leaves the guest alone.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import type { DiedGuest } from './guest-recovery.ts';
import { isForgotten, nextGuestStep } from './guest-recovery.ts';

const limits = { restarts: 3, forgetAfterMs: 600_000, pauseMs: 5_000 };
const server = (more: Partial<FleetServer> = {}): FleetServer => ({
  id: 'a',
  name: 'a',
  status: 'SHUTOFF',
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:power_state': 6,
  'OS-EXT-SRV-ATTR:host': 'h1',
  flavor: { ram: 1, vcpus: 1 },
  ...more,
});
const step = (more: Partial<DiedGuest> = {}, nowMs = 0) =>
  nextGuestStep(
    {
      server: server(),
      host: 'h1',
      isWanted: true,
      lastAction: 'create',
      recovery: undefined,
      ...more,
    },
    limits,
    nowMs,
  ).do;

describe('a guest that died on a host that lives', () => {
  it('is started at once', () => assert.equal(step(), 'start'));

  it('is left alone where its owner, or whoever stopped it, wants it so', () => {
    assert.equal(step({ isWanted: false }), 'nothing');
    assert.equal(step({ lastAction: 'stop' }), 'nothing');
    assert.equal(step({ lastAction: 'shelve' }), 'nothing');
    assert.equal(step({ lastAction: 'start' }), 'start');
  });

  it('waits for Nova, and is no business of this host elsewhere', () => {
    assert.equal(step({ server: server({ status: 'ACTIVE' }) }), 'nothing');
    assert.equal(step({ server: server({ 'OS-EXT-STS:task_state': 'powering-on' }) }), 'nothing');
    assert.equal(step({ server: server({ 'OS-EXT-SRV-ATTR:host': 'h2' }) }), 'nothing');
    assert.equal(step({ server: null }), 'nothing');
  });

  it('is started a few times, with pauses, and then left in its true state', () => {
    const recovery = { attempts: 1, lastAtMs: 1_000, isGivenUp: false, refusal: null };
    assert.equal(step({ recovery }, 5_999), 'nothing');
    assert.equal(step({ recovery }, 6_000), 'start');
    assert.equal(step({ recovery: { ...recovery, attempts: 3 } }, 6_000), 'giveUp');
    assert.equal(step({ recovery: { ...recovery, attempts: 3, isGivenUp: true } }, 1e9), 'nothing');
    assert.equal(isForgotten(recovery, limits, 600_999), false);
    assert.equal(isForgotten(recovery, limits, 601_000), true);
  });
});
