// Lists of images: filters, sorting, paging.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { qcow2Header, useGlance, type Answer } from './glance.testing.ts';

const noSuchId = '11111111-2222-4333-8444-555555555555';

describe('lists of images', () => {
  const glance = useGlance();
  const { ask, create, names } = glance;

  it('lists by every filter', async () => {
    const big = await glance.image(
      'eve',
      { name: 'big', tags: ['x', 'y'], os_distro: 'debian', min_ram: 64 },
      Buffer.alloc(500),
    );
    await glance.image(
      'eve',
      { name: 'small,er', tags: ['x'], disk_format: 'qcow2' },
      qcow2Header(0),
    );
    await create('eve', {
      name: 'queued',
      visibility: 'private',
      container_format: 'ovf',
      protected: true,
    });
    await create('eve', { name: 'hidden', os_hidden: true });
    const mine = 'owner=eve-project&sort=name:asc';
    for (const [query, expected] of [
      ['', ['big', 'queued', 'small,er']],
      ['&name=big', ['big']],
      ['&name=in:big,"small,er"', ['big', 'small,er']],
      ['&status=in:queued,saving', ['queued']],
      [`&id=${big}`, ['big']],
      ['&tag=x', ['big', 'small,er']],
      ['&tag=x&tag=y', ['big']],
      ['&size_min=10&size_max=499', ['small,er']],
      ['&size=500', ['big']],
      ['&min_ram=64', ['big']],
      ['&os_distro=debian', ['big']],
      ['&os_distro=other', []],
      ['&os_hidden=true', ['hidden']],
      ['&visibility=private', ['queued']],
      ['&visibility=shared', ['big', 'small,er']],
      ['&visibility=public', []],
      ['&visibility=all&protected=true', ['queued']],
      ['&disk_format=qcow2', ['small,er']],
      ['&container_format=in:ovf,ova', ['queued']],
      ['&created_at=gte:2020-01-01T00:00:00Z', ['big', 'queued', 'small,er']],
      ['&created_at=lt:2020-01-01T00:00:00Z', []],
      ['&updated_at=neq:2020-01-01T00:00:00Z&size_min=1', ['big', 'small,er']],
    ] as const)
      assert.deepEqual(await names('eve', mine + query), expected, query);
    const { created_at } = (await ask('eve', 'GET', `/images/${big}`)).body;
    assert.ok((await names('eve', `${mine}&created_at=eq:${created_at}`)).includes('big'));
    assert.deepEqual(await names('eve', 'owner=eve-project&sort=size:desc,name:asc&size_min=1'), [
      'big',
      'small,er',
    ]);
    assert.deepEqual(await names('eve', 'owner=eve-project&sort_key=name&sort_dir=desc'), [
      'small,er',
      'queued',
      'big',
    ]);
    const byProperties = (count: number): string =>
      Array.from({ length: count }, (_, n) => `p${n}=a`).join('&');
    assert.deepEqual(await names('eve', byProperties(128)), []);
    for (const wrong of [
      byProperties(161),
      byProperties(1800),
      'visibility=x',
      'member_status=x',
      'size_min=x',
      'limit=-1',
      'limit=x',
      'sort=x',
      'sort=name:up',
      'sort=name&sort_key=name',
      'created_at=x',
      'marker=x',
      `marker=${noSuchId}`,
      'os_hidden=x',
      'name=in:"a',
    ]) {
      assert.equal((await ask('eve', 'GET', `/images?${wrong}`)).status, 400, wrong);
    }
  });

  it('pages through all, each once, whatever the order', async () => {
    for (const sort of [
      '',
      'sort=size:asc,name:desc',
      'sort=container_format:desc',
      'sort_key=name&sort_dir=asc',
    ]) {
      const all = await names('eve', `limit=1000&${sort}`);
      const paged: string[] = [];
      let next: string | undefined = `/v2/images?limit=2&${sort}`;
      for (let page = 0; next !== undefined && page < 100; page += 1) {
        const answer: Answer = await ask('eve', 'GET', next.slice(3));
        assert.ok(answer.body.images.length <= 2);
        paged.push(...answer.body.images.map((image: { name: string }) => image.name));
        next = answer.body.next;
      }
      assert.deepEqual(paged, all, sort);
    }
    assert.deepEqual((await ask('eve', 'GET', '/images?limit=0')).body, {
      images: [],
      first: '/v2/images?limit=0',
      schema: '/v2/schemas/images',
    });
  });
});
