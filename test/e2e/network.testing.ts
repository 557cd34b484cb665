// For end-to-end tests of networks: the APIs as admin or another user, guests on networks, commands
// in guests by ssh.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectCloud } from '#cli/cloud-client.ts';
import type { CloudClient } from '#cli/cloud-client.ts';
import { readSecrets } from '#compose/home.ts';
import type { Json } from '#contracts/common/json.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { sshOptions } from '#platform/testing/ssh-options.ts';
import type { TestCloud } from './cloud.testing.ts';

const run = promisify(execFile);

export interface Address {
  addr: string;
  version: 4 | 6;
  'OS-EXT-IPS:type': 'fixed' | 'floating';
}
export interface Server {
  id: string;
  name: string;
  status: string;
  addresses: Record<string, Address[]>;
  fault?: { message: string };
  'OS-EXT-SRV-ATTR:host': string;
}
export interface Port {
  id: string;
  status: string;
  network_id: string;
  device_id: string;
  device_owner: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
}

export interface Guest {
  id: string;
  fixed: string;
  fixedV6: string | undefined;
  floating: string;
  /** Runs a shell command in the guest and returns its output. Throws if it fails. */
  sh(command: string, timeoutMs?: number): Promise<string>;
}

export interface Tenant {
  api: CloudClient;
  /** Creates a network with a subnet for each CIDR, on a router to the external network. */
  network(
    name: string,
    cidrs: readonly string[],
    options?: { router?: string },
  ): Promise<{ id: string; subnets: string[] }>;
  router(): Promise<string>;
  /** Boots a guest with a floating IP; resolves when ssh answers. */
  guest(
    name: string,
    network: string,
    options?: { host?: string; securityGroups?: string[] },
  ): Promise<Guest>;
  /** As `guest`, for a server that was created elsewhere with the key `e2e`. */
  reach(name: string, id: string): Promise<Guest>;
  rule(group: string, rule: Record<string, string | number | undefined>): Promise<string>;
  groupNamed(name: string): Promise<string>;
}

const bootMs = 120_000;
const givesUp = ['ConnectTimeout=3', 'ServerAliveInterval=2', 'ServerAliveCountMax=4'];
const options = [...sshOptions, ...givesUp.flatMap((option) => ['-o', option])];

export async function ssh(
  key: string,
  address: string,
  command: string,
  timeoutMs = 30_000,
): Promise<string> {
  return (
    await run('ssh', ['-i', key, ...options, `root@${address}`, command], {
      timeout: timeoutMs,
      maxBuffer: 16 * 1024 * 1024,
    })
  ).stdout;
}

/** Whether the address answers one ping from this machine. */
export const pings = async (address: string): Promise<boolean> =>
  await run('busybox', ['ping', '-c1', '-W1', address]).then(
    () => true,
    () => false,
  );

/** A user of the cloud, with an ssh key of its own. */
export async function tenant(
  cloud: Pick<TestCloud, 'dir' | 'port'>,
  user: 'admin' | 'demo',
): Promise<Tenant> {
  const secrets = await readSecrets(cloud.dir);
  const api = await connectCloud(
    `http://127.0.0.1:${cloud.port}`,
    { name: user, password: secrets[user], project: user },
    60_000,
  );
  const key = join(cloud.dir, `${user}-key`);
  if (!existsSync(key)) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await api.ask('compute', 'POST', '/v2.1/os-keypairs', {
      keypair: { name: 'e2e', public_key: (await readFile(`${key}.pub`, 'utf8')).trim() },
    });
  }
  const { images } = await api.ask<{ images: { id: string }[] }>(
    'image',
    'GET',
    '/v2/images?name=tiny',
  );
  const {
    networks: [outside],
  } = await api.ask<{ networks: { id: string }[] }>(
    'network',
    'GET',
    '/v2.0/networks?router:external=true',
  );
  assert.ok(outside, 'there is an external network');
  const make = async <T>(kind: string, body: object): Promise<T> => {
    const key = kind.replaceAll('-', '_');
    return (
      await api.ask<Record<string, T>>('network', 'POST', `/v2.0/${kind}s`, { [key]: body as Json })
    )[key] as T; // cast: the caller names the type
  };
  const reach: Tenant['reach'] = async (name, id) => {
    const server = await eventually(
      async () => {
        const shown = (await api.ask<{ server: Server }>('compute', 'GET', `/v2.1/servers/${id}`))
          .server;
        assert.notEqual(shown.status, 'ERROR', shown.fault?.message);
        return shown.status === 'ACTIVE' ? shown : undefined;
      },
      { withinMs: bootMs, everyMs: 200, what: `${name} to be ACTIVE` },
    );
    const addresses = Object.values(server.addresses).flat();
    const {
      ports: [port],
    } = await api.ask<{ ports: Port[] }>('network', 'GET', `/v2.0/ports?device_id=${id}`);
    const { floating_ip_address: floating } = await make<{ floating_ip_address: string }>(
      'floatingip',
      { floating_network_id: outside.id, port_id: port?.id },
    );
    const sh: Guest['sh'] = async (command, timeoutMs) =>
      await ssh(key, floating, command, timeoutMs);
    await eventually(async () => (await sh('hostname').catch(() => '')).trim() === name, {
      withinMs: bootMs,
      everyMs: 500,
      what: `ssh to ${name} at ${floating}`,
    });
    return {
      id,
      floating,
      fixed: addresses.find(({ version }) => version === 4)?.addr ?? '',
      fixedV6: addresses.find(({ version }) => version === 6)?.addr,
      sh,
    };
  };
  return {
    api,
    reach,
    async router() {
      return (
        await make<{ id: string }>('router', { external_gateway_info: { network_id: outside.id } })
      ).id;
    },
    async network(name, cidrs, options = {}) {
      const { id } = await make<{ id: string }>('network', { name });
      const subnets: string[] = [];
      for (const cidr of cidrs) {
        const v6 = cidr.includes(':')
          ? { ip_version: 6, ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' }
          : { ip_version: 4 };
        const subnet = await make<{ id: string }>('subnet', { network_id: id, cidr, ...v6 });
        subnets.push(subnet.id);
        if (options.router !== undefined)
          await api.ask('network', 'PUT', `/v2.0/routers/${options.router}/add_router_interface`, {
            subnet_id: subnet.id,
          });
      }
      return { id, subnets };
    },
    async guest(name, network, { host, securityGroups } = {}) {
      const zone = host === undefined ? {} : { availability_zone: `nova:${host}` };
      const groups =
        securityGroups === undefined
          ? {}
          : { security_groups: securityGroups.map((group) => ({ name: group })) };
      const {
        server: { id },
      } = await api.ask<{ server: { id: string } }>('compute', 'POST', '/v2.1/servers', {
        server: {
          name,
          imageRef: images[0]?.id ?? '',
          flavorRef: '42',
          key_name: 'e2e',
          networks: [{ uuid: network }],
          ...zone,
          ...groups,
        },
      });
      return await reach(name, id);
    },
    async rule(group, rule) {
      return (
        await make<{ id: string }>('security-group-rule', {
          security_group_id: group,
          direction: 'ingress',
          ethertype: 'IPv4',
          ...rule,
        })
      ).id;
    },
    async groupNamed(name) {
      const {
        security_groups: [group],
      } = await api.ask<{ security_groups: { id: string }[] }>(
        'network',
        'GET',
        `/v2.0/security-groups?name=${name}`,
      );
      return group?.id ?? (await make<{ id: string }>('security-group', { name })).id;
    },
  };
}

/**
 * Throughput in MB/s of one file that `to` downloads from `from`, by busybox's httpd, since its
 * netcat sends only kilobytes at a time.
 */
export async function stream(
  from: Guest,
  to: Guest,
  address: string,
  megabytes: number,
): Promise<number> {
  await from.sh(
    `mkdir -p /tmp/bulk; [ -f /tmp/bulk/file ] || { dd if=/dev/zero of=/tmp/bulk/file bs=1M count=${megabytes} 2>/dev/null; httpd -p 5001 -h /tmp/bulk; }`,
  );
  const url = `http://${address.includes(':') ? `[${address}]` : address}:5001/file`;
  const took = await to.sh(
    `start=$(cut -d' ' -f1 /proc/uptime); wget -q -O - ${url} | wc -c; echo $start $(cut -d' ' -f1 /proc/uptime)`,
    90_000,
  );
  const [bytes = '', start = 0, end = 0] = took.trim().split(/\s+/);
  assert.equal(Number(bytes), megabytes * 1024 * 1024, 'all of it came');
  return Number(bytes) / 1e6 / (Number(end) - Number(start));
}

export const answersHttp = async (address: string): Promise<boolean> =>
  await fetch(`http://${address}/`, { signal: AbortSignal.timeout(400) }).then(
    (answer) => answer.ok,
    () => false,
  );
