// Compute services as operators see them, and hosts by their older name.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, get, post, put, runTasks, services, useTwoHosts, world } from './hosts.testing.ts';

useTwoHosts();

describe('os-services', () => {
  it('lists compute hosts and the control plane itself', async () => {
    await runTasks();
    const plain = {
      zone: 'nova',
      status: 'enabled',
      state: 'up',
      updated_at: '2026-11-22T12:00:00.000000',
      disabled_reason: null,
    };
    assert.deepEqual(await services(), [
      { id: 1, binary: 'nova-compute', host: 'h1', ...plain },
      { id: 2, binary: 'nova-compute', host: 'h2', ...plain },
      { id: 3, binary: 'nova-conductor', host: 'control', ...plain, zone: 'internal' },
      { id: 4, binary: 'nova-scheduler', host: 'control', ...plain, zone: 'internal' },
    ]);
    assert.deepEqual(
      (await services('?host=h2')).map((service: { host: string }) => service.host),
      ['h2'],
    );
    assert.deepEqual(
      (await services('?binary=nova-scheduler')).map((service: { id: number }) => service.id),
      [4],
    );
    assert.deepEqual(await services('?host=h9'), []);
  });

  it('tells forced_down from 2.11 and uuids from 2.53 on', async () => {
    const [first] = await services('', 11);
    assert.deepEqual([first.id, first.forced_down], [1, false]);
    assert.match((await services('', 53))[0].id, /^[0-9a-f-]{36}$/);
  });

  it('counts a host as down that is silent for too long', async () => {
    world.nova.clock.nowMs += world.nova.deps.config.serviceDownMs + 1;
    assert.equal((await services('?host=h1'))[0].state, 'down');
  });

  it('is changed by verbs until 2.52', async () => {
    const who = { host: 'h1', binary: 'nova-compute' };
    assert.deepEqual((await put('os-services/disable', who)).body, {
      service: { ...who, status: 'disabled' },
    });
    assert.deepEqual(
      (await put('os-services/disable-log-reason', { ...who, disabled_reason: 'broken fan' })).body,
      { service: { ...who, status: 'disabled', disabled_reason: 'broken fan' } },
    );
    assert.deepEqual(
      [(await services('?host=h1'))[0].status, (await services('?host=h1'))[0].disabled_reason],
      ['disabled', 'broken fan'],
    );
    assert.deepEqual((await put('os-services/enable', who)).body, {
      service: { ...who, status: 'enabled' },
    });
    assert.equal((await services('?host=h1'))[0].disabled_reason, null);
    assert.deepEqual(
      (await put('os-services/force-down', { ...who, forced_down: 'true' }, 11)).body,
      { service: { ...who, forced_down: true } },
    );
    assert.equal((await services('?host=h1', 11))[0].state, 'down');
    assert.equal(
      (await put('os-services/force-down', { ...who, forced_down: true }, 10)).status,
      404,
    );
    assert.equal((await put('os-services/paint', who)).status, 404);
    assert.equal((await put('os-services/enable', { ...who, host: 'h9' })).status, 404);
    assert.equal((await put('os-services/disable-log-reason', who)).status, 400);
    assert.equal((await put('os-services/enable', { host: 'h1' })).status, 400);
  });

  it('is changed by uuid from 2.53 on', async () => {
    await runTasks();
    const [one, , conductor] = await services('', 53);
    const path = `os-services/${one.id}`;
    const disabled = await put(path, { status: 'disabled', disabled_reason: 'broken fan' }, 53);
    assert.deepEqual(
      [disabled.status, disabled.body],
      [200, { service: { ...one, status: 'disabled', disabled_reason: 'broken fan' } }],
    );
    assert.deepEqual((await put(path, { status: 'enabled' }, 53)).body, { service: one });
    assert.deepEqual((await put(path, { forced_down: true }, 53)).body, {
      service: { ...one, state: 'down', forced_down: true },
    });
    for (const body of [
      {},
      { disabled_reason: 'x' },
      { status: 'enabled', disabled_reason: 'x' },
      { status: 'off' },
      { colour: 'red' },
    ])
      assert.equal((await put(path, body, 53)).status, 400, JSON.stringify(body));
    assert.equal(
      (await put(`os-services/${conductor.id}`, { status: 'disabled' }, 53)).status,
      400,
    );
    assert.equal(
      (await put('os-services/11111111-1111-1111-1111-111111111111', { status: 'enabled' }, 53))
        .status,
      404,
    );
    assert.equal((await put('os-services/1', { status: 'enabled' }, 53)).status, 400);
  });

  it('is deleted with its node, its places in aggregates and its provider, unless servers are there', async () => {
    const nodes = (await get('os-hypervisors', 53)).body.hypervisors;
    const [one, two] = await services('', 53);
    await post('os-aggregates', { aggregate: { name: 'a' } });
    await post('os-aggregates/1/action', { add_host: { host: 'h2' } });
    await world.nova.addServer({ host: 'h1' });
    const del = async (id: string, version = 53) =>
      (await ask('admin', 'DELETE', `os-services/${id}`, { version })).status;
    assert.equal(await del(one.id), 409);
    world.nova.answerCalls(() => ({ status: 204 }));
    assert.equal(await del(two.id), 204);
    assert.deepEqual(
      world.nova.calls.map(({ method, service, path }) => [method, service, path]),
      [['DELETE', 'placement', `/resource_providers/${nodes[1].id}`]],
    );
    assert.deepEqual(
      (await services()).map((service: { host: string }) => service.host),
      ['h1'],
    );
    assert.equal((await get('os-hypervisors')).body.hypervisors.length, 1);
    assert.deepEqual((await get('os-aggregates/1')).body.aggregate.hosts, []);
    assert.equal(await del(two.id), 404);
    assert.equal(await del('2', 53), 400);
    assert.equal(await del('99', 1), 404);
    assert.equal(await del('x', 1), 400);
  });

  it('is for administrators alone', async () => {
    for (const [method, path] of [
      ['GET', 'os-services'],
      ['PUT', 'os-services/enable'],
      ['DELETE', 'os-services/1'],
    ] as const)
      assert.equal((await ask('member', method, path)).status, 403, path);
    assert.equal((await ask('member', 'PUT', 'os-services/1', { version: 53 })).status, 403);
    assert.equal((await ask(null, 'GET', 'os-services')).status, 401);
  });
});

describe('os-hosts', () => {
  it('lists what runs where, by zone', async () => {
    await runTasks();
    const hosts = async (query = ''): Promise<unknown> =>
      (await get(`os-hosts${query}`)).body.hosts;
    const [compute, control] = [
      ['h1', 'h2'].map((host_name) => ({ host_name, service: 'compute', zone: 'nova' })),
      ['conductor', 'scheduler'].map((service) => ({
        host_name: 'control',
        service,
        zone: 'internal',
      })),
    ];
    assert.deepEqual(
      [
        await hosts(),
        await hosts('?zone='),
        await hosts('?zone=internal'),
        await hosts('?zone=none'),
      ],
      [[...compute, ...control], [...compute, ...control], control, []],
    );
    assert.equal((await get('os-hosts', 43)).status, 404);
    assert.equal((await ask('member', 'GET', 'os-hosts')).status, 403);
  });

  it('tells what a host has, what is taken and by whom', async () => {
    await world.nova.addServer({ host: 'h1' });
    await world.nova.addServer({ host: 'h1', project_id: 'project-b' });
    const row = (project: string, cpu: number, memory_mb: number, disk_gb: number) => ({
      resource: { host: 'h1', project, cpu, memory_mb, disk_gb },
    });
    assert.deepEqual((await get('os-hosts/h1')).body, {
      host: [
        row('(total)', 8, 16_384, 100),
        row('(used_now)', 4, 2048, 20),
        row('(used_max)', 4, 2048, 20),
        row('project-a', 2, 1024, 10),
        row('project-b', 2, 1024, 10),
      ],
    });
    assert.equal((await get('os-hosts/h9')).status, 404);
  });

  it('are closed and opened; more the hypervisor cannot', async () => {
    for (const [status, statusText] of [
      ['disable', 'disabled'],
      ['enable', 'enabled'],
    ]) {
      assert.deepEqual((await put('os-hosts/h1', { status: status ?? '' })).body, {
        host: 'h1',
        status: statusText,
      });
      assert.equal((await services('?host=h1'))[0].status, statusText);
    }
    assert.deepEqual(
      await Promise.all(
        [{}, { status: 'away' }, { maintenance_mode: 'enable' }].map(
          async (body) => (await put('os-hosts/h1', body)).status,
        ),
      ),
      [400, 400, 501],
    );
    assert.equal((await put('os-hosts/h9', { maintenance_mode: 'enable' })).status, 404);
    for (const action of ['startup', 'shutdown', 'reboot'])
      assert.deepEqual(
        [(await get(`os-hosts/h1/${action}`)).status, (await get(`os-hosts/h9/${action}`)).status],
        [501, 404],
      );
  });
});
