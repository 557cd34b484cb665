// Password hashes.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { systemIds } from '#platform/ids.ts';
import { createPasswords, defaultPasswordCost } from '#services/keystone/passwords.ts';

test('a hash tells right from wrong, is salted, and needs no settings to be checked later', async () => {
  const passwords = createPasswords(defaultPasswordCost, systemIds);
  const [one, two] = await Promise.all([passwords.hash('Grüße'), passwords.hash('Grüße')]);
  assert.notEqual(one, two);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  const cheaper = createPasswords({ memoryKib: 64, passes: 1, maxConcurrent: 1 }, systemIds);
  assert.deepEqual(await Promise.all([cheaper.verify('Grüße', one), cheaper.verify('grüße', one), cheaper.verify('Grüße', ''), cheaper.verify('', '')]), [true, false, false, false]);
});

test('many at once wait for their place and all end', async () => {
  const passwords = createPasswords({ memoryKib: 64, passes: 1, maxConcurrent: 2 }, systemIds);
  const hashes = await Promise.all(Array.from({ length: 20 }, (_, n) => passwords.hash(String(n))));
  assert.equal(new Set(hashes).size, 20);
});

test('an unknown user takes as long as a wrong password', async () => {
  const passwords = createPasswords(defaultPasswordCost, systemIds);
  const hash = await passwords.hash('x');
  const timeOf = async (stored: string): Promise<number> => {
    const times: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      const startedMs = performance.now();
      await passwords.verify('wrong', stored);
      times.push(performance.now() - startedMs);
    }
    return Math.min(...times);
  };
  const [known, unknown] = [await timeOf(hash), await timeOf('')];
  assert.ok(unknown > known / 3 && known > unknown / 3, `known ${known} ms, unknown ${unknown} ms`);
});
