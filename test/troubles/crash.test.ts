// The control plane is killed at random moments while servers are created, stopped, rebuilt and
// deleted on real hosts. CRASH_ROUNDS=20 kills it more often than the default of 3; CRASH_SEED=n
// repeats one run.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { seededIds } from '#platform/ids.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';

interface Server {
  id: string;
  name: string;
  status: string;
  fault?: { message: string };
  'OS-EXT-STS:task_state': string | null;
}

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 3);
const firstSeed = Number(process.env['CRASH_SEED'] ?? 1);
// Within 60 s of `up` all operations have ended.
const settleMs = 60_000;
const longestLifeMs = 6_000;

describe('kill -9 of the control plane', { skip: realCloudMissing() }, () => {
  let cloud: TestCloud;
  let token = '';
  let imageId = '';

  const call = async (
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`http://127.0.0.1:${cloud.port}${path}`, {
      method,
      headers: { 'x-auth-token': token, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  const servers = async (): Promise<Server[]> =>
    ((await call('GET', '/compute/v2.1/servers/detail')).body as { servers: Server[] }).servers;
  const logIn = async (): Promise<void> => {
    token = (await cloud.openstack('token', 'issue', '-f', 'value', '-c', 'id')).trim();
  };

  before(async () => {
    cloud = await testCloud();
    await cloud.up();
    await logIn();
    imageId =
      ((await call('GET', '/image/v2/images?name=tiny')).body as { images: { id: string }[] })
        .images[0]?.id ?? '';
  });
  after(async () => await cloud?.close());

  for (let seed = firstSeed; seed < firstSeed + rounds; seed += 1) {
    it(`leaves nothing half done (seed ${seed})`, async () => {
      const random = seededIds(seed).random;
      const dying = new AbortController();
      // Errors are accepted: the control plane is killed while it is being asked.
      const disturb = async (): Promise<void> => {
        while (!dying.signal.aborted) {
          const existing = await servers();
          const some = existing[Math.floor(random() * existing.length)];
          const dice = random();
          if (existing.length < 2 || (dice < 0.5 && existing.length < 5))
            await call('POST', '/compute/v2.1/servers', {
              server: { name: `s${seed}`, imageRef: imageId, flavorRef: '42' },
            });
          else if (some && dice < 0.75) await call('DELETE', `/compute/v2.1/servers/${some.id}`);
          else if (some)
            await call(
              'POST',
              `/compute/v2.1/servers/${some.id}/action`,
              dice < 0.85
                ? { 'os-stop': null }
                : dice < 0.9
                  ? { 'os-start': null }
                  : { rebuild: { imageRef: imageId } },
            );
          await delay(random() * 400);
        }
      };
      const storm = disturb().catch(() => undefined);
      await delay(200 + random() * longestLifeMs);
      await cloud.killControl(async () => {
        dying.abort();
        await storm;
      });
      await logIn();
      const settled = new Set(['ACTIVE', 'SHUTOFF', 'ERROR']);
      await eventually(
        async () =>
          (await servers()).every(
            (server) => settled.has(server.status) && server['OS-EXT-STS:task_state'] === null,
          ),
        { withinMs: settleMs, everyMs: 500, what: 'every server is settled' },
      );
      for (const server of await servers())
        if (server.status === 'ERROR')
          assert.ok(server.fault?.message, `server ${server.id} says why it is in ERROR`);
      // Retried: the audit may catch a guest in the moment in which it ends.
      await eventually(
        async () => (await cloud.cobalt('doctor', '--audit')).includes('no differences'),
        { withinMs: 15_000, everyMs: 1_000, what: 'the audit finds nothing' },
      );
    });
  }

  it('deletes what is left', async () => {
    for (const { id } of await servers()) await call('DELETE', `/compute/v2.1/servers/${id}`);
    await eventually(async () => (await servers()).length === 0, {
      withinMs: settleMs,
      everyMs: 500,
      what: 'no server is left',
    });
    for (const host of ['h1', 'h2'])
      assert.equal((await cloud.virsh(host, 'list', '--all', '--uuid')).trim(), '');
    assert.match(await cloud.cobalt('doctor', '--audit'), /no differences/);
  });
});
