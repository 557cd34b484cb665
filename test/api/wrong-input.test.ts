// What the services answer to requests that are wrong: exact codes and bodies. Sources:
// contracts/openstack-errors.txt, "Fault bodies" and "Microversions" of contracts/openstack.md.
// That each answer has a request id and no 204 a body, `ask` itself checks.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { Answer, ApiCloud, Loose, Sending } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

let cloud: ApiCloud;
const none = '00000000-0000-0000-0000-000000000000';
const compute = '/compute/v2.1';

before(async () => {
  cloud = await startApiCloud();
});
after(async () => await cloud.stop());

const novaKeys: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  406: 'computeFault',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
};
const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
};

/** Nova: one key that names the kind. */
function isNovaFault({ status, json, text }: Answer, wanted: number, message: RegExp): void {
  const key = novaKeys[wanted] ?? '';
  assert.deepEqual([status, Object.keys(json ?? {})], [wanted, [key]], text);
  assert.deepEqual(Object.keys(json[key]).sort(), ['code', 'message']);
  assert.equal(json[key].code, wanted);
  assert.match(json[key].message, message);
}
function isKeystoneFault({ status, json, text }: Answer, wanted: number, message: RegExp): void {
  assert.equal(status, wanted, text);
  assert.deepEqual(
    { error: { ...json.error, message: '' } },
    { error: { code: wanted, title: titles[wanted], message: '' } },
  );
  assert.match(json.error.message, message);
}
/** Glance: WebOb's small page. */
function isGlanceFault({ status, headers, text }: Answer, wanted: number, message: RegExp): void {
  assert.deepEqual(
    [status, headers.get('content-type')],
    [wanted, 'text/html; charset=UTF-8'],
    text,
  );
  const page =
    /^<html>\n <head>\n {2}<title>(.*)<\/title>\n <\/head>\n <body>\n {2}<h1>(.*)<\/h1>\n {2}(.*)<br \/><br \/>\n\n\n <\/body>\n<\/html>$/.exec(
      text,
    );
  assert.deepEqual(
    page?.slice(1, 3),
    [`${wanted} ${titles[wanted]}`, `${wanted} ${titles[wanted]}`],
    text,
  );
  assert.match(page?.[3] ?? '', message);
}
function isPlacementFault(
  { status, headers, json, text }: Answer,
  wanted: number,
  message: RegExp,
): void {
  assert.equal(status, wanted, text);
  const { detail, code, ...rest } = json.errors[0];
  assert.deepEqual(
    [json.errors.length, rest.status, rest.title, rest.request_id, code],
    [1, wanted, titles[wanted], headers.get('x-openstack-request-id'), 'placement.undefined_code'],
  );
  assert.match(detail, message);
}

const create = async (server: JsonObject, version?: number): Promise<Answer> =>
  await cloud.ask(cloud.alice, 'POST', `${compute}/servers`, {
    version,
    body: { server: { name: 'wrong', flavorRef: '42', imageRef: cloud.imageId, ...server } },
  });
/** An image of Alice's with so many bytes. */
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
  // The bodies that are wrong by themselves.
  const rows: readonly [what: string, server: JsonObject, message: RegExp, version?: number][] = [
    ['an unknown image', { imageRef: none }, /Can not find requested image/],
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
    ['an unknown network', { networks: [{ uuid: none }] }, /Network .* could not be found/],
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

/** Per service: how it words a fault, and one route that takes a body. */
const services = [
  {
    name: 'nova',
    isFault: isNovaFault,
    unknown: '/compute/v2.1/nothing',
    list: '/compute/v2.1/servers',
    post: '/compute/v2.1/servers',
    deep: { server: { name: 1 } },
  },
  {
    name: 'keystone',
    isFault: isKeystoneFault,
    unknown: '/identity/v3/nothing',
    list: '/identity/v3/regions',
    post: '/identity/v3/projects',
    deep: { project: { name: 1 } },
  },
  {
    name: 'glance',
    isFault: isGlanceFault,
    unknown: '/image/v2/nothing',
    list: '/image/v2/images',
    post: '/image/v2/images',
    deep: { name: 1 },
  },
  {
    name: 'placement',
    isFault: isPlacementFault,
    unknown: '/placement/nothing',
    list: '/placement/resource_providers',
    post: '/placement/resource_providers',
    deep: { name: 1 },
  },
] satisfies {
  name: string;
  isFault: typeof isNovaFault;
  unknown: string;
  list: string;
  post: string;
  deep: Json;
}[];

for (const { name, isFault, unknown, list, post, deep } of services) {
  describe(`${name} answers in its own words to`, () => {
    const ask = async (method: HttpMethod, path: string, sending?: Sending): Promise<Answer> =>
      await cloud.ask(cloud.admin, method, path, sending);

    it('an unknown path with 404', async () =>
      isFault(await ask('GET', unknown), 404, /could not be found/));
    it('a wrong method with 405', async () =>
      isFault(await ask('PATCH', list), 405, /PATCH is not allowed/));
    it('broken JSON with 400', async () =>
      isFault(
        await ask('POST', post, { raw: '{"a": ', headers: { 'content-type': 'application/json' } }),
        400,
        /not valid JSON/,
      ));
    it('another content type with 415', async () =>
      isFault(
        await ask('POST', post, {
          raw: '<server/>',
          headers: { 'content-type': 'application/xml' },
        }),
        415,
        /application\/xml is not supported/,
      ));
    it('a body that is no object with 400', async () =>
      isFault(await ask('POST', post, { body: [] }), 400, /./));
    it('no body where one is needed with 400', async () =>
      isFault(await ask('POST', post), 400, /./));
    it('a field of the wrong type with 400 that names it', async () =>
      isFault(await ask('POST', post, { body: deep }), 400, /name/));
    it('a body beyond all bounds with 413', async () => {
      const raw = JSON.stringify({ filler: 'x'.repeat(5 * 1024 * 1024) });
      isFault(
        await ask('POST', post, { raw, headers: { 'content-type': 'application/json' } }),
        413,
        /larger than \d+ bytes/,
      );
    });
    it('a member who is no admin with 403, where it is for admins', async () => {
      if (name !== 'glance')
        isFault(
          await cloud.ask(cloud.bob, 'POST', name === 'nova' ? '/compute/v2.1/flavors' : post, {
            body: {},
          }),
          403,
          /./,
        );
      else isFault(await cloud.ask(cloud.bob, 'GET', '/image/v2/tasks'), 403, /./);
    });
  });
}

describe('a microversion', () => {
  const servers = `${compute}/servers`;
  for (const header of ['openstack-api-version', 'x-openstack-nova-api-version']) {
    const named = (version: string): Record<string, string> => ({
      [header]: header.startsWith('openstack') ? `compute ${version}` : version,
    });
    it(`that is malformed is 400, in ${header}`, async () => {
      for (const version of ['2', 'two.one', '2.1.1', '2.-1', '2.1a'])
        isNovaFault(
          await cloud.ask(cloud.alice, 'GET', servers, { headers: named(version) }),
          400,
          /is of invalid format/,
        );
    });
    it(`beyond the range is 406 and tells the range, in ${header}`, async () => {
      for (const version of ['2.999', '3.1', '1.1', '2.0'])
        isNovaFault(
          await cloud.ask(cloud.alice, 'GET', servers, { headers: named(version) }),
          406,
          /Minimum is 2\.1 and maximum is 2\.96/,
        );
    });
    it(`that is good is told back in both headers, from ${header}`, async () => {
      for (const [version, told] of [
        ['2.53', '2.53'],
        ['latest', '2.96'],
      ] as const) {
        const { status, headers } = await cloud.ask(cloud.alice, 'GET', servers, {
          headers: named(version),
        });
        assert.deepEqual(
          [
            status,
            headers.get('openstack-api-version'),
            headers.get('x-openstack-nova-api-version'),
            headers.get('vary'),
          ],
          [200, `compute ${told}`, told, 'OpenStack-API-Version, X-OpenStack-Nova-API-Version'],
        );
      }
    });
  }
  it("of another service is not Nova's: the minimum counts", async () => {
    const { headers } = await cloud.ask(cloud.alice, 'GET', servers, {
      headers: { 'openstack-api-version': 'volume 3.60' },
    });
    assert.equal(headers.get('openstack-api-version'), 'compute 2.1');
  });
  it('of placement is held to its own range', async () => {
    const asked = async (version: string): Promise<Answer> =>
      await cloud.ask(cloud.admin, 'GET', '/placement/resource_providers', {
        headers: { 'openstack-api-version': `placement ${version}` },
      });
    isPlacementFault(await asked('one'), 400, /is of invalid format/);
    const beyond = await asked('1.99');
    isPlacementFault(beyond, 406, /Minimum is 1\.0 and maximum is 1\.39/);
    assert.deepEqual(
      [beyond.json.errors[0].min_version, beyond.json.errors[0].max_version],
      ['1.0', '1.39'],
    );
    assert.equal((await asked('latest')).headers.get('openstack-api-version'), 'placement 1.39');
  });
});

describe('a page', () => {
  const rows: readonly [
    what: string,
    path: string,
    isFault: typeof isNovaFault,
    message: RegExp,
  ][] = [
    ['a negative limit of servers', `${compute}/servers?limit=-1`, isNovaFault, /limit/],
    ['a limit of servers in words', `${compute}/servers?limit=testing`, isNovaFault, /limit/],
    ['an unknown marker of servers', `${compute}/servers?marker=${none}`, isNovaFault, /marker/],
    [
      'an unknown sort key of servers',
      `${compute}/servers?sort_key=colour`,
      isNovaFault,
      /sort_key/,
    ],
    [
      'a sort key that every object has',
      `${compute}/servers?sort_key=constructor`,
      isNovaFault,
      /sort_key/,
    ],
    [
      'a wrong sort direction of servers',
      `${compute}/servers?sort_key=uuid&sort_dir=up`,
      isNovaFault,
      /sort_dir/,
    ],
    [
      'a wrong date',
      `${compute}/servers?changes-since=2011-01-01T12:34:`,
      isNovaFault,
      /changes-since/,
    ],
    ['an unknown marker of flavors', `${compute}/flavors?marker=${none}`, isNovaFault, /marker/],
    ['a negative limit of images', '/image/v2/images?limit=-1', isGlanceFault, /limit/],
    ['a limit of images in words', '/image/v2/images?limit=many', isGlanceFault, /limit/],
    ['an unknown marker of images', `/image/v2/images?marker=${none}`, isGlanceFault, /./],
    ['an unknown sort key of images', '/image/v2/images?sort_key=colour', isGlanceFault, /./],
    [
      'a resource amount in words',
      '/placement/allocation_candidates?resources=VCPU:many',
      isPlacementFault,
      /./,
    ],
  ];
  for (const [what, path, isFault, message] of rows) {
    it(`with ${what} is 400`, async () =>
      isFault(
        await cloud.ask(cloud.admin, 'GET', path, {
          version: path.startsWith('/placement') ? 23 : undefined,
        }),
        400,
        message,
      ));
  }
});

describe('a success without a body', () => {
  it('is 204 and empty', async () => {
    const { id } = await cloud.sure(cloud.alice, 'POST', '/image/v2/images', {
      name: 'short-lived',
    });
    for (const [method, path] of [
      ['PUT', `/image/v2/images/${id}/tags/red`],
      ['DELETE', `/image/v2/images/${id}/tags/red`],
      ['DELETE', `/image/v2/images/${id}`],
    ] as const) {
      assert.equal((await cloud.ask(cloud.alice, method, path)).status, 204, `${method} ${path}`);
    }
  });
});

/** Sends so many zero bytes to an image without holding them. */
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
