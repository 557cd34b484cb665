// Filters of Glance's lists, one row per filter: which images it finds, or whether it is refused or
// ignored. https://docs.openstack.org/api-ref/image/v2/#list-images
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import { systemClock } from '#platform/clock.ts';
import type { TestGlance } from './glance.testing.ts';
import { startGlance } from './glance.testing.ts';

const firstMs = Date.parse('2026-11-01T00:00:00Z');
let nowMs = firstMs;
let glance: TestGlance;
/** Image ids by name. */
const ids: Record<string, string> = {};
const data = Buffer.alloc(500);

before(async () => {
  glance = await startGlance({ clock: { ...systemClock, now: () => nowMs } });
  const add = async (who: string, name: string, fields: object, bytes?: Buffer): Promise<void> => {
    const all = { name, ...fields } as Record<string, string>; // JSON
    ids[name] = bytes
      ? await glance.image(who, all, bytes)
      : (await glance.ask(who, 'POST', '/images', all)).body.id;
    nowMs += 60_000;
  };
  await add(
    'ann',
    'a',
    {
      tags: ['x', 'y'],
      os_distro: 'debian',
      min_ram: 64,
      min_disk: 2,
      visibility: 'private',
      protected: true,
    },
    data,
  );
  await add(
    'ann',
    'b,1',
    { tags: ['x'], os_distro: 'fedora', disk_format: 'ami', container_format: 'ami' },
    Buffer.from('small'),
  );
  await add('ann', 'c', { container_format: 'ovf', disk_format: 'vmdk', visibility: 'community' });
  await add('ann', 'h', { os_hidden: true });
  await add('admin', 'p', { visibility: 'public' });
  await add('eve', 'o', { visibility: 'community' });
  for (const [name, status] of [
    ['s', 'accepted'],
    ['w', 'pending'],
    ['r', 'rejected'],
  ] as const) {
    await add('bob', name, {});
    await glance.ask('bob', 'POST', `/images/${ids[name]}/members`, { member: 'ann-project' });
    if (status !== 'pending')
      await glance.ask('ann', 'PUT', `/images/${ids[name]}/members/ann-project`, { status });
  }
  nowMs = firstMs + 3_600_000;
  await glance.ask('ann', 'PUT', `/images/${ids['c']}/tags/z`);
});
after(async () => await glance.close());

const found = async (path: string): Promise<string | number> => {
  const { status, body } = await glance.ask('ann', 'GET', path);
  return status === 200 ? body.images.map((image: Loose) => image.name[0]).join('') : status;
};
const sums = {
  md5: createHash('md5').update(data).digest('hex'),
  sha512: createHash('sha512').update(data).digest('hex'),
};
const at = (minute: number): string =>
  new Date(firstMs + minute * 60_000).toISOString().replace('.000', '');

describe('images', () => {
  /**
   * The query (`#a` is the id of image a), and the first letters of the found names in alphabetical
   * order.
   */
  const cases: readonly (readonly [string, string | number])[] = [
    ['', 'abcps'],
    ['name=a', 'a'],
    ['name=A', ''],
    ['name=eq:a', 'a'],
    ['name=in:a,c', 'ac'],
    ['name=in:"b,1",c', 'bc'],
    ['name=in:"b', 400],
    ['name=in:"a:b",c', 'c'],
    ['name=like:a', 400],
    ['name=a:', 400],
    ['name=2026-11-01T00:00:00Z', ''],
    ['name=c&name=a', 'a'],
    ['id=#a', 'a'],
    ['id=in:#a,#c', 'ac'],
    ['id=x', ''],
    ['status=active', 'ab'],
    ['status=queued', 'cps'],
    ['status=in:active,queued', 'abcps'],
    ['status=none-such', ''],
    ['status=neq:active', 400],
    ['container_format=ovf', 'c'],
    ['container_format=in:ovf,bare', 'ac'],
    ['container_format=gt:ovf', 400],
    ['disk_format=ami', 'b'],
    ['disk_format=in:ami,vmdk', 'bc'],
    // Filters without operators.
    ['owner=ann-project', 'abc'],
    ['owner=in:ann-project,bob-project', ''],
    ['owner=bob-project', 's'],
    [`checksum=${sums.md5}`, 'a'],
    [`checksum=in:${sums.md5}`, ''],
    [`os_hash_value=${sums.sha512}`, 'a'],
    [`os_hash_value=in:${sums.sha512}`, ''],
    ['os_hash_algo=sha512', 'ab'],
    ['os_hash_algo=md5', ''],
    ['size=500', 'a'],
    ['size_min=5', 'ab'],
    ['size_max=499', 'b'],
    ['size_min=6&size_max=500', 'a'],
    ['size_min=-1', 'ab'],
    ['size_min=much', 400],
    ['size_max=', 400],
    ['min_ram=64', 'a'],
    ['min_disk=2', 'a'],
    ['min_disk=0', 'bcps'],
    ['min_ram_min=1', 'a'],
    ['min_disk_max=1', 'bcps'],
    ['virtual_size=500', 'a'],
    ['os_hidden=true', 'h'],
    ['os_hidden=TRUE', 'h'],
    ['os_hidden=false', 'abcps'],
    ['os_hidden=1', 400],
    ['os_hidden=', 400],
    ['protected=true', 'a'],
    ['protected=false', 'bcps'],
    ['protected=True', 400],
    ['protected=1', 400],
    ['visibility=public', 'p'],
    ['visibility=private', 'a'],
    ['visibility=shared', 'bs'],
    ['visibility=community', 'co'],
    ['visibility=all', 'abcops'],
    ['visibility=none-such', 400],
    ['member_status=accepted', 'abcps'],
    ['member_status=pending', 'abcpw'],
    ['member_status=rejected', 'abcpr'],
    ['member_status=all', 'abcprsw'],
    ['member_status=none-such', 400],
    ['visibility=shared&member_status=pending', 'bw'],
    ['tag=x', 'ab'],
    ['tag=x&tag=y', 'a'],
    ['tag=X', ''],
    ['tag=none-such', ''],
    [`created_at=${at(1)}`, 'b'],
    [`created_at=eq:${at(1)}`, 'b'],
    [`created_at=neq:${at(1)}`, 'acps'],
    [`created_at=gt:${at(1)}`, 'cps'],
    [`created_at=gte:${at(1)}`, 'bcps'],
    [`created_at=lt:${at(1)}`, 'a'],
    [`created_at=lte:${at(1)}`, 'ab'],
    [`created_at=in:${at(1)}`, 400],
    ['created_at=gt:yesterday', 400],
    ['created_at=', 400],
    ['created_at=lte:2026-11-01T01:01:00%2B01:00', 'ab'],
    [`updated_at=gte:${at(60)}`, 'c'],
    ['updated_at=x', 400],
    ['os_distro=debian', 'a'],
    ['os_distro=in:debian,fedora', ''],
    ['os_distro=debian&name=b', ''],
    ['colour=red', ''],
    ['constructor=1', ''],
    ['self=/v2/images/#a', ''],
    ['changes-since=2026-11-01T00:00:00Z', 400],
    ['deleted=true', 'abcps'],
    ['limit=2', 'ab'],
    ['limit=0', ''],
    ['limit=-1', 400],
    ['limit=x', 400],
    ['marker=#b', 'cps'],
    ['marker=x', 400],
    ['marker=#h&limit=1', 'p'],
  ];
  for (const [query, wanted] of cases) {
    it(query || 'no filter', async () =>
      assert.equal(
        await found(
          `/images?sort=name:asc&${query.replaceAll(/#(\w)/g, (_, name: string) => ids[name] ?? ids['b,1'] ?? '')}`,
        ),
        wanted,
      ),
    );
  }
});

describe('order of images', () => {
  const cases: readonly (readonly [string, string | number])[] = [
    ['', 'spcba'],
    ['sort_dir=asc', 'abcps'],
    ['sort_key=name', 'spcba'],
    ['sort_key=name&sort_dir=asc', 'abcps'],
    ['sort=name', 'spcba'],
    ['sort=name:desc', 'spcba'],
    ['sort=size:asc,name:desc', 'spcba'],
    ['sort_key=status&sort_key=name&sort_dir=asc', 'abcps'],
    ['sort_key=status&sort_key=name&sort_dir=desc&sort_dir=asc', 'cpsab'],
    ['sort_key=name&sort_dir=asc&sort_dir=desc', 400],
    ['sort=colour', 400],
    ['sort_key=colour', 400],
    ['sort=name:up', 400],
    ['sort_dir=up', 400],
    ['sort=name&sort_dir=asc', 400],
  ];
  for (const [query, wanted] of cases)
    it(query || 'newest first', async () => assert.equal(await found(`/images?${query}`), wanted));
});

describe('members and tasks', () => {
  it('members have no filters', async () => {
    const { status, body } = await glance.ask(
      'bob',
      'GET',
      `/images/${ids['w']}/members?status=accepted&limit=0&colour=red`,
    );
    assert.deepEqual(
      [status, body.members.map((member: Loose) => member.status)],
      [200, ['pending']],
    );
  });
  for (const [query, wanted] of [
    ['status=success', 200],
    ['status=none-such', 400],
    ['type=import', 200],
    ['type=none-such', 400],
    ['sort_dir=asc', 200],
    ['sort_dir=up', 400],
    ['limit=1', 200],
    ['limit=-1', 400],
    ['colour=red', 200],
  ] as const) {
    it(`tasks?${query}`, async () =>
      assert.equal((await glance.ask('admin', 'GET', `/tasks?${query}`)).status, wanted));
  }
});
