// For the tests of list filters: volumes a to d with attachments, snapshots, backups and transfers,
// and volume types. `d` and what belongs to it is another project's.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { CinderFixture, Person } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

const startMs = Date.UTC(2026, 10, 22, 12);

/** What a list returns: the ids of the found objects, joined, or the status of a refusal. */
export type Found = string | number;

/**
 * A query; what an administrator of the project finds at 3.70; what a member finds at 3.70 and
 * 3.30.
 */
export type Case = readonly [query: string, admin: Found, member: Found, earlier: Found];

export async function startListedCinder(): Promise<CinderFixture> {
  const cinder = await startCinder();
  await insertRows(cinder);
  for (const [name, more] of [
    ['fast', { extra_specs: { volume_backend_name: 'sim', a: 'b' } }],
    ['slow', { extra_specs: { volume_backend_name: 'none' } }],
    ['secret', { 'os-volume-type-access:is_public': false }],
  ] as const)
    await cinder.ask('admin', 'POST', 'types', { body: { volume_type: { name, ...more } } });
  return cinder;
}

export const found = async (
  cinder: CinderFixture,
  who: Person,
  path: string,
  query: string,
  version: number,
): Promise<Found> => {
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

/** Registers one test per case. `cinder` returns the fixture, which starts before the tests run. */
export function holdsFor(cinder: () => CinderFixture, path: string, cases: readonly Case[]): void {
  for (const [query, admin, member, earlier] of cases) {
    it(`${path}?${query}`, async () =>
      assert.deepEqual(
        [
          await found(cinder(), 'admin', path, query, 70),
          await found(cinder(), 'member', path, query, 70),
          await found(cinder(), 'member', path, query, 30),
        ],
        [admin, member, earlier],
      ));
  }
}

/** A time this many seconds after the fixture's start time, as filters spell it. */
export const at = (seconds: number, fraction = ''): string =>
  `${new Date(startMs + seconds * 1_000).toISOString().slice(0, 19)}${fraction}`;
export const dict = (value: object | string): string =>
  encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value));

async function insertRows(cinder: CinderFixture): Promise<void> {
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
}
