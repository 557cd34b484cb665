import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Cidr } from './ip.ts';
import { parseCidr } from './ip.ts';
import { checkPools, defaultGateway, defaultPools, poolSize, poolsHave } from './pools.ts';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  assert.ok(parsed, text);
  return parsed;
};
const typeOf = (outcome: Outcome<unknown>): string | undefined =>
  isFault(outcome) ? outcome.detail['type'] : 'fine';

describe('the default pools', () => {
  it('are all hosts but the gateway', () => {
    assert.deepEqual(defaultPools(cidr('10.0.0.0/24'), '10.0.0.1'), [
      { start: '10.0.0.2', end: '10.0.0.254' },
    ]);
    assert.deepEqual(defaultPools(cidr('10.0.0.0/24'), '10.0.0.9'), [
      { start: '10.0.0.1', end: '10.0.0.8' },
      { start: '10.0.0.10', end: '10.0.0.254' },
    ]);
    assert.deepEqual(defaultPools(cidr('10.0.0.0/24'), '10.0.0.254'), [
      { start: '10.0.0.1', end: '10.0.0.253' },
    ]);
    assert.deepEqual(defaultPools(cidr('10.0.0.0/24'), null), [
      { start: '10.0.0.1', end: '10.0.0.254' },
    ]);
    assert.deepEqual(defaultPools(cidr('10.0.0.0/31'), null), [
      { start: '10.0.0.0', end: '10.0.0.1' },
    ]);
    assert.deepEqual(defaultPools(cidr('2001:db8::/64'), '2001:db8::1'), [
      { start: '2001:db8::2', end: '2001:db8::ffff:ffff:ffff:ffff' },
    ]);
  });
  it('know their size', () => {
    assert.equal(poolSize(defaultPools(cidr('10.0.0.0/22'), '10.0.0.1')), 1021n);
    assert.equal(poolSize(defaultPools(cidr('2001:db8::/64'), null)), 2n ** 64n - 1n);
  });
  it('begin behind the default gateway', () =>
    assert.deepEqual(
      [defaultGateway(cidr('10.0.0.0/24')), defaultGateway(cidr('2001:db8::/64'))],
      ['10.0.0.1', '2001:db8::1'],
    ));
});

describe('named pools', () => {
  const check = (pools: readonly [string, string][], gateway: string | null = '10.0.0.1') =>
    checkPools(
      pools.map(([start, end]) => ({ start, end })),
      cidr('10.0.0.0/24'),
      gateway,
    );
  it('are put in order', () =>
    assert.deepEqual(
      check([
        ['10.0.0.50', '10.0.0.60'],
        ['10.0.0.5', '10.0.0.6'],
      ]),
      [
        { start: '10.0.0.5', end: '10.0.0.6' },
        { start: '10.0.0.50', end: '10.0.0.60' },
      ],
    ));
  for (const [what, pools, type] of [
    ['turned round', [['10.0.0.9', '10.0.0.3']], 'InvalidAllocationPool'],
    ['of the other family', [['2001:db8::1', '2001:db8::9']], 'InvalidAllocationPool'],
    ['outside', [['10.0.0.5', '10.0.1.5']], 'OutOfBoundsAllocationPool'],
    ['on the network address', [['10.0.0.0', '10.0.0.5']], 'OutOfBoundsAllocationPool'],
    [
      'that overlap',
      [
        ['10.0.0.5', '10.0.0.9'],
        ['10.0.0.9', '10.0.0.12'],
      ],
      'OverlappingAllocationPools',
    ],
    ['with the gateway inside', [['10.0.0.1', '10.0.0.9']], 'GatewayConflictWithAllocationPools'],
  ] as const) {
    it(`${what} are refused as ${type}`, () =>
      assert.equal(typeOf(check(pools as unknown as [string, string][])), type));
  }
  it('hold what lies between their ends', () =>
    assert.deepEqual(
      ['10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7'].map((ip) =>
        poolsHave([{ start: '10.0.0.5', end: '10.0.0.6' }], ip),
      ),
      [false, true, true, false],
    ));
});
