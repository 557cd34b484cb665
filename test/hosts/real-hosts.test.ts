// A real host joins a running cloud and leaves it again, with a server on it.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { createTiny, realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';

describe('a real host', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  before(async () => {
    cloud = await testCloud();
    await cloud.up('--hosts=1');
  });
  after(async () => await cloud.close());

  it('joins within 90 s after a machine has booted on it, and takes servers', async () => {
    const output = await cloud.cobalt('host', 'add');
    const [, seconds] = /host h2 is ready and takes servers \(([\d.]+) s\)/.exec(output) ?? [];
    assert.ok(Number(seconds) < 90, output);
    await cloud.openstack(...createTiny('vm1', '--nic=none', '--availability-zone=nova:h2'));
    assert.match(await cloud.virsh('h2', 'list', '--name'), /\w/);
  });

  it('leaves with nothing behind, while its server runs on elsewhere', async () => {
    const removed = cloud.cobalt('host', 'remove', 'h2', '--evict');
    await eventually(
      async () =>
        (await cloud.json<{ Host: string; Status: string }[]>('compute', 'service', 'list')).some(
          ({ Host, Status }) => Host === 'h2' && Status === 'disabled',
        ),
      { withinMs: 60_000, everyMs: 200, what: 'its removal has begun' },
    );
    await cloud.killControl();
    assert.match(await removed, /host h2 is removed, with its files/);
    assert.match(await cloud.virsh('h1', 'list', '--name'), /\w/);
    for (const folder of ['hosts', 'bmcs'])
      assert.deepEqual(await readdir(join(cloud.dir, folder)), ['h1']);
    const { hosts = [], services = [] } = await cloud.status();
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ['h1'],
    );
    assert.ok(!services.some(({ host }) => host === 'h2'));
    // Its chassis goes from OVN when it has been silent for long enough.
    await eventually(
      async () => /no differences/.test(await cloud.cobalt('doctor', '--audit').catch(String)),
      { withinMs: 120_000, everyMs: 2_000, what: 'nothing of it is left in OVN either' },
    );
  });
});
