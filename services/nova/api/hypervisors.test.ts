// Hypervisors: what they have, what servers take of it, and who may see it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, get, put, useTwoHosts, world } from './hosts.testing.ts';
import { startMs } from './nova-api.testing.ts';

useTwoHosts();

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
    await world.nova.addServer({ host: 'h1' });
    await world.nova.addServer({ host: 'h1', task_state: 'rebooting' });
    await world.nova.addServer({ host: 'h1', deleted_at_ms: startMs });
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
    const server = await world.nova.addServer({ host: 'h1' });
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
    const server = await world.nova.addServer({ host: 'h2' });
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
