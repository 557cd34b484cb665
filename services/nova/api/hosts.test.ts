// The operator's side of the API: services, aggregates, availability zones and hypervisors, through
// the real dispatcher.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { NovaFixture } from './nova-api.testing.ts';
import { startMs, startNova } from './nova-api.testing.ts';

let nova: NovaFixture;
const ask: NovaFixture['ask'] = (...args) => nova.ask(...args);
const at = (version?: number) => (version === undefined ? {} : { version });
const put = async (path: string, body: Json, version?: number) =>
  await ask('admin', 'PUT', path, { body, ...at(version) });
const post = async (path: string, body: Json, version?: number) =>
  await ask('admin', 'POST', path, { body, ...at(version) });
const get = async (path: string, version?: number) => await ask('admin', 'GET', path, at(version));
const services = async (query = '', version?: number) =>
  (await get(`os-services${query}`, version)).body.services;
const runTasks = async () => {
  for (const task of nova.tasks) await task.run(new AbortController().signal);
};

beforeEach(async () => {
  nova = await startNova();
  await nova.addHost('h1', { bootedAtMs: startMs - (26 * 60 + 5) * 60_000 });
  await nova.addHost('h2');
});
afterEach(async () => await nova.close());

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
    nova.clock.nowMs += nova.deps.config.serviceDownMs + 1;
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
    await nova.addServer({ host: 'h1' });
    const del = async (id: string, version = 53) =>
      (await ask('admin', 'DELETE', `os-services/${id}`, { version })).status;
    assert.equal(await del(one.id), 409);
    nova.answerCalls(() => ({ status: 204 }));
    assert.equal(await del(two.id), 204);
    assert.deepEqual(
      nova.calls.map(({ method, service, path }) => [method, service, path]),
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
    const gone = await ask('admin', 'DELETE', 'os-aggregates/1');
    assert.deepEqual([gone.status, gone.body], [200, undefined]);
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
    await nova.addServer({ host: 'h1' });
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
    await nova.addServer({ host: 'h1' });
    await nova.addServer({ host: 'h1', project_id: 'project-b' });
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
    for (const [status, told] of [
      ['disable', 'disabled'],
      ['enable', 'enabled'],
    ]) {
      assert.deepEqual((await put('os-hosts/h1', { status: status ?? '' })).body, {
        host: 'h1',
        status: told,
      });
      assert.equal((await services('?host=h1'))[0].status, told);
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

describe('os-hypervisors', () => {
  const brief = (id: number | string, name: string) => ({
    id,
    hypervisor_hostname: name,
    state: 'up',
    status: 'enabled',
  });
  const cpu = {
    arch: 'x86_64',
    model: 'Nehalem',
    vendor: 'Intel',
    features: ['sse'],
    topology: { cells: 1, sockets: 1, cores: 8, threads: 1 },
  };

  it('are listed with what they have and what servers take of it', async () => {
    await nova.addServer({ host: 'h1' });
    await nova.addServer({ host: 'h1', task_state: 'rebooting' });
    await nova.addServer({ host: 'h1', deleted_at_ms: startMs });
    assert.deepEqual((await get('os-hypervisors')).body, {
      hypervisors: [brief(1, 'h1'), brief(2, 'h2')],
    });
    const { hypervisors } = (await get('os-hypervisors/detail')).body;
    assert.deepEqual(hypervisors[0], {
      ...brief(1, 'h1'),
      hypervisor_type: 'QEMU',
      hypervisor_version: 7_002_000,
      host_ip: '10.0.0.1',
      service: { id: 1, host: 'h1', disabled_reason: null },
      vcpus: 8,
      memory_mb: 16_384,
      local_gb: 100,
      vcpus_used: 4,
      memory_mb_used: 2048,
      local_gb_used: 20,
      free_ram_mb: 14_336,
      free_disk_gb: 80,
      current_workload: 1,
      running_vms: 2,
      disk_available_least: 80,
      cpu_info: JSON.stringify(cpu),
    });
    assert.deepEqual((await get('os-hypervisors/1')).body, { hypervisor: hypervisors[0] });
    assert.deepEqual((await get('os-hypervisors/1', 28)).body.hypervisor.cpu_info, cpu);
    assert.deepEqual((await get('os-hypervisors/statistics')).body, {
      hypervisor_statistics: {
        count: 2,
        vcpus: 16,
        memory_mb: 32_768,
        local_gb: 200,
        vcpus_used: 4,
        memory_mb_used: 2048,
        local_gb_used: 20,
        free_ram_mb: 30_720,
        free_disk_gb: 180,
        current_workload: 1,
        running_vms: 2,
        disk_available_least: 160,
      },
    });
  });

  it('are named by uuid from 2.53 on, with servers and a name pattern on request', async () => {
    const server = await nova.addServer({ host: 'h1' });
    const { hypervisors } = (await get('os-hypervisors?with_servers=true', 53)).body;
    assert.match(hypervisors[0].id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(
      [hypervisors[0].servers, hypervisors[1].servers],
      [[{ uuid: server.id, name: 'web' }], undefined],
    );
    assert.deepEqual(
      (await get('os-hypervisors?with_servers=true', 75)).body.hypervisors[1].servers,
      [],
    );
    const shown = (await get(`os-hypervisors/${hypervisors[0].id}?with_servers=1`, 53)).body
      .hypervisor;
    assert.deepEqual(shown.servers, hypervisors[0].servers);
    assert.match(shown.service.id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(
      (await get('os-hypervisors?hypervisor_hostname_pattern=2', 53)).body.hypervisors.map(
        (each: { hypervisor_hostname: string }) => each.hypervisor_hostname,
      ),
      ['h2'],
    );
    assert.equal((await get('os-hypervisors?hypervisor_hostname_pattern=x', 53)).status, 404);
    assert.equal(
      (await get('os-hypervisors?hypervisor_hostname_pattern=h&limit=1', 53)).status,
      400,
    );
    assert.equal((await get('os-hypervisors?with_servers=perhaps', 53)).status, 400);
    assert.equal((await get('os-hypervisors/1', 53)).status, 404);
  });

  it('are paged from 2.33 on', async () => {
    const page = await get('os-hypervisors/detail?limit=1&marker=1', 33);
    assert.deepEqual([page.body.hypervisors.length, page.body.hypervisors[0].id], [1, 2]);
    assert.deepEqual(page.body.hypervisors_links, [
      { rel: 'next', href: 'http://cloud/compute/v2.1/os-hypervisors/detail?limit=1&marker=2' },
    ]);
    assert.equal((await get('os-hypervisors?marker=9', 33)).status, 400);
  });

  it('lose what Placement knows better in 2.88, and tell their uptime instead', async () => {
    const { hypervisors } = (await get('os-hypervisors/detail', 88)).body;
    assert.deepEqual(Object.keys(hypervisors[0]), [
      'id',
      'hypervisor_hostname',
      'state',
      'status',
      'hypervisor_type',
      'hypervisor_version',
      'host_ip',
      'service',
      'uptime',
    ]);
    assert.deepEqual(
      hypervisors.map((each: { uptime: string | null }) => each.uptime),
      [' 12:00:00 up 1 day,  2:05', null],
    );
    assert.deepEqual((await get('os-hypervisors/1/uptime')).body, {
      hypervisor: { ...brief(1, 'h1'), uptime: ' 12:00:00 up 1 day,  2:05' },
    });
    assert.equal((await get('os-hypervisors/2/uptime')).status, 400);
    for (const path of ['os-hypervisors/statistics', `os-hypervisors/${hypervisors[0].id}/uptime`])
      assert.equal((await get(path, 88)).status, 404);
    await put(
      'os-services/force-down',
      { host: 'h1', binary: 'nova-compute', forced_down: true },
      11,
    );
    assert.equal((await get('os-hypervisors/1/uptime')).status, 400);
    assert.equal((await get('os-hypervisors/1')).body.hypervisor.state, 'down');
  });

  it('are searched by name until 2.52', async () => {
    const server = await nova.addServer({ host: 'h2' });
    assert.deepEqual((await get('os-hypervisors/h/search')).body, {
      hypervisors: [brief(1, 'h1'), brief(2, 'h2')],
    });
    assert.deepEqual((await get('os-hypervisors/h/servers')).body, {
      hypervisors: [
        brief(1, 'h1'),
        { ...brief(2, 'h2'), servers: [{ uuid: server.id, name: 'web' }] },
      ],
    });
    for (const path of [
      'os-hypervisors/x/search',
      'os-hypervisors/x/servers',
      'os-hypervisors/9',
      'os-hypervisors/9/uptime',
    ])
      assert.equal((await get(path)).status, 404, path);
    assert.equal((await get('os-hypervisors/h1/search', 53)).status, 404);
  });

  it('are for administrators alone', async () => {
    for (const path of [
      '',
      '/detail',
      '/statistics',
      '/1',
      '/1/uptime',
      '/h1/search',
      '/h1/servers',
    ])
      assert.equal((await ask('member', 'GET', `os-hypervisors${path}`)).status, 403, path);
  });
});
