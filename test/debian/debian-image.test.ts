// The Debian image from end to end: built and registered by `./cobalt image build debian`, booted,
// accessed by ssh, rebooted. Takes minutes and downloads 150 MB: only `./cobalt test test/debian`
// runs it. The measured seconds are printed, not checked.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { realCloudMissing, repository, testCloud } from '../e2e/cloud.testing.ts';

const run = promisify(execFile);

const buildTimeoutMs = 1_800_000;
const loginTimeoutMs = 900_000;
/** Timeout of one command in an emulated guest on a busy machine. */
const sshTimeoutMs = 300_000;
const everyMs = 1_000;

const skip = realCloudMissing();

describe('a server of the Debian image', { skip }, () => {
  let cloud: TestCloud;
  let serverId: string;
  let address: string;
  let bootId: string;
  let knownHost: string;

  const file = (name: string): string => join(cloud.dir, name);
  /**
   * Runs a command in the guest and returns its output. The host key of the first login is stored;
   * a different one is refused later.
   */
  const ssh = async (command: string, timeoutMs = sshTimeoutMs): Promise<string> => {
    const options = [
      'StrictHostKeyChecking=accept-new',
      `UserKnownHostsFile=${file('known_hosts')}`,
      'BatchMode=yes',
      'ConnectTimeout=5',
      'ServerAliveInterval=15',
      'ServerAliveCountMax=10',
    ].flatMap((option) => ['-o', option]);
    const target = [`debian@${address}`, command];
    return (await run('ssh', ['-i', file('key'), ...options, ...target], { timeout: timeoutMs }))
      .stdout;
  };
  const readBootId = async (): Promise<string> => await ssh('cat /proc/sys/kernel/random/boot_id');
  const secondsSince = (startedAt: number): string =>
    `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;

  before(async () => {
    cloud = await testCloud();
    await cloud.up('--hosts', '1');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('key')]);
  });
  after(async () => await cloud.close());

  it('has an image to boot from after `image build debian`', async (t) => {
    const startedAt = performance.now();
    await run(join(repository, 'cobalt'), ['image', 'build', 'debian', '--home', cloud.dir], {
      timeout: buildTimeoutMs,
    });
    t.diagnostic(`build and registration: ${secondsSince(startedAt)}`);
    assert.equal(
      (await cloud.openstack('image', 'show', 'debian-12', '-f', 'value', '-c', 'status')).trim(),
      'active',
    );
  });

  it('lets its user in with the key', async (t) => {
    const network = (
      await cloud.openstack('network', 'create', 'debian', '-f', 'value', '-c', 'id')
    ).trim();
    await cloud.openstack(
      'subnet',
      'create',
      '--network',
      network,
      '--subnet-range',
      '10.9.0.0/24',
      'debian',
    );
    await cloud.openstack('router', 'create', '--external-gateway', 'public', 'debian');
    await cloud.openstack('router', 'add', 'subnet', 'debian', 'debian');
    for (const rule of [
      ['--protocol', 'tcp', '--dst-port', '22'],
      ['--protocol', 'icmp'],
    ])
      await cloud.openstack('security', 'group', 'rule', 'create', ...rule, await defaultGroup());
    await cloud.openstack('keypair', 'create', '--public-key', file('key.pub'), 'mine');
    const startedAt = performance.now();
    const server = await cloud.json<{ id: string }>(
      'server',
      'create',
      '--image',
      'debian-12',
      '--flavor',
      'm1.small',
      '--network',
      network,
      '--key-name',
      'mine',
      '--wait',
      'deb1',
    );
    serverId = server.id;
    const floating = await cloud.json<{ floating_ip_address: string }>(
      'floating',
      'ip',
      'create',
      'public',
    );
    address = floating.floating_ip_address;
    await cloud.openstack('server', 'add', 'floating', 'ip', serverId, address);
    bootId = await eventually(readBootId, {
      withinMs: loginTimeoutMs,
      everyMs,
      what: 'ssh lets the user in',
    });
    t.diagnostic(`server create to login: ${secondsSince(startedAt)}`);
    knownHost = await readFile(file('known_hosts'), 'utf8');
    assert.equal(await ssh('hostname; sudo id -u'), 'deb1\n0\n');
  });

  it('ends its set-up by cloud-init without an error', async (t) => {
    const startedAt = performance.now();
    // Exit code 1 means an error. cloud-init(1), "status"
    const status = await ssh('cloud-init status --wait --long', loginTimeoutMs);
    t.diagnostic(`login to the end of cloud-init: ${secondsSince(startedAt)}`);
    assert.match(status, /^status: done$/m);
    // https://docs.cloud-init.io: result.json contains the errors of all stages, and the data
    // source.
    const result = JSON.parse(await ssh('cat /run/cloud-init/result.json')) as {
      v1: { errors: string[]; datasource: string };
    };
    assert.deepEqual(result.v1.errors, []);
    assert.match(result.v1.datasource, /^DataSourceOpenStack/);
    assert.equal(await ssh('systemctl --failed --no-legend --plain'), '');
    t.diagnostic(await ssh('systemd-analyze; systemd-analyze blame --no-pager | head -12'));
  });

  it('keeps its ssh host key over a reboot', async (t) => {
    const startedAt = performance.now();
    await cloud.openstack('server', 'reboot', '--wait', serverId);
    await eventually(async () => (await readBootId()) !== bootId, {
      withinMs: loginTimeoutMs,
      everyMs,
      what: 'ssh answers from another boot, with the host key of the first',
    });
    t.diagnostic(`reboot to login: ${secondsSince(startedAt)}`);
    assert.equal(await readFile(file('known_hosts'), 'utf8'), knownHost);
    assert.match(await ssh('cloud-init status --wait', loginTimeoutMs), /^status: done$/m);
  });

  async function defaultGroup(): Promise<string> {
    const project = (
      await cloud.openstack('token', 'issue', '-f', 'value', '-c', 'project_id')
    ).trim();
    const [group] = await cloud.json<{ ID: string }[]>(
      'security',
      'group',
      'list',
      '--project',
      project,
    );
    assert.ok(group);
    return group.ID;
  }
});
