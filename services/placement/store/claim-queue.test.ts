// Claims that are written together: a refusal or an error of one does not affect the others, and a
// transaction that does not commit has written none of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { DatabaseConfig } from '#platform/db/database.ts';
import { galeraMissing, startGalera } from '#platform/db/galera.testing.ts';
import type { PrivateMariadb } from '#platform/db/mariadb.testing.ts';
import { mariadbMissing, startMariadb } from '#platform/db/mariadb.testing.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { PlacementFixture } from '../api/placement.testing.ts';
import { claimOf, startPlacement } from '../api/placement.testing.ts';
import type { ConsumerClaim } from '../domain/settle-claims.ts';
import { replaceAllocations, writeAllocations } from './allocations.ts';
import { ClaimQueue } from './claim-queue.ts';

const claim = (
  provider: string,
  vcpus: number,
  { consumer = randomUUID() as string, generation = null as number | null } = {},
): ConsumerClaim => ({
  consumerUuid: consumer,
  projectId: 'p',
  userId: 'u',
  consumerType: null,
  generation,
  allocations: new Map(vcpus > 0 ? [[provider, new Map([['VCPU', vcpus]])]] : []),
});

/**
 * A queue over the fixture's database; `sizes` records the number of requests in each transaction.
 */
function queueOver({ database: { db } }: PlacementFixture) {
  const sizes: number[] = [];
  const queue = new ClaimQueue(async (requests) => {
    sizes.push(requests.length);
    return await writeAllocations(db, requests, 0);
  });
  const addAll = async (claims: readonly ConsumerClaim[]) =>
    await Promise.all(
      claims.map(async (one) => {
        const refusal = await queue.add([one]);
        return isFault(refusal) ? refusal.kind : 'granted';
      }),
    );
  return { queue, sizes, addAll };
}

const usedVcpus = async ({ ask }: PlacementFixture, provider: string): Promise<number> =>
  (await ask('GET', `/resource_providers/${provider}/usages`)).body.usages.VCPU;

const generationOf = async ({ ask }: PlacementFixture, provider: string): Promise<number> =>
  (await ask('GET', `/resource_providers/${provider}`)).body.generation;

const promises = (start: (use: (fixture: PlacementFixture) => Promise<void>) => Promise<void>) => {
  it('are written in one transaction, and a conflict fails only its own claim', async () => {
    await start(async (fixture) => {
      const { sizes, addAll } = queueOver(fixture);
      const [host, full] = [
        await fixture.host('h', { VCPU: 8 }),
        await fixture.host('f', { VCPU: 1 }),
      ];
      const consumer = randomUUID();
      await addAll([claim(host, 1, { consumer }), claim(full, 1)]);
      const [before, fullBefore] = [
        await generationOf(fixture, host),
        await generationOf(fixture, full),
      ];
      const answers = await addAll([
        claim(host, 2),
        claim(host, 1, { consumer, generation: 5 }),
        claim(full, 1),
        claim(host, 6),
        claim(randomUUID(), 1),
        claim(host, 5),
      ]);
      assert.deepEqual(answers, [
        'granted',
        'concurrentUpdate',
        'conflict',
        'conflict',
        'badRequest',
        'granted',
      ]);
      assert.deepEqual(sizes, [2, 6]);
      assert.equal(await usedVcpus(fixture, host), 8);
      assert.ok((await generationOf(fixture, host)) > before);
      assert.equal(await generationOf(fixture, full), fullBefore, 'refused: nothing has changed');
    });
  });

  it('of one consumer are written one after the other, in their order', async () => {
    await start(async (fixture) => {
      const { sizes, addAll } = queueOver(fixture);
      const [host, consumer] = [await fixture.host('h', { VCPU: 8 }), randomUUID()];
      assert.deepEqual(
        await addAll([
          claim(host, 1, { consumer }),
          claim(host, 2, { consumer, generation: 1 }),
          claim(host, 3, { consumer, generation: 1 }),
          claim(host, 0, { consumer, generation: 2 }),
          claim(host, 8),
        ]),
        ['granted', 'granted', 'concurrentUpdate', 'granted', 'conflict'],
        'the last one was written with the first, when that held one',
      );
      assert.deepEqual(sizes, [2, 1, 1, 1]);
      assert.equal(await usedVcpus(fixture, host), 0);
    });
  });

  it('are written each alone when the database does not bear one of them', async () => {
    await start(async (fixture) => {
      const { sizes, queue } = queueOver(fixture);
      const host = await fixture.host('h', { VCPU: 8 });
      const broken = { ...claim(host, 1), projectId: {} as string }; // no database can store it
      const settled = await Promise.allSettled(
        [claim(host, 1), broken, claim(host, 1)].map(async (one) => await queue.add([one])),
      );
      assert.deepEqual(
        settled.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(sizes, [3, 1, 1, 1]);
      assert.equal(await usedVcpus(fixture, host), 2);
      assert.equal(await queue.add([claim(host, 6)]), undefined, 'the queue goes on');
    });
  });

  it('are all not there where the transaction has ended before its commit', async () => {
    await start(async (fixture) => {
      const { db } = fixture.database;
      const host = await fixture.host('h', { VCPU: 8 });
      const before = await generationOf(fixture, host);
      const claims = [[claim(host, 1)], [claim(host, 2)]];
      await assert.rejects(
        transaction(db, async (trx) => {
          assert.deepEqual(await replaceAllocations(trx, claims, 0), [undefined, undefined]);
          throw new Error('dies here');
        }),
        /dies here/,
      );
      assert.equal(await usedVcpus(fixture, host), 0);
      assert.equal(await generationOf(fixture, host), before);
      const { addAll } = queueOver(fixture);
      assert.deepEqual(await addAll(claims.flat()), ['granted', 'granted'], 'they may be repeated');
    });
  });
};

describe('claims that come together', () => {
  promises(async (use) => {
    const fixture = await startPlacement();
    try {
      await use(fixture);
    } finally {
      await fixture.close();
    }
  });

  it('wait in a bounded queue', async () => {
    const gate = Promise.withResolvers<void>();
    const queue = new ClaimQueue(async (requests) => {
      await gate.promise;
      return requests.map(() => undefined);
    });
    const answers = Array.from({ length: 2_200 }, async () => await queue.add([claim('h', 1)]));
    gate.resolve();
    const refusals = (await Promise.all(answers)).filter((answer) => isFault(answer));
    assert.equal(refusals.length, 200);
    assert.ok(refusals.every((one) => isFault(one) && one.kind === 'unavailable'));
  });
});

/** Two processes on one database: capacity is never allocated twice, and no answer is a 500. */
async function raceOfTwo(config: DatabaseConfig, otherConfig = config): Promise<void> {
  const placements = [await startPlacement(config), await startPlacement(otherConfig)];
  try {
    const [first] = placements;
    assert.ok(first);
    const hosts: string[] = [];
    for (const name of ['a', 'b', 'c']) hosts.push(await first.host(name, { VCPU: 8 }));
    const send = async (consumer: string, at: number, index: number) =>
      (
        await placements[at]?.ask(
          'PUT',
          `/allocations/${consumer}`,
          claimOf(hosts[index % hosts.length] ?? '', { VCPU: 1 }),
        )
      )?.status;
    // Each consumer claims in both processes at once; one of the two must find that the consumer is
    // no longer new.
    const answers = await Promise.all(
      Array.from({ length: 64 }, async (_, index) => {
        const consumer = randomUUID();
        return await Promise.all([send(consumer, 0, index), send(consumer, 1, index + 1)]);
      }),
    );
    for (const pair of answers) {
      assert.ok(
        pair.every((status) => status === 204 || status === 409),
        pair.join(),
      );
      assert.ok(pair.filter((status) => status === 204).length <= 1, 'one claim a consumer');
    }
    assert.equal(answers.flat().filter((status) => status === 204).length, 24);
    for (const host of hosts) assert.equal(await usedVcpus(first, host), 8);
  } finally {
    for (const placement of placements) await placement.close();
  }
}

it('two processes write their claims to one SQLite file', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'cobalt-claims-'));
  try {
    const path = join(dir, 'placement.db');
    await raceOfTwo(await testDatabase({ dialect: 'sqlite', path }));
  } finally {
    await rm(dir, { recursive: true });
  }
});

describe('on two Galera nodes', { skip: await galeraMissing() }, () => {
  it('two processes write their claims to one database', async () => {
    const galera = await startGalera();
    try {
      const [one, other] = await galera.createDatabase();
      assert.ok(one && other);
      await raceOfTwo(one, other);
    } finally {
      await galera.stop();
    }
  });
});

describe('on MariaDB', { skip: await mariadbMissing() }, () => {
  let server: PrivateMariadb | undefined;
  const database = async (): Promise<DatabaseConfig> => {
    server ??= await startMariadb();
    return await server.createDatabase();
  };
  after(async () => await server?.stop());

  promises(async (use) => {
    const fixture = await startPlacement(await database());
    try {
      await use(fixture);
    } finally {
      await fixture.close();
    }
  });
  it('two processes write their claims to one database', async () => {
    await raceOfTwo(await database());
  });
});
