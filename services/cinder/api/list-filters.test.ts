// Filters of Cinder's lists, one row each: what they find, for whom, and what is ignored or
// refused. api-ref; cinder.api.common, etc/cinder/resource_filters.json
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CinderFixture, Loose, Person } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

let cinder: CinderFixture;
const startMs = Date.UTC(2026, 10, 22, 12);
before(async () => {
  cinder = await startCinder();
  const { db } = cinder.deps.database;
  const [{ id: typeId } = { id: null }] = await db
    .selectFrom('volume_types')
    .select('id')
    .execute();
  const volume = {
    project_id: 'project-a',
    user_id: 'member',
    name: null,
    description: null,
    size_gib: 1,
    extending_gib: 0,
    status: 'available',
    availability_zone: 'nova',
    host: 'control@sim#sim',
    type_id: typeId,
    snapshot_id: null,
    source_volid: null,
    bootable: 0,
    readonly: null,
    metadata_json: '{}',
    image_metadata_json: '{}',
    creating_lock: null,
    created_at_ms: startMs,
    updated_at_ms: null,
  } as const;
  await db
    .insertInto('volumes')
    .values([
      {
        ...volume,
        id: 'a',
        name: 'disk1',
        metadata_json: '{"kind":"it\'s","b":"2"}',
        bootable: 1,
        created_at_ms: startMs + 250,
        image_metadata_json: '{"os":"x"}',
      },
      {
        ...volume,
        id: 'b',
        name: 'disk11',
        size_gib: 2,
        status: 'error',
        metadata_json: '{"kind":"k"}',
        created_at_ms: startMs + 1_250,
        updated_at_ms: startMs + 5_500,
        description: 'The Shop',
      },
      {
        ...volume,
        id: 'c',
        name: 'Disk_%',
        availability_zone: 'az-2',
        user_id: 'someone',
        created_at_ms: startMs + 2_000,
      },
      {
        ...volume,
        id: 'd',
        name: 'disk1',
        project_id: 'project-b',
        created_at_ms: startMs + 3_000,
      },
    ])
    .execute();
  const snapshot = {
    project_id: 'project-a',
    user_id: 'member',
    description: null,
    progress: '100%',
    size_gib: 1,
    metadata_json: '{}',
    assisted: null,
    updated_at_ms: null,
    created_at_ms: startMs,
  } as const;
  await db
    .insertInto('snapshots')
    .values([
      {
        ...snapshot,
        id: 'a',
        volume_id: 'a',
        name: 's1',
        status: 'available',
        metadata_json: '{"kind":"k"}',
      },
      { ...snapshot, id: 'c', volume_id: 'c', name: 's2', status: 'error', size_gib: 3 },
      {
        ...snapshot,
        id: 'd',
        volume_id: 'd',
        name: 's1',
        status: 'available',
        project_id: 'project-b',
      },
    ])
    .execute();
  const backup = {
    project_id: 'project-a',
    user_id: 'member',
    description: null,
    fail_reason: null,
    snapshot_id: null,
    availability_zone: 'nova',
    container: 'box',
    size_gib: 1,
    object_count: 0,
    metadata_json: '{"kind":"k"}',
    volume_facts_json: '{}',
    data_id: null,
    data_at_ms: null,
    updated_at_ms: null,
    created_at_ms: startMs,
  } as const;
  await db
    .insertInto('backups')
    .values([
      { ...backup, id: 'a', volume_id: 'a', name: 'b1', status: 'available' },
      { ...backup, id: 'b', volume_id: 'b', name: 'b11', status: 'error', container: 'other' },
      {
        ...backup,
        id: 'd',
        volume_id: 'd',
        name: 'b1',
        status: 'available',
        project_id: 'project-b',
      },
    ])
    .execute();
  const attachment = {
    project_id: 'project-a',
    host_name: null,
    device: null,
    mode: 'rw',
    connector_json: null,
    connection_json: null,
    attached_at_ms: null,
    created_at_ms: startMs,
  } as const;
  await db
    .insertInto('attachments')
    .values([
      { ...attachment, id: 'a', volume_id: 'a', server_id: 'vm-1', status: 'attached' },
      { ...attachment, id: 'b', volume_id: 'b', server_id: 'vm-2', status: 'reserved' },
      {
        ...attachment,
        id: 'd',
        volume_id: 'd',
        server_id: 'vm-1',
        status: 'attached',
        project_id: 'project-b',
      },
    ])
    .execute();
  const message = {
    project_id: 'project-a',
    request_id: 'req-1',
    resource_type: 'VOLUME',
    resource_id: 'a',
    action_id: '002',
    detail_id: '001',
    user_message: '',
    created_at_ms: startMs,
    expires_at_ms: startMs * 2,
  } as const;
  await db
    .insertInto('messages')
    .values([
      { ...message, id: 'a' },
      {
        ...message,
        id: 'b',
        request_id: 'req-2',
        resource_type: 'VOLUME_SNAPSHOT',
        resource_id: 's',
        detail_id: '006',
      },
    ])
    .execute();
  const transfer = {
    project_id: 'project-a',
    salt: '',
    key_hash: '',
    no_snapshots: 0,
    created_at_ms: startMs,
  } as const;
  await db
    .insertInto('transfers')
    .values([
      { ...transfer, id: 'a', volume_id: 'a', name: 't1' },
      { ...transfer, id: 'b', volume_id: 'b', name: 't2' },
    ])
    .execute();
  for (const [name, more] of [
    ['fast', { extra_specs: { volume_backend_name: 'sim', a: 'b' } }],
    ['slow', { extra_specs: { volume_backend_name: 'none' } }],
    ['secret', { 'os-volume-type-access:is_public': false }],
  ] as const)
    await cinder.ask('admin', 'POST', 'types', { body: { volume_type: { name, ...more } } });
});
after(async () => await cinder.close());

const found = async (
  who: Person,
  path: string,
  query: string,
  version: number,
): Promise<string | number> => {
  const { status, body } = await cinder.ask(who, 'GET', `${path}?sort=id:asc&${query}`, {
    version,
  });
  return status === 200
    ? Object.entries<Loose[]>(body)
        .filter(([key]) => !key.endsWith('_links') && key !== 'count')
        .flatMap(([, items]) => items.map(({ id }) => id))
        .join('')
    : status;
};
type Found = string | number;
/**
 * Query; what administrators of the project find at 3.70; what members find at 3.70 and at 3.30.
 */
type Case = readonly [query: string, admin: Found, member: Found, earlier: Found];
const holdsFor = (path: string, cases: readonly Case[]): void => {
  for (const [query, admin, member, earlier] of cases) {
    it(`${path}?${query}`, async () =>
      assert.deepEqual(
        [
          await found('admin', path, query, 70),
          await found('member', path, query, 70),
          await found('member', path, query, 30),
        ],
        [admin, member, earlier],
      ));
  }
};
const at = (seconds: number, fraction = ''): string =>
  `${new Date(startMs + seconds * 1_000).toISOString().slice(0, 19)}${fraction}`;
const dict = (value: object | string): string =>
  encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value));

describe('volumes', () => {
  for (const path of ['volumes', 'volumes/detail']) {
    holdsFor(path, [
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
      // A part of a text since 3.34.
      ['name~=isk1', 'ab', 'ab', 'abc'],
      ['name~=_%25', 'c', 'c', 'abc'],
      ['status~=err', 'b', 'b', 'abc'],
      ['description~=Shop', 'b', 400, 'abc'],
      // For administrators alone.
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
      // What is no column.
      ['colour=red', '', 400, 'abc'],
      ['constructor=1', '', 400, 'abc'],
      ['%C3%A4=1', 400, 400, 400],
      // Times.
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
      // Pages.
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

describe('snapshots', () => {
  holdsFor('snapshots/detail', [
    ['name=s1', 'a', 'a', 'a'],
    ['status=error', 'c', 'c', 'c'],
    ['volume_id=c', 'c', 'c', 'c'],
    [`metadata=${dict(`{'kind': 'k'}`)}`, 'a', 'a', 'a'],
    ['availability_zone=az-2', 'c', 'c', 'ac'],
    ['availability_zone=none-such', '', '', 'ac'],
    ['name~=s', 'ac', 'ac', 'ac'],
    ['consumes_quota=no', '', '', 'ac'],
    ['all_tenants=true', 'acd', 'ac', 'ac'],
    ['all_tenants=perhaps', 'ac', 'ac', 'ac'],
    ['with_count=true', 'ac', 'ac', 'ac'],
    ['volume_size=3', 'c', 400, 'ac'],
    ['id=a', 'a', 400, 'ac'],
    ['user_id=member', 'ac', 400, 'ac'],
    ['created_at=gt:2026-01-01', '', 400, 'ac'],
    ['colour=red', '', 400, 'ac'],
  ]);
});

describe('backups', () => {
  holdsFor('backups/detail', [
    ['name=b1', 'a', 'a', 'a'],
    ['name~=b1', 'ab', 'ab', 'ab'],
    ['status=error', 'b', 'b', 'b'],
    ['volume_id=b', 'b', 'b', 'b'],
    ['all_tenants=1', 'abd', 'ab', 'ab'],
    ['with_count=1', 'ab', 'ab', 'ab'],
    ['container=other', 'b', 400, 'ab'],
    ['size=1', 'ab', 400, 'ab'],
    ['availability_zone=x', '', 400, 'ab'],
    ['user_id=x', '', 400, 'ab'],
    [`metadata=${dict({ kind: 'k' })}`, 'ab', 400, 'ab'],
    ['updated_at=gt:2026-01-01', '', 400, 'ab'],
    ['colour=red', '', 400, 'ab'],
  ]);
});

describe('attachments', () => {
  holdsFor('attachments', [
    ['volume_id=a', 'a', 'a', 'a'],
    ['instance_id=vm-2', 'b', 'b', 'b'],
    ['status=attached', 'a', 'a', 'a'],
    ['attach_status=reserved', 'b', 'b', 'b'],
    ['status=attached&attach_status=reserved', '', '', ''],
    ['all_tenants=1&instance_id=vm-1', 'ad', 'a', 'a'],
    ['id=a', 'a', 400, 'ab'],
    ['with_count=true', '', 400, 'ab'],
    ['colour=red', '', 400, 'ab'],
    ['limit=1', 'a', 'a', 'a'],
  ]);
});

describe('messages', () => {
  holdsFor('messages', [
    ['resource_uuid=a', 'a', 'a', 'a'],
    ['resource_type=VOLUME_SNAPSHOT', 'b', 'b', 'b'],
    ['request_id=req-2', 'b', 'b', 'b'],
    ['event_id=VOLUME_VOLUME_002_001', 'a', 'a', 'a'],
    ['event_id=VOLUME_VOLUME_SNAPSHOT_002_006', 'b', 'b', 'b'],
    ['event_id=none-such', '', '', ''],
    ['event_id=VOLUME_VOLUME_002_001&resource_type=VOLUME_SNAPSHOT', '', '', ''],
    ['message_level=ERROR', 'ab', 'ab', 'ab'],
    ['message_level=INFO', '', '', ''],
    ['id=a', 'a', 400, 'ab'],
    ['colour=red', '', 400, 'ab'],
    ['marker=a', 'b', 'b', 'b'],
  ]);
  it('before 3.5 nothing', async () =>
    assert.equal(await found('member', 'messages', 'resource_uuid=a', 4), 'ab'));
});

describe('transfers', () => {
  holdsFor('os-volume-transfer', [
    ['name=t1', 'a', 'a', 'a'],
    ['volume_id=b', 'b', 'b', 'b'],
    ['colour=red', '', '', ''],
    ['limit=1', 'a', 'a', 'a'],
  ]);
});

describe('types, services and pools', () => {
  /** Who, path, version, and what is found: names in the answer's order, or a refusal. */
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
