// Nova's answers to POST /servers when the body is wrong, image and flavor do not fit, or a quota
// is exceeded: exact codes and messages.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '#contracts/common/json.ts';
import { startApiCloud, unknownId, type Answer, type ApiCloud, type Loose } from './api-cloud.ts';
import { isNovaFault } from './fault-bodies.testing.ts';

let cloud: ApiCloud;
const compute = '/compute/v2.1';

before(async () => {
  cloud = await startApiCloud();
});
after(async () => await cloud.stop());

const create = async (server: JsonObject, version?: number): Promise<Answer> =>
  await cloud.ask(cloud.alice, 'POST', `${compute}/servers`, {
    version,
    body: { server: { name: 'wrong', flavorRef: '42', imageRef: cloud.imageId, ...server } },
  });
/** Creates an image of Alice's with these properties and this many bytes. */
const imageThat = async (facts: JsonObject, bytes: number): Promise<string> => {
  const { id } = await cloud.sure(cloud.alice, 'POST', '/image/v2/images', {
    name: 'demanding',
    disk_format: 'raw',
    container_format: 'bare',
    ...facts,
  });
  const put = await cloud.ask(cloud.alice, 'PUT', `/image/v2/images/${id}/file`, {
    raw: new Uint8Array(bytes),
    headers: { 'content-type': 'application/octet-stream' },
  });
  assert.equal(put.status, 204);
  return id;
};

describe('POST /servers refuses', () => {
  // Bodies that are wrong whatever the state of the cloud.
  const rows: readonly [what: string, server: JsonObject, message: RegExp, version?: number][] = [
    ['an unknown image', { imageRef: unknownId }, /Can not find requested image/],
    ['an image reference of no use', { imageRef: '-1' }, /Can not find requested image/],
    [
      'an image reference with a path in it',
      { imageRef: '../images' },
      /Can not find requested image/,
    ],
    ['no image', { imageRef: '' }, /Invalid imageRef/],
    ['an unknown flavor', { flavorRef: '-1' }, /Flavor -1 could not be found/],
    ['no flavor', { flavorRef: null }, /flavorRef/],
    ['an empty name', { name: '' }, /name/],
    [
      'a name of 256 characters',
      { name: 'x'.repeat(256) },
      /field\/attribute name\. Value: x+\.\.\.\. 'x+\.\.\.' is too long/,
    ],
    ['a name that is a number', { name: 12 }, /name/],
    [
      'a field of no meaning',
      { colour: 'red' },
      /Additional properties are not allowed \('colour' was unexpected\)/,
    ],
    [
      'a field of a later microversion',
      { description: 'early' },
      /'description' was unexpected/,
      18,
    ],
    [
      'a field of an earlier microversion',
      { personality: [], networks: 'none' },
      /'personality' was unexpected/,
      57,
    ],
    ['no networks from 2.37 on', {}, /'networks' is a required property/, 37],
    ['a wrong IPv4 address', { accessIPv4: '1.1.1.1.1.1' }, /accessIPv4/],
    ['a wrong IPv6 address', { accessIPv6: 'notvalid' }, /accessIPv6/],
    ['an unknown network', { networks: [{ uuid: unknownId }] }, /Network .* could not be found/],
    [
      'a network that is no uuid',
      { networks: [{ uuid: 'a-b-c' }] },
      /field\/attribute uuid\. Value: a-b-c\. 'a-b-c' is not a 'uuid'/,
    ],
    ['an unknown keypair', { key_name: 'nobodys' }, /Invalid key_name/],
    [
      'an unknown security group',
      { security_groups: [{ name: 'nobodys' }] },
      /Security group nobodys not found/,
    ],
    ['an unknown zone', { availability_zone: 'moon' }, /availability zone/],
    ['min_count above max_count', { min_count: 2, max_count: 1 }, /min_count must be <= max_count/],
    [
      'max_count of zero',
      { max_count: 0 },
      /field\/attribute max_count\. Value: 0\. 0 is less than the minimum of 1/,
    ],
    ['min_count beyond all bounds', { min_count: '9'.repeat(30) }, /at most 1000 servers/],
    ['min_count that is no number', { min_count: 'many' }, /min_count/],
    ['a blank metadata key', { metadata: { '': 'x' } }, /metadata/],
    [
      'a long metadata value',
      { metadata: { x: 'v'.repeat(256) } },
      /field\/attribute x\. .*is too long/,
    ],
    ['user data that is not base64', { user_data: 'not base64!' }, /user_data/],
    [
      '51 tags',
      { tags: Array.from({ length: 51 }, (_, n) => `t${n}`), networks: 'none' },
      /tags/,
      52,
    ],
  ];
  for (const [what, server, message, version] of rows)
    it(`${what} with 400`, async () => isNovaFault(await create(server, version), 400, message));

  it('a flavor with too little memory for the image', async () => {
    const imageRef = await imageThat({ min_ram: 4096 }, 1);
    isNovaFault(
      await create({ imageRef }),
      400,
      /Flavor's memory is too small for requested image/,
    );
  });
  it('a flavor with less disk than the image asks for', async () => {
    const imageRef = await imageThat({ min_disk: 2 }, 1);
    isNovaFault(
      await create({ imageRef }),
      400,
      /Flavor's disk is smaller than the minimum size specified in image metadata/,
    );
  });
  it('a flavor with less disk than the image is large', async () => {
    const { flavor } = await cloud.sure(cloud.admin, 'POST', `${compute}/flavors`, {
      flavor: { name: 'flat', vcpus: 1, ram: 64, disk: 1 },
    });
    const large = await cloud.sure(cloud.alice, 'POST', '/image/v2/images', {
      name: 'large',
      disk_format: 'raw',
      container_format: 'bare',
    });
    const put = await uploadZeros(`/v2/images/${large.id}/file`, 2 ** 30 + 1);
    assert.equal(put, 204);
    isNovaFault(
      await create({ imageRef: large.id, flavorRef: flavor.id }),
      400,
      /Flavor's disk is too small for requested image/,
    );
  });
  it('an image that has no bytes yet', async () => {
    const { id } = await cloud.sure(cloud.alice, 'POST', '/image/v2/images', { name: 'queued' });
    isNovaFault(await create({ imageRef: id }), 400, /is not active/);
  });
  it("another project's image and flavor, as if they were not there", async () => {
    const { id } = await cloud.sure(cloud.bob, 'POST', '/image/v2/images', {
      name: 'bobs',
      disk_format: 'raw',
      container_format: 'bare',
    });
    isNovaFault(await create({ imageRef: id }), 400, /Can not find requested image/);
    const { flavor } = await cloud.sure(cloud.admin, 'POST', `${compute}/flavors`, {
      flavor: { name: 'private', vcpus: 1, ram: 64, disk: 1, 'os-flavor-access:is_public': false },
    });
    isNovaFault(await create({ flavorRef: flavor.id }), 400, /could not be found/);
  });
  it('a forced host to those who are no admins', async () =>
    isNovaFault(await create({ availability_zone: 'nova:sim0001' }), 403, /Policy doesn't allow/));
});

describe('a quota', () => {
  const limit = async (quota: JsonObject): Promise<Loose> =>
    await cloud.sure(cloud.admin, 'PUT', `${compute}/os-quota-sets/${cloud.alice.projectId}`, {
      quota_set: { force: true, ...quota },
    });
  after(
    async () =>
      await cloud.ask(cloud.admin, 'DELETE', `${compute}/os-quota-sets/${cloud.alice.projectId}`),
  );

  for (const [resource, size] of [
    ['instances', 0],
    ['cores', 0],
    ['ram', 127],
  ] as const) {
    it(`on ${resource} is told with 403 and what is asked, used and allowed`, async () => {
      await limit({ instances: -1, cores: -1, ram: -1, [resource]: size });
      isNovaFault(
        await create({}),
        403,
        new RegExp(
          `^Quota exceeded for ${resource}: Requested \\d+, but already used 0 of ${size} ${resource}$`,
        ),
      );
    });
  }
  it('lets in as many of max_count as fit, were it without end', async () => {
    await limit({ instances: 1, cores: -1, ram: -1 });
    const { status, json } = await create({
      max_count: '9'.repeat(30),
      return_reservation_id: true,
    });
    assert.deepEqual([status, Object.keys(json)], [202, ['reservation_id']]);
    const { servers } = await cloud.sure(
      cloud.alice,
      'GET',
      `${compute}/servers?reservation_id=${json.reservation_id}`,
    );
    assert.equal(servers.length, 1);
  });
  it('on metadata items holds for new servers and for old ones', async () => {
    await limit({ instances: -1, cores: -1, ram: -1, metadata_items: 1 });
    isNovaFault(
      await create({ metadata: { a: '1', b: '2' } }),
      403,
      /Maximum number of metadata items exceeds 1/,
    );
    const { server } = (await create({ metadata: { a: '1' } })).json;
    isNovaFault(
      await cloud.ask(cloud.alice, 'POST', `${compute}/servers/${server.id}/metadata`, {
        body: { metadata: { b: '2' } },
      }),
      403,
      /Maximum number of metadata items exceeds 1/,
    );
  });
  it('on keypairs is told with 403', async () => {
    await limit({ key_pairs: 0 });
    isNovaFault(
      await cloud.ask(cloud.alice, 'POST', `${compute}/os-keypairs`, {
        body: { keypair: { name: 'k' } },
      }),
      403,
      /Maximum number of key pairs exceeded/,
    );
  });
  it('below what is in use is refused with 400', async () => {
    const answer = await cloud.ask(
      cloud.admin,
      'PUT',
      `${compute}/os-quota-sets/${cloud.alice.projectId}`,
      { body: { quota_set: { instances: 0 } } },
    );
    isNovaFault(answer, 400, /must be greater than or equal to already used/);
  });
});

/** Uploads this many zero bytes to an image, without holding them in memory. */
async function uploadZeros(path: string, size: number): Promise<number> {
  const chunk = Buffer.alloc(2 ** 22);
  async function* zeros(): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; left -= chunk.length)
      yield left < chunk.length ? chunk.subarray(0, left) : chunk;
  }
  const answer = await cloud.plane.http.send({
    method: 'PUT',
    service: 'image',
    path,
    token: cloud.alice.token,
    stream: Readable.from(zeros()),
    headers: { 'content-type': 'application/octet-stream' },
  });
  return 'status' in answer ? answer.status : 0;
}
