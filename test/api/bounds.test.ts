// Size limits of requests, for each service: a request that exceeds one is refused at once, in the
// service's own fault format.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ApiCloud } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

let cloud: ApiCloud;
before(async () => void (cloud = await startApiCloud({ cortex: true })));
after(async () => await cloud.stop());

const many = (count: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
const list = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);

describe('a filter with very many values', () => {
  const filters = ['tags', 'tags-any', 'not-tags', 'not-tags-any'];
  it('of tags is refused, and one with many is answered', async () => {
    for (const [path, version] of [
      ['/compute/v2.1/servers', 60],
      ['/network/v2.0/networks', undefined],
      ['/network/v2.0/ports', undefined],
    ] as const) {
      for (const filter of filters) {
        assert.equal(
          (
            await cloud.ask(cloud.alice, 'GET', `${path}?${filter}=${list(2_500).join(',')}`, {
              version,
            })
          ).status,
          400,
          `${path} ${filter}`,
        );
        assert.equal(
          (
            await cloud.ask(cloud.alice, 'GET', `${path}?${filter}=${list(100).join(',')}`, {
              version,
            })
          ).status,
          200,
          `${path} ${filter}`,
        );
      }
    }
    for (const filter of filters)
      assert.equal(
        (
          await cloud.ask(
            cloud.admin,
            'GET',
            `/identity/v3/projects?${filter}=${list(2_500).join(',')}`,
          )
        ).status,
        200,
        filter,
      );
    const tagged = (count: number): string =>
      list(count)
        .map((tag) => `tag=${tag}`)
        .join('&');
    assert.equal(
      (await cloud.ask(cloud.alice, 'GET', `/image/v2/images?${tagged(1_500)}`)).status,
      400,
    );
    assert.equal(
      (await cloud.ask(cloud.alice, 'GET', `/image/v2/images?${tagged(128)}`)).status,
      200,
    );
  });
  it('of other names is answered', async () => {
    for (const path of [
      '/compute/v2.1/servers?name',
      '/network/v2.0/ports?id',
      '/image/v2/images?name',
      '/volume/v3/volumes?name',
    ]) {
      assert.equal(
        (
          await cloud.ask(
            cloud.alice,
            'GET',
            `${path}=${list(1_000).join(`&${path.split('?')[1]}=`)}`,
          )
        ).status,
        200,
        path,
      );
    }
  });
  it('of metadata is refused', async () => {
    assert.equal(
      (
        await cloud.ask(
          cloud.alice,
          'GET',
          `/volume/v3/volumes?metadata=${encodeURIComponent(JSON.stringify(many(500)))}`,
        )
      ).status,
      400,
    );
  });
  it('of sort keys that repeat is as one', async () => {
    const repeated = (name: string, key: string): string =>
      Array.from({ length: 800 }, () => `${name}=${key}`).join('&');
    for (const path of [
      '/compute/v2.1/servers?' + repeated('sort_key', 'uuid'),
      '/network/v2.0/networks?' + repeated('sort_key', 'id'),
      '/volume/v3/volumes?' + repeated('sort_key', 'id'),
      '/image/v2/images?' + repeated('sort_key', 'id'),
      `/image/v2/images?sort=${Array.from({ length: 1_500 }, () => 'id:asc').join(',')}`,
      `/volume/v3/volumes?sort=${Array.from({ length: 1_500 }, () => 'id:asc').join(',')}`,
    ]) {
      assert.equal((await cloud.ask(cloud.alice, 'GET', path)).status, 200, path.slice(0, 60));
    }
  });
});

describe('a map with very many keys is refused', () => {
  const refused = async (
    path: string,
    body: Json,
    statuses: readonly number[] = [400],
    who = cloud.alice,
  ): Promise<void> => {
    const answer = await cloud.ask(who, 'POST', path, { body });
    assert.ok(
      statuses.includes(answer.status),
      `${path}: ${answer.status} ${answer.text.slice(0, 200)}`,
    );
  };
  it('in nova', async () => {
    await refused(
      '/compute/v2.1/servers',
      { server: { name: 'x', flavorRef: '42', imageRef: cloud.imageId, metadata: many(129) } },
      [403],
    );
    await refused(
      '/compute/v2.1/flavors/42/os-extra_specs',
      { extra_specs: many(129) },
      [400],
      cloud.admin,
    );
    const { aggregate } = await cloud.sure(cloud.admin, 'POST', '/compute/v2.1/os-aggregates', {
      aggregate: { name: 'x' },
    });
    await refused(
      `/compute/v2.1/os-aggregates/${aggregate.id}/action`,
      { set_metadata: { metadata: many(129) } },
      [400],
      cloud.admin,
    );
    await refused('/compute/v2.1/servers', {
      server: {
        name: 'x',
        flavorRef: '42',
        imageRef: cloud.imageId,
        security_groups: list(101).map((name) => ({ name })),
      },
    });
  });
  it('in cinder, also where they come one after the other', async () => {
    await refused('/volume/v3/volumes', { volume: { size: 1, metadata: many(129) } });
    await refused(
      '/volume/v3/types',
      { volume_type: { name: 'x', extra_specs: many(129) } },
      [400],
      cloud.admin,
    );
    const { volume } = await cloud.sure(cloud.alice, 'POST', '/volume/v3/volumes', {
      volume: { size: 1, metadata: many(128) },
    });
    await refused(`/volume/v3/volumes/${volume.id}/metadata`, { metadata: { more: 'x' } });
    assert.equal(
      (
        await cloud.ask(cloud.alice, 'PUT', `/volume/v3/volumes/${volume.id}/metadata/more`, {
          body: { meta: { more: 'x' } },
        })
      ).status,
      400,
    );
    await cloud.sure(cloud.alice, 'POST', `/volume/v3/volumes/${volume.id}/action`, {
      'os-set_image_metadata': { metadata: many(128) },
    });
    await refused(`/volume/v3/volumes/${volume.id}/action`, {
      'os-set_image_metadata': { metadata: { more: 'x' } },
    });
    for (const name of ['constructor', 'toString']) {
      assert.equal(
        (await cloud.ask(cloud.alice, 'GET', `/volume/v3/volumes/${volume.id}/metadata/${name}`))
          .status,
        404,
      );
      await refused(
        `/volume/v3/volumes/${volume.id}/action`,
        { 'os-unset_image_metadata': { key: name } },
        [404],
      );
    }
  });
  it('in glance', async () =>
    await refused('/image/v2/images', { name: 'x', ...many(129) }, [413]));
  it('in neutron', async () => {
    const { network } = await cloud.sure(cloud.alice, 'POST', '/network/v2.0/networks', {
      network: { name: 'x' },
    });
    await refused(
      '/network/v2.0/ports',
      { port: { network_id: network.id, 'binding:profile': many(1_000) } },
      [400],
      cloud.admin,
    );
    await refused('/network/v2.0/networks', { networks: list(251).map((name) => ({ name })) });
    assert.equal(
      (
        await cloud.ask(cloud.alice, 'PUT', `/network/v2.0/networks/${network.id}/tags`, {
          body: { tags: list(1_001) },
        })
      ).status,
      400,
    );
  });
  it('in keystone', async () => {
    assert.equal(
      (
        await cloud.ask(cloud.admin, 'PUT', `/identity/v3/projects/${cloud.alice.projectId}/tags`, {
          body: { tags: list(81) },
        })
      ).status,
      400,
    );
    const rules = list(65).map((name) => ({ service: 'compute', method: 'GET', path: `/${name}` }));
    await refused(`/identity/v3/users/${cloud.alice.userId}/application_credentials`, {
      application_credential: { name: 'x', access_rules: rules },
    });
  });
});

describe('a body is bounded before it is parsed', () => {
  const post = async (raw: string, who: ApiCloud['alice'] | null = cloud.alice): Promise<number> =>
    (
      await cloud.ask(who, 'POST', '/identity/v3/auth/tokens', {
        raw,
        headers: { 'content-type': 'application/json' },
      })
    ).status;
  it('in depth, also without a token', async () => {
    for (const open of ['[', '{"a":', '[{"a":']) {
      assert.equal(await post(open.repeat(15_000), null), 400);
      assert.equal(await post(open.repeat(50_000), null), open === '[' ? 400 : 413);
    }
  });
  it('in members', async () => assert.equal(await post(`[${'0,'.repeat(30_000)}0]`), 400));
  it('in bytes, as in oslo.middleware', async () =>
    assert.equal(await post(`"${'x'.repeat(114_688)}"`), 413));
});
