// A server is deleted while its host is still downloading its image: the download is aborted, and
// the server is gone long before the build's deadline.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { startConductor, type ConductorFixture } from './conductor.testing.ts';

let fixture: ConductorFixture;
const [building, abandoned] = [new Map<string, () => void>(), [] as string[]];

before(async () => {
  fixture = await startConductor({
    hosts: ['h1'],
    server: { networks: 'none' },
    agent: {
      buildGuest: async ({ spec }: { spec: { uuid: string } }) => {
        await new Promise<void>((resolve) => building.set(spec.uuid, resolve));
        return fault('timeout', 'nobody waits for it any more');
      },
      abandonBuild: async ({ uuid }: { uuid: string }) => {
        abandoned.push(uuid);
        building.get(uuid)?.();
        return null;
      },
      destroyGuest: async () => null,
    },
  });
  fixture.nova.answerCalls((call) =>
    call.service === 'placement'
      ? fixture.placement(call)
      : call.path.startsWith('/v2/images/')
        ? { status: 200, body: fixture.image }
        : { status: 204 },
  );
});
after(async () => await fixture.close());

test('deleting a server ends what its build fetches', async () => {
  const answer = await fixture.post({});
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const { id } = answer.body.server;
  await eventually(() => building.has(id), { withinMs: 10_000, what: 'the build to be under way' });
  await fixture.deleteServer(id);
  assert.deepEqual(abandoned, [id]);
});
