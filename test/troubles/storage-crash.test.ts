// Control plane, libvirtd and the filer's server are killed at random moments while volumes are
// attached, detached and snapshotted. STORAGE_ROUNDS=10 kills them more often than the default of
// 2; CRASH_SEED=n repeats one run.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connectCloud } from '#cli/cloud-client.ts';
import type { CloudClient } from '#cli/cloud-client.ts';
import { readSecrets } from '#compose/home.ts';
import { seededIds } from '#platform/ids.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';
import { imageIsLocked } from '../e2e/image-lock.testing.ts';

interface Volume {
  id: string;
  status: string;
  name: string;
}

const run = promisify(execFile);
const rounds = Number(process.env['STORAGE_ROUNDS'] ?? 2);
const firstSeed = Number(process.env['CRASH_SEED'] ?? 1);
/** Limit until all operations have ended; a killed process is back within 20 s. */
const settleMs = 90_000;
const stormMs = 6_000;
const victims = ['control plane', 'libvirtd', 'filer'] as const;

describe('kill -9 under volumes', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  let api: CloudClient;
  let servers: string[] = [];
  let volumeIds: string[] = [];

  const logIn = async (): Promise<void> => {
    api = await connectCloud(
      `http://127.0.0.1:${cloud.port}`,
      { name: 'admin', password: (await readSecrets(cloud.dir)).admin, project: 'admin' },
      30_000,
    );
  };
  const volumes = async (): Promise<Volume[]> =>
    (await api.ask<{ volumes: Volume[] }>('volume', 'GET', '/v3/volumes/detail')).volumes;
  async function killIn(init: string, pidFile: string): Promise<void> {
    const [, pid = ''] = (await readFile(join(cloud.dir, init, 'init.pid'), 'utf8')).split(' ');
    await run('nsenter', [
      '-t',
      pid,
      '-m',
      '-p',
      '/bin/kill',
      '-9',
      (await readFile(join(cloud.dir, init, pidFile), 'utf8')).trim(),
    ]);
  }
  async function kill(victim: (typeof victims)[number], random: () => number): Promise<void> {
    if (victim === 'filer') await killIn('filer', 'run/ganesha.pid');
    else if (victim === 'libvirtd')
      await killIn(`hosts/h${random() < 0.5 ? 1 : 2}`, 'run/libvirt/libvirtd.pid');
    else {
      await cloud.killControl();
      await logIn();
    }
  }

  before(async () => {
    cloud = await testCloud();
    await cloud.up();
    await logIn();
    const { images } = await api.ask<{ images: { id: string }[] }>(
      'image',
      'GET',
      '/v2/images?name=tiny',
    );
    servers = await Promise.all(
      ['h1', 'h2'].map(
        async (host) =>
          (
            await api.ask<{ server: { id: string } }>('compute', 'POST', '/v2.1/servers', {
              server: {
                name: host,
                imageRef: images[0]?.id ?? '',
                flavorRef: '42',
                networks: 'none',
                availability_zone: `nova:${host}`,
              },
            })
          ).server.id,
      ),
    );
    volumeIds = await Promise.all(
      [1, 2, 3].map(
        async (number) =>
          (
            await api.ask<{ volume: Volume }>('volume', 'POST', '/v3/volumes', {
              volume: { size: 1, name: `kept-${number}` },
            })
          ).volume.id,
      ),
    );
    for (const id of servers)
      await eventually(
        async () =>
          (await api.ask<{ server: { status: string } }>('compute', 'GET', `/v2.1/servers/${id}`))
            .server.status === 'ACTIVE',
        { withinMs: 60_000, everyMs: 200, what: 'two servers' },
      );
  });
  after(async () => await cloud?.close());

  for (let seed = firstSeed; seed < firstSeed + rounds; seed += 1) {
    it(`loses nothing and leaves nothing half made (seed ${seed})`, async (t) => {
      const { random } = seededIds(seed);
      const pick = <T>(some: readonly T[]): T | undefined =>
        some[Math.floor(random() * some.length)];
      const over = new AbortController();
      /** One random operation; it may be refused, or get no answer. */
      const deed = async (): Promise<void> => {
        const [server, dice] = [pick(servers) ?? '', random()];
        const volume = pick(volumeIds) ?? '';
        if (dice < 0.35)
          await api.send('compute', 'POST', `/v2.1/servers/${server}/os-volume_attachments`, {
            volumeAttachment: { volumeId: volume },
          });
        else if (dice < 0.65)
          await api.send(
            'compute',
            'DELETE',
            `/v2.1/servers/${server}/os-volume_attachments/${volume}`,
          );
        else if (dice < 0.85)
          await api.send('volume', 'POST', '/v3/snapshots', {
            snapshot: { volume_id: volume, force: true, name: `seed-${seed}` },
          });
        else {
          const { snapshots } = await api.ask<{ snapshots: { id: string }[] }>(
            'volume',
            'GET',
            '/v3/snapshots',
          );
          const snapshot = pick(snapshots);
          if (snapshot) await api.send('volume', 'DELETE', `/v3/snapshots/${snapshot.id}`);
        }
      };
      const storm = (async () => {
        while (!over.signal.aborted) {
          await deed().catch(() => undefined);
          await delay(random() * 150);
        }
      })();
      await delay(500 + random() * stormMs);
      const victim = victims[seed % victims.length] ?? 'filer';
      t.diagnostic(`killed: ${victim}`);
      await kill(victim, random);
      await delay(random() * 2_000);
      over.abort();
      await storm;

      await eventually(
        async () =>
          (await volumes()).every(({ status }) => status === 'available' || status === 'in-use'),
        { withinMs: settleMs, everyMs: 500, what: 'every volume to be available or in-use' },
      );
      assert.deepEqual(
        (await volumes())
          .map(({ id }) => id)
          .filter((id) => volumeIds.includes(id))
          .sort(),
        volumeIds.toSorted(),
        'no volume is lost',
      );
      await eventually(
        async () =>
          (
            await api.ask<{ snapshots: { status: string }[] }>('volume', 'GET', '/v3/snapshots')
          ).snapshots.every(({ status }) =>
            ['available', 'error', 'error_deleting'].includes(status),
          ),
        { withinMs: settleMs, everyMs: 500, what: 'every snapshot to be settled' },
      );
      for (const id of servers) {
        const { server } = await api.ask<{
          server: { status: string; 'OS-EXT-STS:task_state': string | null };
        }>('compute', 'GET', `/v2.1/servers/${id}`);
        assert.deepEqual([server.status, server['OS-EXT-STS:task_state']], ['ACTIVE', null]);
      }
      await eventually(
        async () =>
          (
            await cloud
              .cobalt('doctor', '--audit')
              .catch((error: { stdout: string }) => error.stdout)
          ).includes('no differences'),
        { withinMs: settleMs, everyMs: 1_000, what: 'the audit to find nothing' },
      );
      for (const { id, status } of (await volumes()).filter((volume) =>
        volumeIds.includes(volume.id),
      )) {
        await eventually(
          async () => (await imageIsLocked(cloud.dir, id)) === (status === 'in-use'),
          {
            withinMs: settleMs,
            everyMs: 500,
            what: `the image of a volume that is ${status} to be locked only if it is in use`,
          },
        );
      }
    });
  }
});
