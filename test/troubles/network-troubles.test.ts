// Every daemon of the network is killed and comes back, the northbound database is lost, rows are
// changed from outside.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';
import type { Guest, Tenant } from '../e2e/network.testing.ts';
import { pings, tenant } from '../e2e/network.testing.ts';

const run = promisify(execFile);
/** Limit for guests to talk again after a daemon was killed. */
const backMs = 10_000;
/** Limit for Neutron to restore rows of OVN that were changed from outside. */
const mendedMs = 60_000;

describe('troubles of the network', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  let admin: Tenant;
  let group = '';
  let guests: Guest[] = [];

  const nb = async (...words: string[]): Promise<string> =>
    (await run('ovn-nbctl', [`--db=unix:${cloud.dir}/ovn/run/nb.sock`, '--timeout=10', ...words]))
      .stdout;
  /**
   * Kills the daemon whose pid file is below the folder of an init (`ovn`, `hosts/h1`); its
   * supervisor starts another one.
   */
  async function kill(init: string, pidFile: string): Promise<void> {
    const [, pid = ''] = (await readFile(join(cloud.dir, init, 'init.pid'), 'utf8')).split(' ');
    const daemon = (await readFile(join(cloud.dir, init, pidFile), 'utf8')).trim();
    await run('nsenter', ['-t', pid, '-m', '-p', '/bin/kill', '-9', daemon]);
  }
  const talks = async (): Promise<boolean> => {
    const [one, two] = guests;
    if (!one || !two) throw new Error('two guests are there');
    if (!(await pings(one.floating)) || !(await pings(two.floating))) return false;
    return (
      (
        await one.sh(`ping -c1 -W1 ${two.fixed} >/dev/null && echo yes || echo no`, 5_000)
      ).trim() === 'yes'
    );
  };
  let nextPort = 6000;
  /**
   * Creates a security group rule for one more port while a daemon is down, and checks that packets
   * pass once the daemon is back.
   */
  async function changeArrives(during: () => Promise<void>): Promise<void> {
    const [one, two] = guests;
    const port = nextPort++;
    await two?.sh(`httpd -p ${port} -h /tmp`);
    await during();
    await admin.rule(group, { protocol: 'tcp', port_range_min: port, port_range_max: port });
    await eventually(talks, { withinMs: backMs, everyMs: 200, what: 'traffic to be back' });
    await eventually(
      async () =>
        (
          await one?.sh(
            `nc -w 1 ${two?.fixed} ${port} </dev/null >/dev/null 2>&1 && echo yes || echo no`,
          )
        )?.trim() === 'yes',
      { withinMs: backMs, everyMs: 200, what: `port ${port} to be open` },
    );
  }

  before(async () => {
    cloud = await testCloud();
    await cloud.up();
    admin = await tenant(cloud, 'admin');
    group = await admin.groupNamed('troubles');
    for (const rule of [
      { protocol: 'icmp' },
      { protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
    ])
      await admin.rule(group, rule);
    const network = await admin.network('net', ['10.30.1.0/24'], { router: await admin.router() });
    guests = await Promise.all(
      ['h1', 'h2'].map(
        async (host) =>
          await admin.guest(`on-${host}`, network.id, { host, securityGroups: ['troubles'] }),
      ),
    );
    await eventually(talks, { withinMs: backMs, what: 'the guests to talk' });
  });
  after(async () => await cloud?.close());

  for (const [what, init, pidFile] of [
    ['northd', 'ovn', 'run/northd.pid'],
    ['the northbound server', 'ovn', 'run/nb.pid'],
    ['the southbound server', 'ovn', 'run/sb.pid'],
    ['ovn-controller', 'hosts/h1', 'run/ovn/ovn-controller.pid'],
    ['ovs-vswitchd', 'hosts/h1', 'run/openvswitch/ovs-vswitchd.pid'],
    ['the switch database', 'hosts/h1', 'run/openvswitch/ovsdb-server.pid'],
  ] as const) {
    it(`${what} may die`, async () => await changeArrives(async () => await kill(init, pidFile)));
  }

  it('the control plane may die, and traffic does not notice', async () => {
    await cloud.killControl(async () => assert.ok(await talks()));
    admin = await tenant(cloud, 'admin');
    await changeArrives(async () => undefined);
  });

  it('a northbound database that is lost is rebuilt from Neutron', async () => {
    await rm(join(cloud.dir, 'ovn/db/nb.db'));
    await kill('ovn', 'run/nb.pid');
    await eventually(async () => (await nb('ls-list')).includes('neutron-'), {
      withinMs: backMs,
      everyMs: 200,
      what: 'the rows to be back',
    });
    await eventually(talks, { withinMs: backMs, everyMs: 200, what: 'traffic to be back' });
    await eventually(
      async () => (await cloud.cobalt('doctor', '--audit')).includes('no differences'),
      { withinMs: 15_000, everyMs: 1_000, what: 'the audit to find nothing' },
    );
  });

  it('a stray row goes and a missing one comes back within a minute', async () => {
    await nb('ls-add', 'stray');
    const [port] = (
      await admin.api.ask<{ ports: { id: string }[] }>(
        'network',
        'GET',
        `/v2.0/ports?device_id=${guests[0]?.id ?? ''}`,
      )
    ).ports;
    const id = port?.id ?? '';
    await nb('lsp-del', id);
    await eventually(
      async () =>
        !(await nb('ls-list')).includes('stray') &&
        (
          await nb('--bare', '--columns=name', 'find', 'Logical_Switch_Port', `name=${id}`)
        ).includes(id),
      { withinMs: mendedMs, everyMs: 500, what: 'both to be mended' },
    );
    await eventually(talks, { withinMs: backMs, everyMs: 200, what: 'traffic to be back' });
  });
});
