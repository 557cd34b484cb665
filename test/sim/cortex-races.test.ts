// Placement by three processes at once, each with a scheduler and a Cortex of its own: nothing is
// booked twice, no place stays free while a request fails, and the policies of server groups hold
// in every race. More seeds: test/races.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Race } from './cortex-races.testing.ts';
import { countByHost, inRace, raceForLastSlots } from './cortex-races.testing.ts';
import type { ServerDocument } from './sim-cloud.ts';

interface Rule {
  policy: string;
  servers: number;
  maxPerHost?: number;
  /** Checks how many servers of the group each host has; hosts without any are left out. */
  holds(counts: readonly number[], title: string): void;
}

const rules: readonly Rule[] = [
  {
    policy: 'anti-affinity',
    servers: 8,
    holds: (counts, title) => assert.ok(Math.max(...counts) <= 1, `${title}: ${counts.join()}`),
  },
  {
    policy: 'anti-affinity',
    maxPerHost: 3,
    servers: 24,
    holds: (counts, title) => assert.ok(Math.max(...counts) <= 3, `${title}: ${counts.join()}`),
  },
  {
    policy: 'affinity',
    servers: 16,
    holds: (counts, title) => assert.equal(counts.length, 1, `${title}: ${counts.join()}`),
  },
  {
    policy: 'soft-affinity',
    servers: 20,
    // At most four hosts: the fifth must be free for a migration.
    holds: (counts, title) => assert.ok(counts.length <= 4, `${title}: ${counts.join()}`),
  },
  {
    policy: 'soft-anti-affinity',
    servers: 32,
    holds: (counts, title) => assert.ok(Math.max(...counts) <= 6, `${title}: ${counts.join()}`),
  },
];

/**
 * Requests the servers of all groups at once: those of affinity groups by one request for each
 * group, the others one by one.
 */
async function createAll(race: Race): Promise<Map<Rule, string>> {
  const groups = new Map<Rule, string>();
  for (const rule of rules) groups.set(rule, await race.group(rule.policy, rule.maxPerHost));
  await Promise.all(
    [...groups].flatMap(([{ policy, servers }, group]) =>
      isOneRequest(policy)
        ? race.create(policy, { group, count: servers })
        : Array.from({ length: servers }, async (_, at) => {
            await race.create(`${policy}-${at}`, { group });
          }),
    ),
  );
  return groups;
}
const isOneRequest = (policy: string): boolean => /^(soft-)?affinity$/.test(policy);

async function check(
  race: Race,
  groups: ReadonlyMap<Rule, string>,
  servers: readonly ServerDocument[],
  when: string,
): Promise<void> {
  for (const { id, status, fault } of servers)
    assert.equal(status, 'ACTIVE', `${when}: server ${id}: ${fault?.message}`);
  for (const [rule, group] of groups) {
    const members = new Set(await race.members(group));
    assert.equal(members.size, rule.servers);
    const counts = countByHost(servers.filter(({ id }) => members.has(id)));
    rule.holds([...counts.values()], `${when}, ${rule.policy} ${rule.maxPerHost ?? ''}`);
  }
}

describe('three processes that place at once', { timeout: 300_000 }, () => {
  it('never book a place twice, and leave none to 64 clients', async () =>
    await raceForLastSlots(1));

  it('keep the rules of groups under 100 creates, migrations and evacuations', async () =>
    await inRace({ seed: 3, hosts: 10, slots: 30 }, async (race) => {
      const groups = await createAll(race);
      const servers = await race.rest();
      await check(race, groups, servers, 'created');
      const staying = new Set<string>();
      const counts = new Map<string, number>();
      for (const [{ policy }, group] of groups) {
        const members = await race.members(group);
        counts.set(policy, countByHost(servers.filter(({ id }) => members.includes(id))).size);
        if (policy === 'affinity') for (const id of members) staying.add(id);
      }
      assert.equal(counts.get('soft-affinity'), 1, 'one request, one decision');
      const moving = servers.filter(({ id }) => !staying.has(id));
      await Promise.all(
        moving.map(
          async ({ id }) =>
            await race.cloud.act(id, { 'os-migrateLive': { host: null, block_migration: 'auto' } }),
        ),
      );
      const moved = await race.rest();
      await check(race, groups, moved, 'migrated');
      await evacuateTwo(race, moved, staying);
      await check(race, groups, await race.rest(), 'evacuated');
    }));
});

/**
 * Two hosts lose power, and all their servers are evacuated at once. Neither may be the host of the
 * affinity group: its policy does not let its members leave the host one by one.
 */
async function evacuateTwo(
  { cloud, clock }: Race,
  servers: readonly ServerDocument[],
  staying: ReadonlySet<string>,
): Promise<void> {
  const stayingByHost = countByHost(servers.filter(({ id }) => staying.has(id)));
  const dead = [...countByHost(servers).keys()]
    .filter((host) => !stayingByHost.has(host))
    .slice(0, 2);
  for (const host of dead) {
    const { services } = (await cloud.compute('GET', `/os-services?host=${host}`)).body as {
      services: { id: string; binary: string }[];
    };
    const { id = '' } = services.find(({ binary }) => binary === 'nova-compute') ?? {};
    await cloud.compute('PUT', `/os-services/${id}`, { forced_down: true });
    cloud.hosts.get(host)?.powerFailure();
  }
  await clock.sleep(15_000);
  const evacuees = servers.filter((one) => dead.includes(one['OS-EXT-SRV-ATTR:host'] ?? ''));
  assert.ok(evacuees.length > 10);
  const statuses = await Promise.all(
    evacuees.map(async ({ id }) => await cloud.act(id, { evacuate: {} })),
  );
  assert.deepEqual([...new Set(statuses)], [200]);
}
