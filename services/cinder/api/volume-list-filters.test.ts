// Filters of the volume list, one row per filter: which volumes it finds for whom, or whether it is
// ignored or refused. api-ref; cinder.api.common, etc/cinder/resource_filters.json
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { CinderFixture } from '../cinder.testing.ts';
import type { Found } from './list-filters.testing.ts';
import { at, dict, holdsFor, startListedCinder } from './list-filters.testing.ts';

let cinder: CinderFixture;
before(async () => {
  cinder = await startListedCinder();
});
after(async () => await cinder.close());

describe('volumes', () => {
  for (const path of ['volumes', 'volumes/detail']) {
    holdsFor(() => cinder, path, [
      ['', 'abc', 'abc', 'abc'],
      ['name=disk1', 'a', 'a', 'a'],
      ['name=disk1&name=disk11', 'ab', 'ab', 'ab'],
      ['name=', '', '', ''],
      ['name=disk1&status=error', '', '', ''],
      ['status=error', 'b', 'b', 'b'],
      ['status=none-such', '', '', ''],
      ['availability_zone=az-2', 'c', 'c', 'c'],
      ['bootable=true', 'a', 'a', 'a'],
      ['bootable=False', 'bc', 'bc', 'bc'],
      ['bootable=perhaps', 400, 400, 400],
      ['size=2', 'b', 'b', 'abc'],
      ['size=much', '', '', 'abc'],
      ['migration_status=migrating', '', '', 'abc'],
      ['group_id=x', '', '', ''],
      ['consumes_quota=true', 'abc', 'abc', 'abc'],
      ['consumes_quota=false', '', '', 'abc'],
      [`metadata=${dict({ kind: 'k' })}`, 'b', 'b', 'b'],
      [`metadata=${dict(`{'kind': 'k'}`)}`, 'b', 'b', 'b'],
      [`metadata=${dict(`{"kind": "it's", "b": "2"}`)}`, 'a', 'a', 'a'],
      [`metadata=${dict(`{'b': '2', u'kind': 'k'}`)}`, '', '', ''],
      ['metadata=kind', 400, 400, 400],
      [`metadata=${dict('[]')}`, 400, 400, 400],
      // Substring matches, since 3.34.
      ['name~=isk1', 'ab', 'ab', 'abc'],
      ['name~=_%25', 'c', 'c', 'abc'],
      ['status~=err', 'b', 'b', 'abc'],
      ['description~=Shop', 'b', 400, 'abc'],
      // Filters for administrators only.
      ['id=a', 'a', 400, 'abc'],
      ['description=The Shop', 'b', 400, 'abc'],
      ['user_id=someone', 'c', 400, 'abc'],
      ['host=control@sim%23sim', 'abc', 400, 'abc'],
      ['display_name=disk1', 'a', 400, 'abc'],
      [`glance_metadata=${dict({ os: 'x' })}`, 'a', 400, 'abc'],
      ['project_id=project-b', 'abc', 400, 'abc'],
      ['all_tenants=1&project_id=project-b', 'd', 400, 'abc'],
      ['all_tenants=1', 'abcd', 'abc', 'abc'],
      ['all_tenants=false', 'abc', 'abc', 'abc'],
      ['all_tenants=perhaps', 400, 400, 400],
      // Names that are no column.
      ['colour=red', '', 400, 'abc'],
      ['constructor=1', '', 400, 'abc'],
      ['%C3%A4=1', 400, 400, 400],
      // Comparisons of times.
      [`created_at=eq:${at(0)}`, 'a', 'a', 'abc'],
      [`created_at=neq:${at(0)}`, 'bc', 'bc', 'abc'],
      [`created_at=gt:${at(0)}`, 'bc', 'bc', 'abc'],
      [`created_at=gte:${at(1)}`, 'bc', 'bc', 'abc'],
      [`created_at=lt:${at(1)}`, 'a', 'a', 'abc'],
      [`created_at=lte:${at(1)}`, 'ab', 'ab', 'abc'],
      [`created_at=gt:${at(0)},lt:${at(2)}`, 'b', 'b', 'abc'],
      [`created_at=eq:${at(1, '.250000')}`, 'b', 'b', 'abc'],
      [`created_at=gt:${at(1, '.250000')}`, 'c', 'c', 'abc'],
      [`created_at=lte:${at(1)}Z`, 'ab', 'ab', 'abc'],
      [`created_at=eq:${at(3600)}${encodeURIComponent('+01:00')}`, 'a', 'a', 'abc'],
      [`updated_at=lte:${at(5)}`, 'b', 'b', 'abc'],
      [`updated_at=neq:${at(4)}`, 'b', 'b', 'abc'],
      [`created_at=${at(0)}`, 400, 400, 'abc'],
      ['created_at=yesterday', 400, 400, 'abc'],
      ['created_at=gt:yesterday', 400, 400, 'abc'],
      [`created_at=near:${at(0)}`, 400, 400, 'abc'],
      ['created_at=', 400, 400, 'abc'],
      // Paging.
      ['limit=2', 'ab', 'ab', 'ab'],
      ['limit=0', '', '', ''],
      ['limit=-1', 400, 400, 400],
      ['limit=many', 400, 400, 400],
      ['limit=9999', 'abc', 'abc', 'abc'],
      ['offset=1', 'bc', 'bc', 'bc'],
      ['offset=-1', 400, 400, 400],
      ['offset=x', 400, 400, 400],
      ['marker=a', 'bc', 'bc', 'bc'],
      ['marker=a&limit=1', 'b', 'b', 'b'],
      ['marker=a&offset=1', 'c', 'c', 'c'],
      ['marker=none-such', 404, 404, 404],
      ['marker=d', 404, 404, 404],
      ['with_count=true', 'abc', 'abc', 'abc'],
      ['with_count=perhaps', 400, 400, 'abc'],
      ['sort_key=id', 400, 400, 400],
      ['sort_dir=asc', 400, 400, 400],
    ]);
  }
});

describe('orders', () => {
  const cases: readonly (readonly [string, Found])[] = [
    ['', 'cba'],
    ['sort=name:asc', 'cab'],
    ['sort=name', 'bac'],
    ['sort=status:desc,id:asc', 'bac'],
    ['sort=size:desc,name:asc', 'bca'],
    ['sort_key=size&sort_dir=asc', 'acb'],
    ['sort_key=created_at', 'cba'],
    ['sort_dir=asc', 'abc'],
    ['sort=none-such', 400],
    ['sort=name:up', 400],
    ['sort_key=constructor', 400],
    ['sort_key=name&sort_dir=up', 400],
    ['sort=name&sort_key=name', 400],
  ];
  for (const [query, wanted] of cases) {
    it(`volumes?${query}`, async () => {
      const { status, body } = await cinder.ask('member', 'GET', `volumes?${query}`);
      assert.equal(
        status === 200 ? body.volumes.map(({ id }: Loose) => id).join('') : status,
        wanted,
      );
    });
  }
});
