// Quotas: what fits, how a refusal is worded, and which limits may be set.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isFault } from '#contracts/common/fault.ts';
import { checkLimits, quotaClassWords, quotaSetWords, resourcesIn } from './quota-set.ts';
import { checkQuota, howManyFit, quotaDefaults } from './quota.ts';

const limits = { instances: 2, cores: 4, ram: 1024 };
const nothing = { instances: 0, cores: 0, ram: 0 };

describe('a quota', () => {
  it('lets in what fits to the last', () =>
    assert.equal(
      checkQuota(
        limits,
        { instances: 1, cores: 2, ram: 512 },
        { instances: 1, cores: 2, ram: 512 },
      ),
      undefined,
    ));
  it('names each resource that does not fit, with what is asked, used and allowed', () => {
    const refusal = checkQuota(
      limits,
      { instances: 2, cores: 1, ram: 1024 },
      { instances: 1, cores: 1, ram: 1 },
    );
    assert.ok(isFault(refusal));
    assert.deepEqual(
      [refusal.kind, refusal.message],
      [
        'overQuota',
        'Quota exceeded for instances, ram: Requested 1, 1, but already used 2, 1024 of 2, 1024 instances, ram',
      ],
    );
  });
  it('of -1 bounds nothing', () =>
    assert.equal(
      checkQuota({ instances: -1, cores: -1, ram: -1 }, nothing, {
        instances: 1e6,
        cores: 1e6,
        ram: 1e9,
      }),
      undefined,
    ));
  it('of 0 lets nothing in', () =>
    assert.ok(checkQuota({ ...limits, cores: 0 }, nothing, { instances: 1, cores: 1, ram: 1 })));
  it('never lets use grow beyond a limit, whatever the numbers', () => {
    const amount = fc.integer({ min: 0, max: 100 });
    const all = fc.record({ instances: amount, cores: amount, ram: amount });
    fc.assert(
      fc.property(all, all, all, (most, used, wanted) => {
        const fits = (['instances', 'cores', 'ram'] as const).every(
          (resource) => used[resource] + wanted[resource] <= most[resource],
        );
        assert.equal(checkQuota(most, used, wanted) === undefined, fits);
      }),
    );
  });
  it('lets in exactly as many as it says fit', () => {
    const amount = fc.integer({ min: 0, max: 100 });
    const all = fc.record({ instances: amount, cores: amount, ram: amount });
    fc.assert(
      fc.property(all, fc.record({ cores: amount, ram: amount }), (most, { cores, ram }) => {
        const fit = howManyFit(most, nothing, { instances: 1, cores, ram });
        const check = (count: number) =>
          checkQuota(most, nothing, { instances: count, cores: count * cores, ram: count * ram });
        assert.deepEqual([check(fit), isFault(check(fit + 1))], [undefined, true]);
      }),
    );
    assert.equal(howManyFit({ instances: -1, cores: -1, ram: -1 }, nothing, limits), Infinity);
  });
});

describe('a quota set', () => {
  const project = { ...quotaDefaults };
  const check = (wanted: object, facts: object = {}) =>
    checkLimits(wanted, { used: { cores: 5 }, project: null, force: false, ...facts })?.message;
  it('goes not below what is used, unless forced', () => {
    assert.equal(check({ cores: 5 }), undefined);
    assert.match(check({ cores: 4 }) ?? '', /greater than or equal to already used and reserved 5/);
    assert.equal(check({ cores: 4 }, { force: true }), undefined);
    assert.equal(check({ cores: -1 }), undefined);
  });
  it('of a user stays within the project, even forced', () => {
    assert.equal(check({ cores: 20 }, { project }), undefined);
    assert.match(check({ cores: 21 }, { project, force: true }) ?? '', /less than or equal to 20/);
    assert.match(check({ cores: -1 }, { project }) ?? '', /less than or equal to 20/);
    assert.equal(check({ cores: -1 }, { project: { ...project, cores: -1 } }), undefined);
  });
  it('names fewer resources with every step', () => {
    const count = (version: number, words = quotaSetWords) => [
      resourcesIn(version, words).own.length,
      resourcesIn(version, words).networks.length,
    ];
    assert.deepEqual(
      [1, 35, 36, 56, 57].map((version) => count(version)),
      [
        [10, 4],
        [10, 4],
        [10, 0],
        [10, 0],
        [7, 0],
      ],
    );
    assert.deepEqual(
      [1, 49, 50, 57].map((version) => count(version, quotaClassWords)),
      [
        [8, 4],
        [8, 4],
        [10, 0],
        [7, 0],
      ],
    );
  });
});
