// Nova's image proxy API (until 2.35): Glance's images in the format of the first compute API.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ApiCloud, Loose } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

const at = '/compute/v2.1/images';

describe('images by compute', () => {
  let cloud: ApiCloud;
  let server = '';
  const createdImages = new Map<string, string>();
  const make = async (
    name: string,
    facts: Record<string, string>,
    bytes?: string,
  ): Promise<void> => {
    const { id } = await cloud.sure(cloud.alice, 'POST', '/image/v2/images', {
      name,
      disk_format: 'raw',
      container_format: 'bare',
      ...facts,
    });
    if (bytes !== undefined)
      await cloud.ask(cloud.alice, 'PUT', `/image/v2/images/${id}/file`, {
        raw: bytes,
        headers: { 'content-type': 'application/octet-stream' },
      });
    createdImages.set(name, id);
  };
  const listed = async (query: string, path = at): Promise<string[]> =>
    (await cloud.sure(cloud.alice, 'GET', `${path}?${query}`)).images
      .map((image: Loose) => image.name)
      .filter((name: string) => createdImages.has(name))
      .sort();
  const image = async (name: string): Promise<Loose> =>
    (await cloud.sure(cloud.alice, 'GET', `${at}/${createdImages.get(name)}`)).image;

  before(async () => {
    cloud = await startApiCloud();
    server = 'b2a3f5d0-0000-4000-8000-000000000001';
    await make('plain', {}, 'bytes');
    await make('empty', {});
    await make('with "quotes", commas', { image_type: 'snapshot', instance_uuid: server }, 'more');
  });
  after(async () => await cloud.stop());

  it('say state, progress, size, properties and the server they are of', async () => {
    const { created, updated, links, ...shown } = await image('with "quotes", commas');
    assert.deepEqual(shown, {
      id: createdImages.get('with "quotes", commas'),
      name: 'with "quotes", commas',
      status: 'ACTIVE',
      progress: 100,
      minDisk: 0,
      minRam: 0,
      'OS-EXT-IMG-SIZE:size': 4,
      metadata: { image_type: 'snapshot', instance_uuid: server },
      server: { id: server, links: shown.server.links },
    });
    assert.deepEqual(
      [created, updated].map((time) => Number.isNaN(Date.parse(time))),
      [false, false],
    );
    assert.deepEqual(
      links.map(({ rel }: Loose) => rel),
      ['self', 'bookmark', 'alternate'],
    );
    const { status, progress } = await image('empty');
    assert.deepEqual([status, progress], ['SAVING', 25]);
  });

  it('are found by name, state, type, server and time', async () => {
    const [all, snapshots] = [[...createdImages.keys()].sort(), ['with "quotes", commas']];
    const { links } = (await image('with "quotes", commas')).server;
    for (const [query, expected] of [
      ['', all],
      ['name=plain', ['plain']],
      [`name=${encodeURIComponent('with "quotes", commas')}`, snapshots],
      ['name=in:plain,empty', []],
      ['status=ACTIVE', ['plain', 'with "quotes", commas']],
      ['status=saving', ['empty']],
      ['status=nothing', []],
      ['type=snapshot', snapshots],
      ['property-image_type=snapshot', snapshots],
      [`server=${server}`, snapshots],
      [`server=${encodeURIComponent(links[0].href)}`, snapshots],
      ['changes-since=2020-01-01T00:00:00Z', all],
      ['changes-since=2999-01-01', []],
      ['unknown=x', all],
    ] as const) {
      assert.deepEqual(await listed(query), expected, query);
      assert.deepEqual(await listed(query, `${at}/detail`), expected, query);
    }
    for (const query of ['changes-since=soon', 'limit=-1', 'marker=nothing', 'minRam=much'])
      assert.equal((await cloud.ask(cloud.alice, 'GET', `${at}?${query}`)).status, 400, query);
  });

  it('come in pages that follow one another', async () => {
    const imageIds: string[] = [];
    for (
      let path: string | undefined = `${at}?limit=1`;
      path !== undefined && imageIds.length < 10;
    ) {
      const page: Loose = await cloud.sure(cloud.alice, 'GET', path);
      imageIds.push(...page.images.map(({ id }: Loose) => id));
      path =
        page.images_links === undefined
          ? undefined
          : new URL(page.images_links[0].href).pathname + new URL(page.images_links[0].href).search;
    }
    assert.deepEqual(
      [...createdImages.values()].filter((id) => !imageIds.includes(id)),
      [],
    );
    assert.equal(new Set(imageIds).size, imageIds.length);
  });

  it('have metadata that is set, added to, replaced and removed', async () => {
    const metadata = `${at}/${createdImages.get('plain')}/metadata`;
    const now = async (): Promise<Loose> =>
      (await cloud.sure(cloud.alice, 'GET', metadata)).metadata;
    await cloud.sure(cloud.alice, 'PUT', metadata, {
      metadata: { os_version: '1', os_distro: 'a' },
    });
    await cloud.sure(cloud.alice, 'POST', metadata, {
      metadata: { os_version: '2', architecture: 'c' },
    });
    assert.deepEqual(await now(), { os_version: '2', os_distro: 'a', architecture: 'c' });
    assert.deepEqual(
      await cloud.sure(cloud.alice, 'PUT', `${metadata}/os_distro`, { meta: { os_distro: 'b' } }),
      { meta: { os_distro: 'b' } },
    );
    assert.equal((await cloud.ask(cloud.alice, 'DELETE', `${metadata}/os_version`)).status, 204);
    assert.equal((await cloud.ask(cloud.alice, 'DELETE', `${metadata}/os_version`)).status, 404);
    await cloud.sure(cloud.alice, 'PUT', metadata, { metadata: { os_distro: 'c' } });
    assert.deepEqual(await now(), { os_distro: 'c' });
    assert.equal(
      (
        await cloud.ask(cloud.alice, 'PUT', metadata, {
          body: { metadata: { visibility: 'public' } },
        })
      ).status,
      400,
    );
  });

  it('are gone once deleted, and their paths from 2.36 on', async () => {
    const one = `${at}/${createdImages.get('empty')}`;
    assert.equal((await cloud.ask(cloud.alice, 'DELETE', one)).status, 204);
    assert.equal((await cloud.ask(cloud.alice, 'GET', one)).status, 404);
    assert.equal((await cloud.ask(cloud.alice, 'GET', at, { version: 36 })).status, 404);
    assert.equal(
      (
        await cloud.ask(cloud.alice, 'GET', `${at}/${createdImages.get('plain')}/metadata`, {
          version: 38,
        })
      ).status,
      200,
    );
    assert.equal(
      (
        await cloud.ask(cloud.alice, 'GET', `${at}/${createdImages.get('plain')}/metadata`, {
          version: 39,
        })
      ).status,
      404,
    );
  });
});
