// Password hashing, and the order of turns in its queue.
import { strict as assert } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { systemIds } from '#platform/ids.ts';
import { loginSource } from '../../domain/login-source.ts';
import { PasswordQueue, type Turn } from './password-queue.ts';
import { createPasswords, defaultPasswordCost } from './passwords.ts';

const bounds = { maxWaiting: 100, maxWaitingPerSource: 100 };
const cheap = { memoryKib: 64, passes: 1, maxConcurrent: 2, ...bounds };
const turn: Turn = { source: '', user: '' };

function sure<T>(outcome: Outcome<T>): T {
  assert.ok(!isFault(outcome), String(isFault(outcome) && outcome.message));
  return outcome;
}

test('a hash tells right from wrong, is salted, and needs no settings to be checked later', async () => {
  const passwords = createPasswords({ ...defaultPasswordCost, ...bounds }, systemIds);
  const [one, two] = [
    sure(await passwords.hash('Grüße', turn)),
    sure(await passwords.hash('Grüße', turn)),
  ];
  assert.notEqual(one, two);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  const cheaper = createPasswords({ ...cheap, maxConcurrent: 1 }, systemIds);
  const tries: [string, string][] = [
    ['Grüße', one],
    ['grüße', one],
    ['Grüße', ''],
    ['', ''],
  ];
  assert.deepEqual(
    await Promise.all(tries.map(([password, hash]) => cheaper.verify(password, hash, turn))),
    [true, false, false, false],
  );
});

test('many at once wait for their place and all end', async () => {
  const passwords = createPasswords(cheap, systemIds);
  const hashes = await Promise.all(
    Array.from({ length: 20 }, (_, n) => passwords.hash(String(n), turn)),
  );
  assert.equal(new Set(hashes.map(sure)).size, 20);
});

test('an unknown user takes as long as a wrong password', async () => {
  const passwords = createPasswords({ ...defaultPasswordCost, ...bounds }, systemIds);
  const hash = sure(await passwords.hash('x', turn));
  const timeOf = async (stored: string): Promise<number> => {
    const times: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      const startedMs = performance.now();
      await passwords.verify('wrong', stored, turn);
      times.push(performance.now() - startedMs);
    }
    return Math.min(...times);
  };
  const [ofUser, ofNobody] = [await timeOf(hash), await timeOf('')];
  assert.ok(
    ofNobody > ofUser / 3 && ofUser > ofNobody / 3,
    `${ofUser} ms for a user, ${ofNobody} ms for nobody`,
  );
});

test('hashing leaves threads to file I/O: a file is read while hashes wait', async () => {
  assert.ok(
    defaultPasswordCost.maxConcurrent <=
      Math.max(1, Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) - 2),
  );
  const passwords = createPasswords({ ...defaultPasswordCost, ...bounds }, systemIds);
  let ended = 0;
  const all = Array.from({ length: 30 }, async () => {
    await passwords.hash('x', turn);
    ended += 1;
  });
  await readFile(import.meta.filename);
  assert.ok(ended < 15, `${ended} of 30 hashes had ended before the file was read`);
  await Promise.all(all);
});

describe('turns', () => {
  /** A queue whose work ends when the test says so; `order` records in which order work started. */
  function startQueue(maxConcurrent: number, maxWaiting: number, maxWaitingPerSource: number) {
    const queue = new PasswordQueue({ maxConcurrent, maxWaiting, maxWaitingPerSource });
    const order: string[] = [];
    const ends: (() => void)[] = [];
    const ask = (name: string, source: string, user = ''): Promise<Outcome<void>> =>
      queue.run({ source, user }, async () => {
        order.push(name);
        await new Promise<void>((resolve) => ends.push(resolve));
      });
    async function drain(): Promise<void> {
      for (let end = ends.shift(); end; end = ends.shift()) {
        end();
        for (let n = 0; n < 5; n += 1) await Promise.resolve();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return { ask, order, drain };
  }

  test('a newcomer is next after one turn, however much another source waits for', async () => {
    const { ask, order, drain } = startQueue(1, 500, 500);
    const all = [
      ...Array.from({ length: 250 }, (_, n) => ask(`flood${n}`, '10.0.0.1')),
      ask('newcomer', '10.0.0.2'),
    ];
    await drain();
    await Promise.all(all);
    assert.equal(order.length, 251);
    assert.ok(order.indexOf('newcomer') <= 2, `place ${order.indexOf('newcomer')}`);
  });
  test('within a source its users take turns', async () => {
    const { ask, order, drain } = startQueue(1, 500, 500);
    const all = [
      ...Array.from({ length: 20 }, (_, n) => ask(`flood${n}`, 'proxy', 'one')),
      ask('other', 'proxy', 'two'),
    ];
    await drain();
    await Promise.all(all);
    assert.ok(order.indexOf('other') <= 2, order.join());
  });
  test('one source may wait for so much and no more; others still come in', async () => {
    const { ask, order, drain } = startQueue(1, 100, 3);
    const flood = Array.from({ length: 6 }, (_, n) => ask(`flood${n}`, 'a'));
    const other = ask('other', 'b');
    await drain();
    const kinds = (await Promise.all(flood)).map((outcome) =>
      isFault(outcome) ? [outcome.kind, outcome.detail['retryAfter']] : 'hashed',
    );
    assert.deepEqual(kinds, [
      'hashed',
      'hashed',
      'hashed',
      'hashed',
      ['tooManyRequests', '1'],
      ['tooManyRequests', '1'],
    ]);
    assert.ok(!isFault(await other));
    assert.equal(order.length, 5);
  });
  test('all together may wait for so much: then the largest source gives way to a smaller one', async () => {
    const { ask, order, drain } = startQueue(1, 4, 4);
    const flood = Array.from({ length: 5 }, (_, n) => ask(`flood${n}`, 'a')); // one runs, four wait
    const small = ask('small', 'b');
    await drain();
    const outcomes = await Promise.all(flood);
    assert.deepEqual(
      outcomes.map((outcome) => (isFault(outcome) ? outcome.kind : 'hashed')),
      ['hashed', 'hashed', 'hashed', 'hashed', 'unavailable'],
    );
    assert.ok(!isFault(await small) && order.includes('small'));
  });
  test('a place is free again after work that failed', async () => {
    const queue = new PasswordQueue({ maxConcurrent: 1, maxWaiting: 9, maxWaitingPerSource: 9 });
    await assert.rejects(
      queue.run(turn, async () => await Promise.reject(new Error('no memory'))),
      /no memory/,
    );
    assert.equal(await queue.run(turn, async () => 'works'), 'works');
  });
  test('a source is an IPv4 address or an IPv6 /64', () => {
    const rows: Record<string, string> = {
      '10.1.2.3': '10.1.2.3',
      '::ffff:10.1.2.3': '10.1.2.3',
      '2001:db8::1': '2001:db8:0:0',
      '2001:DB8:0:0:a:b:c:d': '2001:db8:0:0',
      '2001:0db8:1:2::9': '2001:db8:1:2',
      '::1': '0:0:0:0',
      'fe80::1%eth0': 'fe80:0:0:0',
      '': '',
    };
    for (const [address, source] of Object.entries(rows))
      assert.equal(loginSource(address), source, address);
  });
});
