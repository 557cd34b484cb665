// Networks, with simulated hosts: fifty servers at once on one /24 get fifty
// addresses, and their deletion leaves no port behind; changes of ports in Neutron show at the
// servers. Real Nova, real Neutron, a simulated network below.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

const settleMs = 60_000;
const servers = 50;

interface SeenPort {
  id: string;
  status: string;
  device_id: string;
  'binding:host_id': string;
  fixed_ips: { ip_address: string }[];
}

describe('networks of a simulated cloud', () => {
  let dir: string;
  let cloud: SimCloud;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cobalt-networks-'));
    cloud = await startSimCloud({ dir, hosts: 3 });
  });
  after(async () => {
    await cloud?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const serversPorts = async (): Promise<SeenPort[]> =>
    (
      (await cloud.network('GET', '/ports')).body as unknown as {
        ports: (SeenPort & { device_owner: string })[];
      }
    ).ports.filter(({ device_owner }) => device_owner.startsWith('compute:'));

  async function subnet(cidr: string): Promise<string> {
    const { network } = (
      await cloud.network('POST', '/networks', {
        network: { name: `net-${cidr.replace('/', '-')}` },
      })
    ).body as { network: { id: string } };
    assert.equal(
      (
        await cloud.network('POST', '/subnets', {
          subnet: { network_id: network.id, ip_version: 4, cidr },
        })
      ).status,
      201,
    );
    return network.id;
  }

  it(`give ${servers} servers at once ${servers} addresses, and take every port back`, async () => {
    await unlimited();
    const network = await subnet('10.30.0.0/24');
    const answer = await cloud.compute('POST', '/servers', {
      server: {
        name: 'vm',
        flavorRef: '42',
        imageRef: cloud.imageId,
        networks: [{ uuid: network }],
        min_count: servers,
        max_count: servers,
      },
    });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const finalServers = await cloud.quiet(settleMs);
    assert.deepEqual(
      [finalServers.length, new Set(finalServers.map(({ status }) => status))],
      [servers, new Set(['ACTIVE'])],
      JSON.stringify(finalServers.find(({ status }) => status !== 'ACTIVE')?.fault),
    );
    const addresses = finalServers.flatMap((server) =>
      Object.values(server.addresses)
        .flat()
        .map(({ addr }) => addr),
    );
    assert.equal(new Set(addresses).size, servers);
    const ports = await serversPorts();
    assert.deepEqual(
      ports.map((port) => port.fixed_ips[0]?.ip_address).sort(),
      addresses.toSorted(),
    );
    assert.ok(ports.every(({ status }) => status === 'ACTIVE'));
    await Promise.all(
      finalServers.map(async ({ id }) => await cloud.compute('DELETE', `/servers/${id}`)),
    );
    assert.deepEqual(await cloud.quiet(settleMs), []);
    assert.deepEqual(await serversPorts(), []);
  });

  it('show a new group and a lost port at the server', async () => {
    const network = await subnet('10.31.0.0/24');
    const id = await cloud.createServer('web', { networks: [{ uuid: network }] });
    await cloud.quiet(settleMs);
    const [port] = await serversPorts();
    assert.ok(port);
    const { security_group: group } = (
      await cloud.network('POST', '/security-groups', { security_group: { name: 'web' } })
    ).body as { security_group: { id: string } };
    assert.equal(await cloud.act(id, { addSecurityGroup: { name: group.id } }), 202);
    const shown = async () =>
      (await cloud.compute('GET', `/servers/${id}`)).body as unknown as {
        server: { addresses: Record<string, unknown[]>; security_groups: { name: string }[] };
      };
    assert.deepEqual((await shown()).server.security_groups.map(({ name }) => name).sort(), [
      'default',
      'web',
    ]);
    assert.equal((await cloud.network('DELETE', `/ports/${port.id}`)).status, 204);
    const heal = cloud.plane.roles
      .flatMap(({ tasks }) => tasks)
      .find(({ name }) => name === 'nova.heal-network-info');
    assert.ok(heal);
    await eventually(
      async () => {
        await heal.run(new AbortController().signal);
        return Object.keys((await shown()).server.addresses).length === 0;
      },
      { withinMs: settleMs, what: 'the lost port is seen' },
    );
  });

  /** Lifts quotas, as an operator does for a project that needs more. */
  async function unlimited(): Promise<void> {
    const any = await cloud.createServer('probe', { networks: 'none' });
    const { server } = (await cloud.compute('GET', `/servers/${any}`)).body as {
      server: { tenant_id: string };
    };
    assert.equal(
      (
        await cloud.compute('PUT', `/os-quota-sets/${server.tenant_id}`, {
          quota_set: { instances: -1, cores: -1, ram: -1 },
        })
      ).status,
      200,
    );
    await cloud.quiet(settleMs);
    await cloud.compute('DELETE', `/servers/${any}`);
    await cloud.quiet(settleMs);
  }
});
