// Aggregates and availability zones.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { ask, get, post, put, runTasks, useTwoHosts, world } from './hosts.testing.ts';

useTwoHosts();

describe('os-aggregates', () => {
  const create = async (name: string, zone?: string | null) =>
    await post('os-aggregates', {
      aggregate: { name, ...(zone !== undefined && { availability_zone: zone }) },
    });
  const act = async (id: number, body: Json) => await post(`os-aggregates/${id}/action`, body);

  it('are created, listed, shown, renamed and deleted', async () => {
    const created = await create('fast', 'az1');
    const base = {
      id: 1,
      name: 'fast',
      availability_zone: 'az1',
      created_at: '2026-11-22T12:00:00.000000',
      updated_at: null,
      deleted: false,
      deleted_at: null,
    };
    assert.deepEqual([created.status, created.body], [200, { aggregate: base }]);
    const whole = { ...base, hosts: [], metadata: { availability_zone: 'az1' } };
    assert.deepEqual((await get('os-aggregates')).body, { aggregates: [whole] });
    assert.deepEqual((await get('os-aggregates/1')).body, { aggregate: whole });
    assert.match((await get('os-aggregates/1', 41)).body.aggregate.uuid, /^[0-9a-f-]{36}$/);
    assert.deepEqual(
      (await put('os-aggregates/1', { aggregate: { name: 'slow', availability_zone: 'az2' } })).body
        .aggregate,
      {
        ...whole,
        name: 'slow',
        availability_zone: 'az2',
        metadata: { availability_zone: 'az2' },
        updated_at: '2026-11-22T12:00:00.000000',
      },
    );
    const deletion = await ask('admin', 'DELETE', 'os-aggregates/1');
    assert.deepEqual([deletion.status, deletion.body], [200, undefined]);
    assert.equal((await ask('admin', 'DELETE', 'os-aggregates/1')).status, 404);
  });

  it('refuse wrong names, zones and ids', async () => {
    await create('a');
    await create('b');
    for (const name of ['', 'a'.repeat(256)]) assert.equal((await create(name)).status, 400);
    assert.equal((await create('c', 'az:1')).status, 400);
    assert.equal((await create('a')).status, 409);
    assert.equal((await put('os-aggregates/2', { aggregate: { name: 'a' } })).status, 409);
    assert.equal((await put('os-aggregates/2', { aggregate: { name: 'b' } })).status, 200);
    assert.equal((await put('os-aggregates/2', { aggregate: {} })).status, 400);
    for (const id of ['-1', '9', 'x']) assert.equal((await get(`os-aggregates/${id}`)).status, 404);
    assert.equal((await put('os-aggregates/9', { aggregate: { name: 'z' } })).status, 404);
    assert.equal((await act(9, { add_host: { host: 'h1' } })).status, 404);
  });

  it('hold hosts, each once, and are deleted empty only', async () => {
    await create('a');
    assert.deepEqual((await act(1, { add_host: { host: 'h1' } })).body.aggregate.hosts, ['h1']);
    assert.equal((await act(1, { add_host: { host: 'h1' } })).status, 409);
    assert.equal((await act(1, { add_host: { host: 'nowhere' } })).status, 404);
    assert.equal((await act(1, { remove_host: { host: 'h2' } })).status, 404);
    assert.equal((await act(1, { remove_host: { host: 'nowhere' } })).status, 404);
    assert.equal((await ask('admin', 'DELETE', 'os-aggregates/1')).status, 400);
    assert.deepEqual((await act(1, { remove_host: { host: 'h1' } })).body.aggregate.hosts, []);
    assert.equal((await act(1, { paint: { host: 'h1' } })).status, 400);
    assert.equal(
      (await act(1, { add_host: { host: 'h1' }, remove_host: { host: 'h1' } })).status,
      400,
    );
  });

  it('never put a host into two zones', async () => {
    await create('a', 'az1');
    await create('b', 'az2');
    await create('c');
    await act(1, { add_host: { host: 'h1' } });
    assert.equal((await act(2, { add_host: { host: 'h1' } })).status, 409);
    assert.equal((await act(3, { add_host: { host: 'h1' } })).status, 200);
    assert.equal(
      (await act(3, { set_metadata: { metadata: { availability_zone: 'az2' } } })).status,
      400,
    );
    assert.equal(
      (await act(3, { set_metadata: { metadata: { availability_zone: 'az1' } } })).status,
      200,
    );
  });

  it('keep their zone while servers run in it', async () => {
    await create('a', 'az1');
    await act(1, { add_host: { host: 'h1' } });
    await world.nova.addServer({ host: 'h1' });
    assert.equal(
      (await put('os-aggregates/1', { aggregate: { availability_zone: 'az2' } })).status,
      400,
    );
    assert.equal((await put('os-aggregates/1', { aggregate: { name: 'z' } })).status, 200);
  });

  it('carry metadata, which null takes away', async () => {
    await create('a');
    assert.deepEqual(
      (await act(1, { set_metadata: { metadata: { ssd: 'true', availability_zone: 'az1' } } })).body
        .aggregate.metadata,
      { ssd: 'true', availability_zone: 'az1' },
    );
    const { aggregate } = (await act(1, { set_metadata: { metadata: { ssd: null } } })).body;
    assert.deepEqual(
      [aggregate.metadata, aggregate.availability_zone],
      [{ availability_zone: 'az1' }, 'az1'],
    );
    assert.equal((await act(1, { set_metadata: { metadata: { 'a/b': 'x' } } })).status, 400);
    assert.equal(
      (await act(1, { set_metadata: { metadata: { availability_zone: '' } } })).status,
      400,
    );
  });

  it('are for administrators alone', async () => {
    await create('a');
    const refused = [
      ['GET', 'os-aggregates'],
      ['GET', 'os-aggregates/1'],
      ['POST', 'os-aggregates'],
      ['PUT', 'os-aggregates/1'],
      ['DELETE', 'os-aggregates/1'],
      ['POST', 'os-aggregates/1/action'],
    ] as const;
    for (const [method, path] of refused)
      assert.equal((await ask('member', method, path)).status, 403, path);
  });
});

describe('os-availability-zone', () => {
  it('lists zones with hosts; an all-disabled one is not available', async () => {
    await post('os-aggregates', { aggregate: { name: 'a', availability_zone: 'az1' } });
    await post('os-aggregates/1/action', { add_host: { host: 'h2' } });
    await put('os-services/disable', { host: 'h2', binary: 'nova-compute' });
    await runTasks();
    assert.deepEqual((await ask('reader', 'GET', 'os-availability-zone')).body, {
      availabilityZoneInfo: [
        { zoneName: 'nova', zoneState: { available: true }, hosts: null },
        { zoneName: 'az1', zoneState: { available: false }, hosts: null },
      ],
    });
    const { availabilityZoneInfo: detail } = (await get('os-availability-zone/detail')).body;
    assert.deepEqual(
      detail.map((zone: { zoneName: string }) => zone.zoneName),
      ['nova', 'az1', 'internal'],
    );
    assert.deepEqual(detail[1].hosts, {
      h2: {
        'nova-compute': {
          available: true,
          active: false,
          updated_at: '2026-11-22T12:00:00.000000',
        },
      },
    });
    assert.deepEqual(Object.keys(detail[2].hosts.control), ['nova-conductor', 'nova-scheduler']);
  });

  it('shows hosts to administrators alone', async () => {
    assert.equal((await ask('member', 'GET', 'os-availability-zone/detail')).status, 403);
    assert.equal((await ask(null, 'GET', 'os-availability-zone')).status, 401);
  });
});
