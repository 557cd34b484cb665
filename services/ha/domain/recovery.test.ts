// The next steps of a recovery, depending on the states of the host's servers.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import { neighboursOf } from './neighbours.ts';
import { recoveryPolicy } from './priority.ts';
import type { Move } from './recovery.ts';
import { nextMoves, observedMove } from './recovery.ts';

const limits = {
  atOnce: 4,
  atOncePerTarget: 2,
  attempts: 3,
  pauseMs: 5_000,
  beginMs: 15_000,
  timeoutMs: 60_000,
};

const server = (id: string, status = 'ACTIVE', more: Partial<FleetServer> = {}): FleetServer => ({
  id,
  name: id,
  status,
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:power_state': 1,
  'OS-EXT-SRV-ATTR:host': 'dead',
  flavor: { ram: 512, vcpus: 1 },
  ...more,
});
const move = (serverId: string, more: Partial<Move> = {}): Move => ({
  serverId,
  status: 'pending',
  priority: 0,
  attempts: 0,
  attemptAtMs: 0,
  tried: [],
  destination: null,
  staysOff: false,
  ...more,
});
const next = (moves: Move[], servers: FleetServer[], targets = ['a', 'b'], nowMs = 0): string[] =>
  nextMoves(moves, new Map(servers.map((each) => [each.id, each])), targets, limits, nowMs).map(
    ({ serverId, change }) =>
      `${change.kind} ${serverId}${change.kind === 'begin' ? ` ${change.target}` : ''}`,
  );

describe('which servers are brought back next', () => {
  it('servers of the highest priority first, the next priority once these are settled', () => {
    const moves = [move('low'), move('high', { priority: 5 }), move('top', { priority: 9 })];
    const servers = ['low', 'high', 'top'].map((id) => server(id));
    assert.deepEqual(next(moves, servers), ['begin top null']);
    const ongoing = moves.map((each) => ({ ...each }));
    (ongoing[2] as Move).status = 'ongoing';
    assert.deepEqual(next(ongoing, servers), []);
    (ongoing[2] as Move).status = 'failed';
    assert.deepEqual(next(ongoing, servers), ['begin high null']);
  });

  it('no more at once than the limits, in total and for each target', () => {
    const ids = ['1', '2', '3', '4', '5', '6'];
    const moves = ids.map((id) => move(id));
    const servers = ids.map((id) => server(id));
    assert.equal(next(moves, servers).length, 4);
    assert.equal(next(moves, servers, ['a']).length, 2);
    assert.equal(next(moves, servers, []).length, 0);
  });

  it('go to another target when one is full, or an attempt there has failed', () => {
    const full = ['x', 'y'].map((id) => move(id, { status: 'ongoing', destination: 'a' }));
    assert.deepEqual(next([...full, move('1')], [server('1')]), ['begin 1 b']);
    const failed = move('1', { attempts: 1, tried: ['a'] });
    assert.deepEqual(next([failed], [server('1', 'ERROR')], ['a', 'b'], 5_000), ['begin 1 b']);
    const everywhere = move('1', { attempts: 2, tried: ['a', 'b'] });
    assert.deepEqual(next([everywhere], [server('1', 'ERROR')], ['a', 'b'], 5_000), ['begin 1 a']);
  });

  it('after a pause, and not while Nova works on it', () => {
    const failed = move('1', { attempts: 1, attemptAtMs: 1_000 });
    assert.deepEqual(next([failed], [server('1')], ['a'], 5_999), []);
    assert.deepEqual(next([failed], [server('1')], ['a'], 6_000), ['begin 1 a']);
    const busy = server('1', 'ACTIVE', { 'OS-EXT-STS:task_state': 'powering-off' });
    assert.deepEqual(next([move('1')], [busy]), []);
  });

  it('paused servers like those in error, but none in a state that Nova cannot evacuate', () => {
    assert.deepEqual(next([move('1')], [server('1', 'PAUSED')]), ['resetState 1']);
    assert.deepEqual(next([move('1')], [server('1', 'VERIFY_RESIZE')]), ['failedAttempt 1']);
  });

  it('are never more than there is room for, and never one twice', () => {
    const any = fc.record({
      status: fc.constantFrom('pending', 'ongoing', 'succeeded', 'failed', 'ignored'),
      priority: fc.integer({ min: -1, max: 2 }),
      attempts: fc.nat(2),
      destination: fc.constantFrom('a', 'b', null),
    });
    fc.assert(
      fc.property(
        fc.array(any, { maxLength: 12 }),
        fc.subarray(['a', 'b', 'c']),
        (all, targets) => {
          const moves = all.map((each, index) => move(String(index), each as Partial<Move>));
          const servers = new Map(moves.map(({ serverId }) => [serverId, server(serverId)]));
          const begun = nextMoves(moves, servers, targets, limits, 1e6);
          const ongoing = moves.filter(({ status }) => status === 'ongoing').length;
          const room = Math.min(limits.atOnce, limits.atOncePerTarget * targets.length) - ongoing;
          assert.ok(begun.length <= Math.max(0, room));
          assert.equal(new Set(begun.map(({ serverId }) => serverId)).size, begun.length);
          for (const { serverId } of begun) {
            const { priority, status } = moves[Number(serverId)] as Move;
            assert.equal(status, 'pending');
            assert.ok(
              moves.every((each) => {
                const isSettled = each.status !== 'pending' && each.status !== 'ongoing';
                return isSettled || each.priority <= priority;
              }),
            );
          }
        },
      ),
    );
  });
});

describe('what has become of a move', () => {
  const ongoing = move('1', { status: 'ongoing', attempts: 1, attemptAtMs: 0, destination: 'a' });
  const changeFor = (now: FleetServer | null, nowMs = 1_000, of = ongoing) =>
    observedMove(of, now, 'dead', limits, nowMs);

  it('it has arrived when it is idle on another host', () => {
    const elsewhere = { 'OS-EXT-SRV-ATTR:host': 'a' };
    assert.deepEqual(changeFor(server('1', 'ACTIVE', elsewhere)), {
      kind: 'succeeded',
      destination: 'a',
    });
    assert.equal(changeFor(server('1', 'REBUILD', elsewhere)), undefined);
  });
  it('it was deleted meanwhile', () => assert.equal(changeFor(null)?.kind, 'ignored'));
  it('it failed: in error on the dead host, not begun, or not over in time', () => {
    const failed = changeFor(server('1', 'ERROR', { fault: { message: 'No valid host' } }));
    assert.deepEqual(failed, {
      kind: 'failedAttempt',
      message: 'No valid host',
      isLast: false,
    });
    assert.equal(changeFor(server('1'), 14_000), undefined);
    assert.equal(changeFor(server('1'), 16_000)?.kind, 'failedAttempt');
    const stuck = server('1', 'REBUILD', { 'OS-EXT-STS:task_state': 'rebuilding' });
    assert.equal(changeFor(stuck, 60_000), undefined);
    assert.equal(changeFor(stuck, 60_001)?.kind, 'failedAttempt');
    const neverBegun = changeFor(stuck, 60_001, move('1'));
    assert.equal(neverBegun?.kind === 'failedAttempt' && neverBegun.isLast, true);
  });
  it('no attempt follows the last allowed one', () => {
    const last = changeFor(server('1', 'ERROR'), 1_000, { ...ongoing, attempts: 3 });
    assert.equal(last?.kind === 'failedAttempt' && last.isLast, true);
  });
});

describe('the recovery policy', () => {
  it('is read from the metadata of the server, else of the flavor, else of the image', () => {
    assert.deepEqual(recoveryPolicy({}, {}, {}), { isWanted: true, priority: 0 });
    const policy = recoveryPolicy(
      { 'ha:priority': '7' },
      { 'ha:priority': '1', HA_Enabled: 'True' },
      { HA_Enabled: 'False' },
    );
    assert.deepEqual(policy, { isWanted: true, priority: 7 });
    assert.equal(recoveryPolicy({ HA_Enabled: 'false' }).isWanted, false);
    assert.equal(recoveryPolicy({ 'ha:priority': 'soon' }).priority, 0);
  });
});

describe('the neighbours of a host', () => {
  it('look at whoever looks at them', () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1 });
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 4 }), (all, perSide) => {
        for (const host of all) {
          const near = neighboursOf(host, all, perSide);
          assert.ok(near.length <= 2 * perSide && !near.includes(host));
          assert.ok(near.length >= Math.min(all.length - 1, perSide));
          for (const other of near) assert.ok(neighboursOf(other, all, perSide).includes(host));
        }
      }),
    );
  });
});
