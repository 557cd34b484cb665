// Many clients at once in a simulated cloud whose processes each have a scheduler and a Cortex,
// with random message delays: for cortex-races.test.ts and test/races. Time and randomness come
// from the seed. Nothing else may run in its process, since it makes file access synchronous.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SimHypervisorOptions } from '#adapters/sim/sim-facts.ts';
import type { Json } from '#contracts/common/json.ts';
import { seededIds } from '#platform/ids.ts';
import { createLog, silentLog } from '#platform/log.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { FakeClock } from '#platform/testing/fake-clock.ts';
import { makeFilesInstant } from './instant-files.ts';
import { instantPasswords } from './instant-passwords.ts';
import { createInvariants } from './invariants.ts';
import { createTrace, lateBus, lateHttp } from './sim-chance.ts';
import type { ServerDocument, SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

const restMs = 600_000;
const pollEveryMs = 1_000;
/** Memory that a host with servers of 1 GiB keeps for itself, MiB. */
const memoryReservedMib = 512;

export interface Race {
  cloud: SimCloud;
  clock: FakeClock;
  /** Requests servers of 1 GiB and 1 vCPU; `members` or `rest` lists them later. */
  create(name: string, rest?: { group?: string; count?: number }): Promise<void>;
  group(policy: string, maxPerHost?: number): Promise<string>;
  members(group: string): Promise<string[]>;
  /** Resolves with all servers when no operation is in progress and the audit finds nothing. */
  rest(): Promise<ServerDocument[]>;
}

export interface RaceOptions {
  seed: number;
  hosts: number;
  /** How many servers have room on each host. */
  slots: number;
  processes?: number;
}

export async function inRace(
  { seed, hosts, slots, processes = 3 }: RaceOptions,
  story: (race: Race) => Promise<void>,
): Promise<void> {
  const folder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = mkdtempSync(join(folder, 'cobalt-race-'));
  const filesAsBefore = makeFilesInstant();
  const clock = createFakeClock();
  const trace = createTrace(clock, dir);
  const chance = { clock, ids: seededIds(seed + 0xcafe), trace };
  const invariants = createInvariants(clock);
  const host: Omit<SimHypervisorOptions, 'hostname'> = {
    vcpus: 256,
    memoryMib: memoryReservedMib + slots * 1_024,
    diskGib: 10_000,
  };
  try {
    const cloud = await startSimCloud({
      dir,
      hosts,
      host,
      agent: { ramAllocationRatio: 1, cpuAllocationRatio: 1 },
      clock,
      ids: seededIds(seed),
      log: process.env['RACE_LOG'] ? createLog({ level: 'info' }) : silentLog,
      inMemory: true,
      cortex: true,
      control: {
        processes,
        wrapBus: (bus, own) => lateBus(bus, { ...chance, clock: own }),
        wrapHttp: (http, own) => lateHttp(http, { ...chance, clock: own }),
        keystone: instantPasswords,
        invariants,
      },
    });
    try {
      await prepare(cloud);
      // By then, each Cortex has read all hosts.
      await clock.sleep(15_000);
      await story(raceOf(cloud, clock));
      assert.deepEqual(invariants.violations(), []);
    } finally {
      await cloud.stop();
    }
  } finally {
    clock.stop();
    filesAsBefore();
    rmSync(dir, { recursive: true, force: true });
  }
}

const bodyOf = async (
  answer: Promise<{ status: number; body: Json | undefined }>,
  what: string,
): Promise<{ [key: string]: any }> => {
  const { status, body } = await answer;
  assert.ok(status < 300, `${what}: ${status} ${JSON.stringify(body)}`);
  return body as { [key: string]: any }; // untyped: each test reads as deep as it asserts
};

async function prepare(cloud: SimCloud): Promise<void> {
  await bodyOf(
    cloud.compute('POST', '/flavors', {
      flavor: { id: 'race', name: 'race', ram: 1_024, vcpus: 1, disk: 1 },
    }),
    'the flavor',
  );
  const unlimited = Object.fromEntries(
    ['instances', 'cores', 'ram', 'server_groups', 'server_group_members'].map((name) => [
      name,
      -1,
    ]),
  );
  const { networks } = await bodyOf(cloud.network('GET', '/networks?name=sim'), 'networks');
  await bodyOf(
    cloud.compute('PUT', `/os-quota-sets/${networks[0].project_id}`, { quota_set: unlimited }),
    'the quota',
  );
}

const raceOf = (cloud: SimCloud, clock: FakeClock): Race => ({
  cloud,
  clock,
  async create(name, { group, count } = {}) {
    await bodyOf(
      cloud.compute('POST', '/servers', {
        server: {
          name,
          flavorRef: 'race',
          imageRef: cloud.imageId,
          networks: 'none',
          ...(count !== undefined && { min_count: count, max_count: count }),
        },
        ...(group !== undefined && { 'os:scheduler_hints': { group } }),
      }),
      'a server',
    );
  },
  async group(policy, maxPerHost) {
    const rules = maxPerHost === undefined ? {} : { rules: { max_server_per_host: maxPerHost } };
    const { server_group: group } = await bodyOf(
      cloud.compute('POST', '/os-server-groups', {
        server_group: { name: policy, policy, ...rules },
      }),
      'a group',
    );
    return group.id as string;
  },
  async members(group) {
    const answer = await bodyOf(cloud.compute('GET', `/os-server-groups/${group}`), 'the group');
    return answer['server_group'].members as string[];
  },
  rest: async () => await cloud.quiet(restMs, pollEveryMs),
});

/** How many of these servers each host has. */
export function countByHost(servers: readonly ServerDocument[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { 'OS-EXT-SRV-ATTR:host': host } of servers)
    if (host !== null) counts.set(host, (counts.get(host) ?? 0) + 1);
  return counts;
}

/**
 * 64 clients compete for 48 places: each place is given away exactly once, and no client fails
 * while a place is free.
 */
export async function raceForLastSlots(seed: number): Promise<void> {
  const [hosts, slots, clients] = [6, 8, 64];
  await inRace({ seed, hosts, slots }, async ({ create, rest }) => {
    await Promise.all(Array.from({ length: clients }, async (_, at) => await create(`vm${at}`)));
    const servers = await rest();
    const active = servers.filter(({ status }) => status === 'ACTIVE');
    assert.equal(active.length, hosts * slots, 'every place is given away');
    assert.deepEqual(
      [...countByHost(active).values()],
      Array.from({ length: hosts }, () => slots),
    );
    for (const { status, fault } of servers.filter((one) => !active.includes(one))) {
      assert.equal(status, 'ERROR');
      assert.match(fault?.message ?? '', /No valid host was found/);
    }
  });
}
