// Cinder checks what Glance and Nova tell it against the caller's project and its own records:
// naming another project's image or server has no effect. Glance and Nova are doubles.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { HttpCall } from '#openstack/http/client.ts';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

const privateImageId = '11111111-1111-4111-8111-111111111111';
const foreignServerId = '22222222-2222-4222-8222-222222222222';
const connector = { host: 'h1', initiator: 'iqn.x' };

let cinder: CinderFixture;
before(async () => {
  cinder = await startCinder();
});
after(async () => await cinder.close());
beforeEach(() => {
  cinder.calls.length = 0;
});

describe('a private image of another project', () => {
  beforeEach(() =>
    cinder.answerCalls(({ token }) =>
      token === 'cinder' ? { status: 200, body: { id: privateImageId } } : { status: 404 },
    ),
  );

  it('is not copied into a volume, though Cinder itself may read it', async () => {
    const answer = await cinder.ask('member', 'POST', 'volumes', {
      body: { volume: { size: 1, imageRef: privateImageId } },
    });
    assert.equal(answer.status, 404);
    assert.deepEqual(
      cinder.calls.map(({ token }) => token),
      ['member'],
      'Glance decides on the token of who asked',
    );
    assert.deepEqual((await cinder.ask('member', 'GET', 'volumes')).body.volumes, []);
  });
});

describe('an attachment that names a server of another project', () => {
  /**
   * The answers that a member gets about an attachment to `serverId`, and whether the volume is
   * free.
   */
  async function releasedFrom(
    serverId: string,
    nova: (call: HttpCall) => { status: number; body?: object },
  ): Promise<unknown[]> {
    cinder.answerCalls((call) => nova(call) as { status: number }); // plain JSON
    const volume = await cinder.make('volumes', 'volume', { size: 1 });
    const { body } = await cinder.ask('member', 'POST', 'attachments', {
      body: { attachment: { volume_uuid: volume.id, instance_uuid: serverId, connector } },
    });
    const answer = await cinder.ask('member', 'DELETE', `attachments/${body.attachment.id}`);
    await cinder.idle();
    return [
      answer.status,
      answer.body,
      (await cinder.show('volumes', 'volume', volume.id))?.status,
    ];
  }

  it("is released, whatever that server's own attachment is, and tells nothing of the server", async () => {
    const anotherAttachment = { volumeAttachment: { attachment_id: cinder.deps.ids.uuid() } };
    const [existing, absent] = [
      await releasedFrom(foreignServerId, () => ({ status: 200, body: anotherAttachment })),
      await releasedFrom(cinder.deps.ids.uuid(), () => ({ status: 404 })),
    ];
    assert.equal(existing[0], 200);
    assert.equal(existing[2], 'available');
    assert.deepEqual(existing, absent, 'the same answer as for a server that does not exist');
  });

  it('is seen and changed by its own project alone', async () => {
    cinder.answerCalls(() => ({ status: 404 }));
    const volume = await cinder.make('volumes', 'volume', { size: 1 });
    const { body } = await cinder.ask('member', 'POST', 'attachments', {
      body: { attachment: { volume_uuid: volume.id, instance_uuid: foreignServerId } },
    });
    const path = `attachments/${body.attachment.id}`;
    assert.deepEqual(
      [
        (await cinder.ask('other', 'GET', path)).status,
        (await cinder.ask('other', 'GET', `attachments?instance_id=${foreignServerId}`)).body
          .attachments,
        (await cinder.ask('other', 'PUT', path, { body: { attachment: { connector } } })).status,
        (await cinder.ask('other', 'DELETE', path)).status,
      ],
      [404, [], 404, 404],
    );
  });
});
