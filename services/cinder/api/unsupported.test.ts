// Features that this Cinder lacks are refused to the same callers whom stock would let use them.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CinderFixture, Person } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

describe('group types, of which there are none', () => {
  let cinder: CinderFixture;
  before(async () => {
    cinder = await startCinder();
  });
  after(async () => await cinder.close());
  const statuses = async (method: 'GET' | 'POST', path: string) =>
    await Promise.all(
      (['admin', 'member', 'reader'] as const satisfies readonly Person[]).map(
        async (person) => (await cinder.ask(person, method, path, { body: {} })).status,
      ),
    );

  // Not a 403 for members: Horizon's page "Create Group" turned that into a 500.
  it('are listed to everybody', async () => {
    assert.deepEqual(await statuses('GET', 'group_types'), [200, 200, 200]);
    assert.deepEqual((await cinder.ask('member', 'GET', 'group_types')).body, { group_types: [] });
  });

  it('are not found by anybody', async () => {
    for (const id of ['default', '11111111-1111-4111-8111-111111111111'])
      assert.deepEqual(await statuses('GET', `group_types/${id}`), [404, 404, 404]);
  });

  it('are made by nobody, and only administrators are told why', async () => {
    assert.deepEqual(await statuses('POST', 'group_types'), [501, 403, 403]);
  });
});
