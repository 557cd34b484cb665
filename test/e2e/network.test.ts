// Networks on two real hosts: between guests, through routers, from and to the outside, security
// groups, other tenants, IPv6.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from './cloud.testing.ts';
import { createTiny, realCloudMissing, testCloud } from './cloud.testing.ts';
import type { Guest, Tenant } from './network.testing.ts';
import { answersHttp, pings, ssh, stream, tenant } from './network.testing.ts';

const megabytes = 24;
/** A generous limit; `./cobalt bench network` measures the actual time. */
const ruleMs = 10_000;

describe('guests on networks', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  let admin: Tenant;
  let group = '';
  let [a, b, c]: Guest[] = [];
  let webRule = '';
  const guest = (which: Guest | undefined): Guest => {
    assert.ok(which, 'it was booted by the test before');
    return which;
  };
  const reaches = async (from: Guest, to: string): Promise<boolean> =>
    await from
      .sh(`ping -c1 -W1 ${to} >/dev/null && echo yes || echo no`)
      .then((text) => text.trim() === 'yes');
  const opens = async (from: Guest, to: string, port: number): Promise<boolean> =>
    (
      await from.sh(`nc -w 1 ${to} ${port} </dev/null >/dev/null 2>&1 && echo yes || echo no`)
    ).trim() === 'yes';

  before(async () => {
    cloud = await testCloud();
    await cloud.up();
    admin = await tenant(cloud, 'admin');
    group = await admin.groupNamed('web');
    for (const rule of [
      { protocol: 'icmp' },
      { protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
      { protocol: 'tcp', port_range_min: 5001, port_range_max: 5001 },
      { protocol: 'ipv6-icmp', ethertype: 'IPv6' },
      { protocol: 'tcp', port_range_min: 5001, port_range_max: 5001, ethertype: 'IPv6' },
    ])
      await admin.rule(group, rule);
    webRule = await admin.rule(group, { protocol: 'tcp', port_range_min: 80, port_range_max: 80 });
    const router = await admin.router();
    const one = await admin.network('one', ['10.20.1.0/24', 'fd00:20:1::/64'], { router });
    const two = await admin.network('two', ['10.20.2.0/24'], { router });
    [a, b, c] = await Promise.all([
      admin.guest('a', one.id, { host: 'h1', securityGroups: ['web'] }),
      admin.guest('b', one.id, { host: 'h2', securityGroups: ['web'] }),
      admin.guest('c', two.id, { host: 'h2', securityGroups: ['web'] }),
    ]);
  });
  after(async () => await cloud?.close());

  it('come from nothing by the stock client: name and key by metadata, ssh by floating IP', async (t) => {
    const key = join(cloud.dir, 'client-key');
    await writeFile(key, await cloud.openstack('keypair', 'create', 'client'), { mode: 0o600 });
    const startedAt = Date.now();
    const stack = async (...words: string[]): Promise<string> =>
      (await cloud.openstack(...words)).trim();
    await stack('network', 'create', 'mine');
    await stack(
      'subnet',
      'create',
      'mine',
      '--network',
      'mine',
      '--subnet-range',
      '192.168.7.0/24',
    );
    await stack('router', 'create', 'mine');
    await stack('router', 'set', 'mine', '--external-gateway', 'public');
    await stack('router', 'add', 'subnet', 'mine', 'mine');
    await stack('security', 'group', 'create', 'mine');
    await stack(
      'security',
      'group',
      'rule',
      'create',
      'mine',
      '--protocol',
      'tcp',
      '--dst-port',
      '22',
    );
    await stack('security', 'group', 'rule', 'create', 'mine', '--protocol', 'icmp');
    await stack(
      ...createTiny('first', '--network=mine', '--security-group=mine', '--key-name=client'),
    );
    const address = await stack(
      'floating',
      'ip',
      'create',
      'public',
      '-f',
      'value',
      '-c',
      'floating_ip_address',
    );
    await stack('server', 'add', 'floating', 'ip', 'first', address);
    await eventually(
      async () => (await ssh(key, address, 'hostname').catch(() => '')).trim() === 'first',
      { withinMs: 60_000, everyMs: 300, what: `ssh to ${address}` },
    );
    const seconds = (Date.now() - startedAt) / 1000;
    t.diagnostic(`network create to ssh: ${seconds.toFixed(1)} s`);
    assert.ok(await pings(address));
    await stack('server', 'delete', '--wait', 'first');
    assert.deepEqual(
      await cloud.json('port', 'list', '--network', 'mine', '--device-owner', 'compute:nova'),
      [],
    );
  });

  it('reach each other between hosts on one network, and by a router between two', async () => {
    assert.ok(await reaches(guest(a), guest(b).fixed));
    assert.ok(await reaches(guest(b), guest(a).fixed));
    assert.ok(await reaches(guest(a), guest(c).fixed), 'through the router');
    assert.ok(await reaches(guest(c), guest(b).fixed), 'through the router, on one host');
  });

  it('stream TCP between hosts, both ways', async (t) => {
    for (const [from, to] of [
      [guest(a), guest(b)],
      [guest(b), guest(a)],
    ] as const) {
      t.diagnostic(
        `${from.fixed} to ${to.fixed}: ${(await stream(from, to, from.fixed, megabytes)).toFixed(1)} MB/s`,
      );
    }
  });

  it('reach the outside by SNAT, and answer there', async () => {
    const [outside = ''] = (
      await admin.api.ask<{ subnets: { gateway_ip: string }[] }>(
        'network',
        'GET',
        '/v2.0/subnets?name=public',
      )
    ).subnets.map(({ gateway_ip }) => gateway_ip);
    assert.ok(await reaches(guest(c), outside), `this machine as ${outside}`);
    const { floatingips } = await admin.api.ask<{
      floatingips: { id: string; floating_ip_address: string }[];
    }>('network', 'GET', `/v2.0/floatingips?floating_ip_address=${guest(c).floating}`);
    // Without its floating IP the guest's traffic leaves with the router's own address.
    const { id } = floatingips[0] ?? { id: '' };
    const {
      ports: [port],
    } = await admin.api.ask<{ ports: { id: string }[] }>(
      'network',
      'GET',
      `/v2.0/ports?device_id=${guest(c).id}`,
    );
    const toC = async (command: string): Promise<string> => await guest(b).sh(command);
    await admin.api.ask('network', 'PUT', `/v2.0/floatingips/${id}`, {
      floatingip: { port_id: null },
    });
    await eventually(async () => !(await pings(guest(c).floating)), {
      withinMs: 5_000,
      what: 'the floating IP to be gone',
    });
    assert.match(await toC(`ping -c1 -W1 ${guest(c).fixed} | grep -c 'bytes from'`), /1/);
    await admin.api.ask('network', 'PUT', `/v2.0/floatingips/${id}`, {
      floatingip: { port_id: port?.id ?? '' },
    });
    await eventually(async () => await pings(guest(c).floating), {
      withinMs: 5_000,
      what: 'the floating IP to be back',
    });
  });

  it('have port 80 open and 81 dropped, and rules that change at run time', async () => {
    await guest(b).sh(
      'mkdir -p /tmp/www; echo hello >/tmp/www/index.html; httpd -p 80 -h /tmp/www; httpd -p 81 -h /tmp/www',
    );
    assert.ok(await opens(guest(a), guest(b).fixed, 80));
    assert.equal(await opens(guest(a), guest(b).fixed, 81), false);
    assert.equal(
      (await fetch(`http://${guest(b).floating}/`).then((answer) => answer.text())).trim(),
      'hello',
    );
    await admin.api.ask('network', 'DELETE', `/v2.0/security-group-rules/${webRule}`);
    await eventually(async () => !(await answersHttp(guest(b).floating)), {
      withinMs: ruleMs,
      what: 'port 80 to be closed',
    });
    await admin.rule(group, { protocol: 'tcp', port_range_min: 80, port_range_max: 80 });
    await eventually(async () => await answersHttp(guest(b).floating), {
      withinMs: ruleMs,
      what: 'port 80 to be open',
    });
  });

  it('have IPv6 by slaac, and reach each other with it', async () => {
    const v6 = guest(b).fixedV6 ?? '';
    await eventually(async () => (await guest(b).sh('ip -6 addr show scope global')).includes(v6), {
      withinMs: 20_000,
      what: `${v6} in the guest`,
    });
    await eventually(async () => await reaches(guest(a), v6), {
      withinMs: 10_000,
      what: 'ping by IPv6',
    });
    await stream(guest(b), guest(a), v6, megabytes);
  });

  it('are out of reach for another tenant', async () => {
    const demo = await tenant(cloud, 'demo');
    const {
      networks: [own],
    } = await demo.api.ask<{ networks: { id: string }[] }>(
      'network',
      'GET',
      '/v2.0/networks?name=demo',
    );
    const stranger = await demo.guest('stranger', own?.id ?? '');
    for (const address of [guest(a).fixed, guest(b).fixed, guest(c).fixed])
      assert.equal(await reaches(stranger, address), false, address);
    for (const path of ['networks', 'ports', 'routers', 'floatingips', 'security-groups']) {
      const listed = JSON.stringify(await demo.api.ask('network', 'GET', `/v2.0/${path}`));
      for (const { id } of [guest(a), guest(b), guest(c)])
        assert.ok(!listed.includes(id), `${path} of another project`);
    }
  });
});
