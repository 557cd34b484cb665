// Debian's masakari client against the HA Service of a cloud with simulated hosts: an operator's
// command sequences, each run by one process of the client.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runChild } from '#platform/child-process.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { testCloud } from '../e2e/cloud.testing.ts';

const clientMissing =
  spawnSync('openstack', ['help', 'segment', 'list']).status === 0
    ? false
    : 'needs the openstack client with python3-masakariclient (./cobalt test installs it)';

/** The fields that any of the commands prints of an object. */
interface Shown {
  uuid: string;
  name: string;
  description: string | null;
  recovery_method: string;
  is_enabled: boolean;
  reserved: boolean;
  on_maintenance: boolean;
  notification_uuid: string;
  status: string;
  payload: Record<string, string>;
  Host: string;
  Status: string;
}

describe('the masakari client', { skip: clientMissing, timeout: 300_000 }, () => {
  let cloud: TestCloud;
  before(async () => {
    cloud = await testCloud();
    writeFileSync(join(cloud.dir, 'cobalt.yaml'), 'ha:\n  enabled: true\n', { mode: 0o600 });
    await cloud.up('--hosts=0', '--simulated=2');
  });
  after(async () => await cloud?.close());

  /**
   * Runs commands in one client. Returns the output of each command that prints an object, and the
   * errors of others, in order.
   */
  async function script(
    ...commands: string[]
  ): Promise<{ shown: (Shown & Shown[])[]; errors: string[] }> {
    const { stdout, stderr } = await runChild(['openstack'], {
      timeoutMs: 120_000,
      env: { PATH: process.env['PATH'] ?? '', HOME: cloud.dir, ...cloud.env },
      input: commands.map((command) => `${command}\n`).join(''),
    });
    const documents = stdout.match(/^(?:\{|\[)$[^]*?^(?:\}|\])$/gm) ?? [];
    return {
      shown: documents.map((text) => JSON.parse(text) as Shown & Shown[]), // output is JSON
      errors: stderr.split('\n').filter((line) => line !== ''),
    };
  }
  const named = (list: Shown[] | undefined): string[] =>
    (list ?? []).map(({ name }) => name).toSorted();

  it('makes segments, shows, lists and changes them', async () => {
    const { shown, errors } = await script(
      'segment create --description racks-1-to-4 east auto COMPUTE -f json',
      'segment create west rh_priority COMPUTE -f json',
      'segment create east auto COMPUTE',
      'segment list -f json',
      'segment list --filters recovery_method=auto -f json',
      'segment update --recovery_method reserved_host --is_enabled False west -f json',
      'segment show west -f json',
      'segment show north',
    );
    const [east, , all, automatic, , west] = shown;
    assert.ok(east && all && automatic && west, JSON.stringify({ shown, errors }));
    assert.deepEqual(
      [east.name, east.recovery_method, east.description, east.is_enabled],
      ['east', 'auto', 'racks-1-to-4', true],
    );
    assert.deepEqual([named(all), named(automatic)], [['east', 'west'], ['east']]);
    assert.deepEqual([west.recovery_method, west.is_enabled], ['reserved_host', false]);
    assert.match(errors[0] ?? '', /Failover segment with name east already exists/);
    assert.match(errors[1] ?? '', /Segment is not found: north/);
    assert.equal(errors.length, 2);
  });

  it('makes hosts of a segment, shows, lists and changes them', async () => {
    const { shown, errors } = await script(
      'segment host create sim0001 COMPUTE SSH east -f json',
      'segment host create --reserved True sim0002 COMPUTE SSH east -f json',
      'segment host create sim0009 COMPUTE SSH east',
      'segment host create sim0001 COMPUTE SSH east',
      'segment host list east -f json',
      'segment host list east --filters reserved=True -f json',
      'segment host update --reserved False east sim0002 -f json',
      'segment host show east sim0002 -f json',
    );
    const [one, , all, reserved, , two] = shown;
    assert.ok(one && all && reserved && two, JSON.stringify({ shown, errors }));
    assert.deepEqual([one.name, one.reserved, one.on_maintenance], ['sim0001', false, false]);
    assert.deepEqual([named(all), named(reserved)], [['sim0001', 'sim0002'], ['sim0002']]);
    assert.equal(two.reserved, false);
    assert.match(errors[0] ?? '', /Compute service with name sim0009 could not be found/);
    assert.match(errors[1] ?? '', /Host with name sim0001 already exists/);
    assert.equal(errors.length, 2);
  });

  it('notifies of failures, and sees what was done about them; deletes everything', async () => {
    const at = '2026-11-30T10:00:00';
    // Quoted for two parsers: that of the client's shell and that of the command.
    const quoted = (payload: object): string =>
      `'"${JSON.stringify(payload).replaceAll('"', String.raw`\"`)}"'`;
    const create = (type: string, host: string, payload: object): string =>
      `notification create ${type} ${host} ${at} ${quoted(payload)} -f json`;
    const stopped = { event: 'STOPPED', process_name: 'nova-compute' };
    const started = { event: 'STARTED', host_status: 'NORMAL', cluster_status: 'ONLINE' };
    const output = await script(
      create('PROCESS', 'sim0002', stopped),
      create('PROCESS', 'sim0002', stopped),
      create('COMPUTE_HOST', 'sim0001', started),
      create('VM', 'sim0001', { event: 'LIFECYCLE' }),
      create('VM', 'sim0009', stopped),
    );
    const [first, second] = output.shown;
    assert.ok(first && second, JSON.stringify(output));
    assert.deepEqual(first.payload, stopped);
    assert.match(output.errors[0] ?? '', /Duplicate notification received for type: PROCESS/);
    assert.match(output.errors[1] ?? '', /instance_uuid|vir_domain_event|required/);
    assert.match(output.errors[2] ?? '', /process_name|Host with name sim0009 could not be found/);
    const showCommands = [first, second].map(
      ({ notification_uuid: id }) => `notification show ${id} -f json`,
    );
    await eventually(
      async () => {
        const { shown } = await script(...showCommands);
        return shown[0]?.status === 'finished' && shown[1]?.status === 'ignored';
      },
      { withinMs: 60_000, everyMs: 500, what: 'one is finished, the other ignored' },
    );
    const ended = await script(
      'notification list -f json',
      'compute service list --service nova-compute -f json',
      'segment host update --on_maintenance True east sim0001 -f json',
      create('COMPUTE_HOST', 'sim0001', started),
      'segment host delete east sim0001',
      'segment host list east -f json',
      'segment delete east',
      'segment list -f json',
    );
    const [notifications, services, , hosts, segments] = ended.shown;
    assert.ok(notifications && services && hosts && segments, JSON.stringify(ended));
    assert.equal(notifications.length, 2);
    assert.equal(services.find(({ Host }) => Host === 'sim0002')?.Status, 'disabled');
    assert.match(ended.errors[0] ?? '', /Host sim0001 is already under maintenance/);
    assert.deepEqual([named(hosts), named(segments)], [['sim0002'], ['west']]);
  });
});
