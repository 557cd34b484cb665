// The forecast of where the servers of a host could go.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Mover, Room } from './forecast-moves.ts';
import { planMoves, stuckIn } from './forecast-moves.ts';

const room = (host: string, free: number): Room => ({ host, free: { MEMORY_MB: free, VCPU: 8 } });
const mover = (id: string, ram: number, ...rooms: Room[]): Mover => ({
  server: { id, name: `name-${id}` },
  needs: { MEMORY_MB: ram, VCPU: 1 },
  rooms: rooms.filter(({ free }) => (free['MEMORY_MB'] ?? 0) >= ram),
});
const moves = (movers: Mover[]): string[] =>
  planMoves(movers, 2).moves.map(({ server, host }) => `${server.id} ${host}`);

describe('the plan of moves', () => {
  it('the largest servers are placed first, each on the host with the most free memory', () => {
    const rooms = [room('h2', 3000), room('h3', 2500)];
    assert.deepEqual(
      moves([mover('a', 512, ...rooms), mover('b', 2048, ...rooms), mover('c', 512, ...rooms)]),
      ['b h2', 'a h3', 'c h3'],
    );
  });

  it('a placed server uses up the room of its target', () => {
    const rooms = [room('h2', 1000)];
    const plan = planMoves([mover('a', 600, ...rooms), mover('b', 600, ...rooms)], 1);
    assert.equal(plan.moves.length, 1);
    assert.equal(
      stuckIn(plan),
      'name-b (b): no room is left for it beside the larger ones: 600 MEMORY_MB, 1 VCPU',
    );
  });

  it('a target may also lack another resource than memory', () => {
    const narrow: Room = { host: 'h2', free: { MEMORY_MB: 9000, VCPU: 1 } };
    const plan = planMoves([mover('a', 512, narrow), mover('b', 512, narrow)], 1);
    assert.deepEqual([plan.moves.length, plan.stuck.length], [1, 1]);
  });

  it('says whether there is no host at all, or none that is large enough', () => {
    const why = (targets: number): string | undefined =>
      planMoves([mover('a', 5000, room('h2', 100))], targets).stuck[0]?.why;
    assert.equal(why(0), 'no other host takes servers now');
    assert.match(
      why(1) ?? '',
      /no other host that takes servers has what it needs: 5000 MEMORY_MB/,
    );
  });
});
