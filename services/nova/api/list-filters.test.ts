// Filters of Nova's lists, one row for each case: what it finds for whom, and what is ignored or
// refused.
// api-ref; nova.api.openstack.compute.schemas
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import { tagsText } from '../domain/server-row.ts';
import { seedFlavors } from '../store/seed.ts';
import type { NovaFixture, Person } from './nova-api.testing.ts';
import { startMs, startNova } from './nova-api.testing.ts';

let nova: NovaFixture;
before(async () => {
  nova = await startNova();
  await seedFlavors(nova.deps);
  await nova.addHost('h1');
  await nova.addHost('h2');
  await nova.ask('admin', 'POST', 'os-aggregates', {
    body: { aggregate: { name: 'a', availability_zone: 'az-2' } },
  });
  await nova.ask('admin', 'POST', 'os-aggregates/1/action', { body: { add_host: { host: 'h2' } } });
  const addresses = JSON.stringify({
    net: [
      { version: 4, addr: '10.0.0.5' },
      { version: 6, addr: '2001:db8::5' },
    ],
  });
  const image = {
    image_id: 'img-1',
    image: JSON.stringify({ id: 'img-1', properties: {}, kernel: { id: 'aki-1' }, ramdisk: null }),
  };
  await nova.addServer({
    id: 'a',
    name: 'web1',
    key_name: 'key-a',
    host: 'h1',
    addresses,
    tags: tagsText(['red']),
    updated_at_ms: startMs + 500,
    ...image,
  });
  await nova.addServer({
    id: 'b',
    name: 'web11',
    host: 'h2',
    vm_state: 'stopped',
    power_state: 4,
    config_drive: 1,
    user_id: 'other-user',
    description: 'The Shop',
    updated_at_ms: startMs + 1_000,
    locked: 1,
  });
  await nova.addServer({
    id: 'c',
    name: 'a|web',
    host: null,
    availability_zone: 'az-3',
    task_state: 'scheduling',
    progress: 7,
    reservation_id: 'r-9',
    access_ip_v4: '192.0.2.1',
    hostname: 'shop-c',
    updated_at_ms: startMs + 2_000,
    launched_at_ms: null,
  });
  await nova.addServer({
    id: 'd',
    name: 'strange',
    project_id: 'project-b',
    host: 'h1',
    updated_at_ms: startMs + 3_000,
  });
});
after(async () => await nova.close());

const second = (ms: number): string => new Date(startMs + ms).toISOString().replace('.000', '');
const found = async (who: Person, query: string, version: number): Promise<string | number> => {
  const { status, body } = await nova.ask(
    who,
    'GET',
    `servers/detail?sort_key=uuid&sort_dir=asc&${query}`,
    { version },
  );
  return status === 200 ? body.servers.map((server: Loose) => server.id).join('') : status;
};

describe('servers', () => {
  /**
   * Each row: the query; what an administrator of the project finds at 2.90; what a member finds at
   * 2.90; what a member finds at 2.74. A number is the status of a refusal.
   */
  const cases: readonly (readonly [string, string | number, string | number, string | number])[] = [
    ['name=^web1$', 'a', 'a', 'a'],
    ['name=web', 'abc', 'abc', 'abc'],
    ['name=api|web1', 'ab', 'ab', 'ab'],
    [`name=${encodeURIComponent(String.raw`a\|w`)}`, 'c', 'c', 'c'],
    ['name=WEB1.', 'b', 'b', 'b'],
    ['name=[', 400, 400, 400],
    ['name=(?=a)', 400, 400, 400],
    ['name=', 'abc', 'abc', 'abc'],
    ['display_name=web11', 'b', 'abc', 'abc'],
    ['image=img-1', 'a', 'a', 'a'],
    ['image=none-such', '', '', ''],
    ['flavor=1', 'abc', 'abc', 'abc'],
    ['flavor=2', '', '', ''],
    ['reservation_id=r-9', 'c', 'c', 'c'],
    ['ip=10.0', 'a', 'a', 'a'],
    ['ip=0.0', '', '', ''],
    ['ip=^10.*5$', 'a', 'a', 'a'],
    ['ip6=2001:', 'a', 'a', 'a'],
    ['ip=(', 400, 400, 400],
    ['status=SHUTOFF', 'b', 'b', 'b'],
    ['status=none-such', 400, 400, 400],
    ['status=deleted', '', 403, 403],
    ['tags=red', 'a', 'a', 'a'],
    ['not-tags=red', 'bc', 'bc', 'bc'],
    ['locked=true', 'b', 'b', 'b'],
    ['locked=perhaps', 400, 400, 400],
    [`changes-since=${second(1_000)}`, 'bc', 'bc', 'bc'],
    [`changes-before=${second(0)}`, 'a', 'a', 'a'],
    [`changes-before=${second(1_000)}`, 'ab', 'ab', 'ab'],
    ['changes-since=yesterday', 400, 400, 400],
    [`changes-since=${second(2_000)}&changes-before=${second(0)}`, 400, 400, 400],
    // Filters that everybody may use since 2.83; earlier they are ignored for members.
    ['availability_zone=nova', 'a', 'a', 'abc'],
    ['availability_zone=az-2', 'b', 'b', 'abc'],
    ['availability_zone=az-', 'bc', 'bc', 'abc'],
    ['availability_zone=none-such', '', '', 'abc'],
    ['config_drive=true', 'b', 'b', 'abc'],
    ['config_drive=false', 'ac', 'ac', 'abc'],
    ['key_name=key', 'a', 'a', 'abc'],
    ['key_name=none-such', '', '', 'abc'],
    ['power_state=4', 'b', 'b', 'abc'],
    ['vm_state=stopped', 'b', 'b', 'abc'],
    ['task_state=scheduling', 'c', 'c', 'abc'],
    ['task_state=None', 'ab', 'ab', 'abc'],
    ['progress=7', 'c', 'c', 'abc'],
    ['user_id=other-user', 'b', 'b', 'abc'],
    ['created_at=2026-11-22', 'abc', 'abc', 'abc'],
    ['created_at=1999', '', '', 'abc'],
    ['launched_at=2026', 'ab', 'ab', 'abc'],
    ['terminated_at=2026', '', '', 'abc'],
    // Filters for administrators only; ignored for members.
    ['host=h1', 'a', 'abc', 'abc'],
    ['node=h2', 'b', 'abc', 'abc'],
    ['hostname=shop', 'c', 'abc', 'abc'],
    ['description=shop', 'b', 'abc', 'abc'],
    ['access_ip_v4=192', 'c', 'abc', 'abc'],
    ['uuid=a&uuid=c', 'ac', 'abc', 'abc'],
    ['kernel_id=aki', 'a', 'abc', 'abc'],
    ['deleted=true', '', 'abc', 'abc'],
    ['project_id=project-b', 'abc', 'abc', 'abc'],
    ['all_tenants=1', 'abcd', 403, 403],
    ['all_tenants=1&project_id=project-b', 'd', 403, 403],
    ['all_tenants=perhaps', 400, 400, 400],
    // Unknown parameters are ignored up to 2.74 and refused from 2.75 on.
    ['colour=red', 400, 400, 'abc'],
    ['constructor=1', 400, 400, 'abc'],
  ];
  for (const [query, admin, member, earlier] of cases) {
    it(query, async () =>
      assert.deepEqual(
        [
          await found('admin', query, 90),
          await found('member', query, 90),
          await found('member', query, 74),
        ],
        [admin, member, earlier],
      ),
    );
  }
  it('are found page by page by a pattern, too', async () => {
    const page = async (path: string) =>
      (await nova.ask('member', 'GET', path, { version: 90 })).body;
    const one = await page('servers?name=web&limit=1&sort_key=uuid&sort_dir=asc');
    const next = await page(one.servers_links[0].href.replace('http://cloud/compute/v2.1/', ''));
    assert.deepEqual([one.servers[0].id, next.servers[0].id], ['a', 'b']);
  });
});

describe('other lists', () => {
  /**
   * Each row: caller, path, microversion, and the names found in the order of the answer, or the
   * status of a refusal.
   */
  const cases: readonly (readonly [Person, string, number, string | number])[] = [
    ['member', 'flavors?minRam=4096', 90, 'm1.medium'],
    ['member', 'flavors?minRam=much', 90, 400],
    ['member', 'flavors?is_public=perhaps', 90, 400],
    ['member', 'flavors?colour=red&minRam=4096', 74, 'm1.medium'],
    ['member', 'flavors?colour=red', 75, 400],
    ['admin', 'os-services?host=h1', 90, 'h1'],
    ['admin', 'os-services?binary=nova-compute', 90, 'h1 h2'],
    ['admin', 'os-services?binary=none-such', 90, ''],
    ['admin', 'os-services?colour=red&host=h1', 74, 'h1'],
    ['admin', 'os-services?colour=red', 75, 400],
    ['admin', 'os-hypervisors?hypervisor_hostname_pattern=h1', 90, 'h1'],
    ['admin', 'os-hypervisors?hypervisor_hostname_pattern=none-such', 90, 404],
    ['admin', 'os-hypervisors?with_servers=perhaps', 90, 400],
    ['admin', 'os-hypervisors?colour=red', 33, 400],
    ['admin', 'os-hypervisors?colour=red', 32, 'h1 h2'],
    ['admin', 'os-hypervisors?with_servers=1', 52, 400],
    ['member', 'os-keypairs?user_id=other', 90, 403],
    ['admin', 'os-keypairs?user_id=other', 90, ''],
    ['member', 'os-keypairs?colour=red', 74, ''],
    ['member', 'os-keypairs?colour=red', 75, 400],
    ['admin', 'os-aggregates', 90, 'a'],
    ['member', 'servers/a/os-instance-actions?changes-since=yesterday', 90, 400],
    ['member', 'servers/a/os-instance-actions?changes-before=2026-01-01', 65, 400],
    ['member', 'servers/a/os-instance-actions?colour=red', 58, 400],
    ['member', 'servers/a/os-instance-actions?colour=red', 57, ''],
  ];
  for (const [who, path, version, wanted] of cases) {
    it(`${path} at 2.${version}`, async () => {
      const { status, body } = await nova.ask(who, 'GET', path, { version });
      const items: Loose[] =
        status === 200
          ? (Object.entries(body).find(([key]) => !key.endsWith('_links'))?.[1] as Loose[])
          : [];
      assert.equal(
        status === 200
          ? items
              .map(
                (item) => item.name ?? item.host ?? item.hypervisor_hostname ?? item.keypair?.name,
              )
              .join(' ')
          : status,
        wanted,
      );
    });
  }
});
