// `openstack volume type set --name` sends `description: null` along with the name, meaning
// "unchanged". Cinder took it for "remove the description".
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { ApiCloud } from '../api/api-cloud.ts';
import { startApiCloud } from '../api/api-cloud.ts';

let cloud: ApiCloud;
before(async () => {
  cloud = await startApiCloud();
});
after(async () => await cloud.stop());

it('a volume type that gets another name keeps its description, and loses it when asked to', async () => {
  const {
    volume_type: { id },
  } = await cloud.sure(cloud.admin, 'POST', '/volume/v3/types', {
    volume_type: { name: 'fast', description: 'of flash' },
  });
  const update = async (volume_type: Record<string, string | null>): Promise<unknown> => {
    const { name, description } = (
      await cloud.sure(cloud.admin, 'PUT', `/volume/v3/types/${id}`, { volume_type })
    ).volume_type;
    return [name, description];
  };
  assert.deepEqual(await update({ name: 'faster', description: null }), ['faster', 'of flash']);
  assert.deepEqual(await update({ name: null, description: '' }), ['faster', '']);
  assert.equal(
    (
      await cloud.ask(cloud.admin, 'PUT', `/volume/v3/types/${id}`, {
        body: { volume_type: { name: null, description: null } },
      })
    ).status,
    400,
  );
});
