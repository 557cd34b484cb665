// Filters of the lists of types, services and pools, one row per filter: which objects it finds for
// whom, or whether it is ignored or refused. api-ref; cinder.api.common,
// etc/cinder/resource_filters.json
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { CinderFixture, Person } from '../cinder.testing.ts';
import type { Found } from './list-filters.testing.ts';
import { dict, startListedCinder } from './list-filters.testing.ts';

let cinder: CinderFixture;
before(async () => {
  cinder = await startListedCinder();
});
after(async () => await cinder.close());

describe('types, services and pools', () => {
  /**
   * Caller, path, microversion, and the result: names in the answer's order, or a refusal's status.
   */
  const cases: readonly (readonly [Person, string, number, Found])[] = [
    ['member', 'types?sort=name:asc', 70, '__DEFAULT__ fast sim slow'],
    ['member', 'types?is_public=None&sort=name:asc', 70, '__DEFAULT__ fast sim slow'],
    ['admin', 'types?is_public=none&sort=name:asc', 70, '__DEFAULT__ fast secret sim slow'],
    ['admin', 'types?is_public=false', 70, 'secret'],
    ['admin', 'types?is_public=perhaps', 70, 400],
    ['member', `types?extra_specs=${dict(`{'a': 'b'}`)}`, 70, 'fast'],
    ['member', `types?extra_specs=${dict({ a: 'c' })}`, 52, ''],
    [
      'member',
      `types?sort=name:asc&extra_specs=${dict({ a: 'b' })}`,
      51,
      '__DEFAULT__ fast sim slow',
    ],
    ['member', 'types?extra_specs=none', 70, ''],
    ['member', 'types?name=fast', 70, 400],
    ['admin', 'types?name=fast', 70, 'fast'],
    ['admin', 'types?colour=red', 70, ''],
    ['member', 'types?colour=red&sort=name:asc', 51, '__DEFAULT__ fast sim slow'],
    ['member', 'types?sort=name:desc&limit=1', 70, 'slow'],
    ['member', 'types?sort=name:desc&offset=1&limit=1', 70, 'sim'],
    ['member', 'types?marker=none-such', 70, 404],
    ['member', 'types?sort=colour', 70, 400],
    ['admin', 'os-services?binary=cinder-scheduler', 70, 'control'],
    ['admin', 'os-services?binary=none-such', 70, ''],
    ['admin', 'os-services?host=control@sim', 70, 'control@sim'],
    ['admin', 'os-services?host=none-such', 70, ''],
    ['member', 'os-services', 70, 403],
    ['admin', 'scheduler-stats/get_pools?name=control@sim%23sim', 70, 'control@sim#sim'],
    ['admin', 'scheduler-stats/get_pools?name=none-such', 70, ''],
    ['admin', 'scheduler-stats/get_pools?name=none-such', 27, 'control@sim#sim'],
    ['admin', 'scheduler-stats/get_pools?name~=sim', 70, 'control@sim#sim'],
    ['admin', 'scheduler-stats/get_pools?name~=x', 70, ''],
    ['admin', 'scheduler-stats/get_pools?name~=sim', 33, 400],
    ['admin', 'scheduler-stats/get_pools?volume_type=slow', 70, ''],
    ['admin', 'scheduler-stats/get_pools?volume_type=sim&detail=true', 70, 'control@sim#sim'],
    ['admin', 'scheduler-stats/get_pools?volume_type=slow', 34, 'control@sim#sim'],
    ['admin', 'scheduler-stats/get_pools?volume_type=none-such', 70, ''],
    ['admin', 'scheduler-stats/get_pools?colour=red', 70, 400],
    ['admin', 'scheduler-stats/get_pools?colour=red', 30, 'control@sim#sim'],
    ['admin', 'scheduler-stats/get_pools?detail=perhaps', 70, 400],
    ['admin', 'scheduler-stats/get_pools?offset=1', 70, ''],
    ['admin', 'scheduler-stats/get_pools?offset=x', 70, 400],
    ['member', 'scheduler-stats/get_pools', 70, 403],
  ];
  for (const [who, path, version, wanted] of cases) {
    it(`${path} at 3.${version}, ${who}`, async () => {
      const { status, body } = await cinder.ask(who, 'GET', path, { version });
      assert.equal(
        status === 200
          ? (Object.values(body)[0] as Loose[]).map((item) => item.name ?? item.host).join(' ')
          : status,
        wanted,
      );
    });
  }
});
