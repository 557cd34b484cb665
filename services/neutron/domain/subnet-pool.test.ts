import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { parseCidr } from './ip.ts';
import { checkPrefixLengths, firstFree, isFreeIn, mergePrefixes } from './subnet-pool.ts';

it('prefixes of a pool are joined where they are neighbours or one is in another', () => {
  assert.deepEqual(mergePrefixes(['10.128.0.0/9', '10.0.0.0/9', '10.3.0.0/16']), {
    version: 4,
    prefixes: ['10.0.0.0/8'],
  });
  assert.deepEqual(mergePrefixes(['10.1.0.0/24', '10.2.0.0/24']), {
    version: 4,
    prefixes: ['10.1.0.0/24', '10.2.0.0/24'],
  });
  assert.deepEqual(mergePrefixes(['0.0.0.0/0', '0.0.0.0/0']), {
    version: 4,
    prefixes: ['0.0.0.0/0'],
  });
});
it('a pool of both families or of none is refused', () => {
  for (const [prefixes, type] of [
    [['10.0.0.0/8', '2001:db8::/32'], 'PrefixVersionMismatch'],
    [[], 'EmptySubnetPoolPrefixList'],
    [['x'], 'InvalidInput'],
  ] as const) {
    const merged = mergePrefixes(prefixes);
    assert.ok(isFault(merged));
    assert.equal(merged.detail['type'], type);
  }
});
it('bounds of prefix lengths must be in order', () => {
  assert.equal(
    checkPrefixLengths({ min_prefixlen: 8, default_prefixlen: 24, max_prefixlen: 32 }, 4),
    undefined,
  );
  for (const [min, usual, max] of [
    [9, 8, 32],
    [8, 33, 32],
    [8, 8, 33],
    [24, 24, 16],
  ] as const)
    assert.ok(
      isFault(
        checkPrefixLengths({ min_prefixlen: min, default_prefixlen: usual, max_prefixlen: max }, 4),
      ),
      `${min} ${usual} ${max}`,
    );
});
it('the first free subnet steps over what is taken, larger or smaller', () => {
  assert.equal(firstFree(['10.0.0.0/16'], [], 24), '10.0.0.0/24');
  assert.equal(firstFree(['10.0.0.0/16'], ['10.0.0.0/24', '10.0.1.128/26'], 24), '10.0.2.0/24');
  assert.equal(firstFree(['10.0.0.0/16'], ['10.0.0.0/26'], 26), '10.0.0.64/26');
  assert.equal(firstFree(['10.0.0.0/24', '10.9.0.0/24'], ['10.0.0.0/24'], 24), '10.9.0.0/24');
  assert.equal(firstFree(['10.0.0.0/24'], ['10.0.0.128/25'], 24), undefined);
  assert.equal(firstFree(['10.0.0.0/24'], [], 16), undefined);
});
it('a named subnet must lie in the pool and be free', () => {
  const free = (text: string): boolean => {
    const cidr = parseCidr(text);
    return cidr !== undefined && isFreeIn(['10.0.0.0/16'], ['10.0.4.0/24'], cidr);
  };
  assert.deepEqual(['10.0.5.0/24', '10.0.4.0/25', '10.0.0.0/20', '10.1.0.0/24'].map(free), [
    true,
    false,
    false,
    false,
  ]);
});
