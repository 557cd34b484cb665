// Claims that are settled together: each is granted or refused on its own, given those before it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainInventory } from '#contracts/placement/wire.ts';
import type { ClaimFacts, ConsumerClaim } from './settle-claims.ts';
import { settleClaims } from './settle-claims.ts';

function factsOf(
  vcpus: Record<string, number>,
  allocations: readonly (readonly [consumer: string, provider: string, amount: number])[] = [],
): ClaimFacts {
  const rows = allocations.map(([consumer, provider_uuid, used]) => ({
    consumer,
    row: { provider_uuid, resource_class: 'VCPU', used },
  }));
  return {
    generations: new Map(rows.map(({ consumer }) => [consumer, 1])),
    allocations: new Map(rows.map(({ consumer, row }) => [consumer, [row]])),
    inventories: new Map(
      Object.entries(vcpus).map(([provider, total]) => [
        provider,
        new Map([['VCPU', plainInventory(total)]]),
      ]),
    ),
    used: rows.map(({ row }) => row),
  };
}

const claim = (
  consumerUuid: string,
  amounts: Record<string, number>,
  generation: number | null | undefined = null,
): ConsumerClaim => ({
  consumerUuid,
  projectId: 'p',
  userId: 'u',
  consumerType: null,
  generation,
  allocations: new Map(
    Object.entries(amounts).map(([provider, amount]) => [provider, new Map([['VCPU', amount]])]),
  ),
});

const outcomes = (requests: readonly ConsumerClaim[][], facts: ClaimFacts) =>
  settleClaims(requests, facts).refusals.map((refused) => refused?.kind ?? 'granted');

describe('requests that are settled together', () => {
  it('are granted in order, and a refused request leaves its amounts to the next one', () => {
    assert.deepEqual(
      outcomes(
        [[claim('a', { h: 3 })], [claim('b', { h: 2 })], [claim('c', { h: 1 })]],
        factsOf({ h: 4 }),
      ),
      ['granted', 'conflict', 'granted'],
    );
  });

  it('are granted whole or not at all: a refused part frees the amounts of the parts before it', () => {
    assert.deepEqual(
      outcomes(
        [[claim('a', { h: 4 }), claim('b', { h: 1 })], [claim('c', { h: 4 })]],
        factsOf({ h: 4 }),
      ),
      ['conflict', 'granted'],
    );
    assert.deepEqual(
      outcomes(
        [[claim('a', { h: 4, i: 5 })], [claim('c', { h: 4, i: 4 })]],
        factsOf({ h: 4, i: 4 }),
      ),
      ['conflict', 'granted'],
    );
  });

  it('release old allocations before the new ones are counted, and a refused request releases nothing', () => {
    const facts = factsOf({ h: 4, i: 1 }, [
      ['a', 'h', 4],
      ['b', 'i', 1],
    ]);
    assert.deepEqual(
      outcomes([[claim('a', { i: 1 }, 1)], [claim('c', { h: 1 })]], facts),
      ['conflict', 'conflict'],
      'a keeps what it has on h',
    );
    assert.deepEqual(
      outcomes([[claim('b', {}, 1)], [claim('a', { i: 1 }, 1)], [claim('c', { h: 4 })]], facts),
      ['granted', 'granted', 'granted'],
    );
  });

  it('are refused by a stale generation or an unknown provider, alone', () => {
    const facts = factsOf({ h: 4 }, [['a', 'h', 1]]);
    const requests = [
      [claim('a', { h: 1 }, 7)],
      [claim('a2', { nowhere: 1 })],
      [claim('b', { h: 1 }, 3)],
      [claim('c', { h: 3 })],
    ];
    assert.deepEqual(outcomes(requests, facts), [
      'concurrentUpdate',
      'badRequest',
      'concurrentUpdate',
      'granted',
    ]);
    assert.deepEqual(
      settleClaims(requests, facts).granted.map(({ consumerUuid }) => consumerUuid),
      ['c'],
    );
  });
});
