// The services' answers to wrong requests: exact codes and bodies. Sources: the sections on errors
// and microversions in each service's API reference. `ask` also checks that each answer has a
// request id and that no 204 has a body. For servers, see refused-servers.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import { startApiCloud, unknownId, type Answer, type ApiCloud, type Sending } from './api-cloud.ts';
import {
  isGlanceFault,
  isKeystoneFault,
  isNovaFault,
  isPlacementFault,
} from './fault-bodies.testing.ts';

let cloud: ApiCloud;
const compute = '/compute/v2.1';

before(async () => {
  cloud = await startApiCloud({ cortex: true });
});
after(async () => await cloud.stop());

/** For each service: its fault format, and a route with a body. */
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
      for (const [version, responseVersion] of [
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
          [
            200,
            `compute ${responseVersion}`,
            responseVersion,
            'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
          ],
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
    const versionAnswer = async (version: string): Promise<Answer> =>
      await cloud.ask(cloud.admin, 'GET', '/placement/resource_providers', {
        headers: { 'openstack-api-version': `placement ${version}` },
      });
    isPlacementFault(await versionAnswer('one'), 400, /is of invalid format/);
    const beyond = await versionAnswer('1.99');
    isPlacementFault(beyond, 406, /Minimum is 1\.0 and maximum is 1\.39/);
    assert.deepEqual(
      [beyond.json.errors[0].min_version, beyond.json.errors[0].max_version],
      ['1.0', '1.39'],
    );
    assert.equal(
      (await versionAnswer('latest')).headers.get('openstack-api-version'),
      'placement 1.39',
    );
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
    [
      'an unknown marker of servers',
      `${compute}/servers?marker=${unknownId}`,
      isNovaFault,
      /marker/,
    ],
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
    [
      'an unknown marker of flavors',
      `${compute}/flavors?marker=${unknownId}`,
      isNovaFault,
      /marker/,
    ],
    ['a negative limit of images', '/image/v2/images?limit=-1', isGlanceFault, /limit/],
    ['a limit of images in words', '/image/v2/images?limit=many', isGlanceFault, /limit/],
    ['an unknown marker of images', `/image/v2/images?marker=${unknownId}`, isGlanceFault, /./],
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
