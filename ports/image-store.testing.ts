// The contract of ports/image-store.ts as a test suite. Run by
// adapters/file-image-store/file-image-store.test.ts and adapters/sim/sim-image-store.test.ts.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { ImageStore, StoredData } from './image-store.ts';

export interface StoreFixture {
  store: ImageStore;
  /** Opens another driver over the same store, as a restarted process does. */
  reopen(): ImageStore;
  close(): Promise<void>;
}

const limits = { maxBytes: 1e9, stallMs: 5_000 };
const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');
const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex');
const inPieces = (bytes: Buffer, size: number): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(),
    { objectMode: false },
  );

export function imageStoreContract(name: string, setup: () => Promise<StoreFixture>): void {
  describe(`image store contract: ${name}`, () => {
    let fixture: StoreFixture;
    let store: ImageStore;
    before(async () => {
      fixture = await setup();
      store = fixture.store;
    });
    after(async () => await fixture.close());

    const good = <T>(outcome: Outcome<T>): T =>
      isFault(outcome) ? assert.fail(`${outcome.kind}: ${outcome.message}`) : outcome;
    const kindOf = (outcome: Outcome<StoredData>): string =>
      isFault(outcome) ? outcome.kind : assert.fail('no fault');
    const bytesOf = async (
      from: ImageStore,
      key: string,
      range?: { first: number; last: number },
    ): Promise<Buffer> =>
      Buffer.concat(
        await Array.fromAsync(good(await from.read(key, range)) as AsyncIterable<Buffer>),
      );
    const keys = async (): Promise<string[]> => (await store.list()).map(({ key }) => key);

    for (const size of [0, 1, 511, 65_536, 1_048_575, 1_048_576, 1_048_577, 20_000_003]) {
      it(`gives back ${size} bytes as they came, with their digests`, async () => {
        const bytes = randomBytes(size);
        const storedData = good(await store.write(`size-${size}`, inPieces(bytes, 70_001), limits));
        assert.deepEqual(storedData, { sizeBytes: size, md5: md5(bytes), sha512: sha512(bytes) });
        assert.ok((await bytesOf(fixture.reopen(), `size-${size}`)).equals(bytes));
        assert.deepEqual(
          (await store.list()).find(({ key }) => key === `size-${size}`),
          { key: `size-${size}`, sizeBytes: size, whole: true },
        );
        await store.remove(`size-${size}`);
      });
    }

    it('writes several at once without mixing them', async () => {
      const all = await Promise.all(
        [3_000_000, 5_000_000, 100, 4_000_000].map(async (size, at) => {
          const bytes = randomBytes(size);
          const storedData = good(
            await store.write(`many-${at}`, inPieces(bytes, 40_000 + at), limits),
          );
          return { at, bytes, written: storedData };
        }),
      );
      for (const { at, bytes, written } of all) {
        assert.equal(written.sha512, sha512(bytes));
        assert.ok((await bytesOf(store, `many-${at}`)).equals(bytes));
        await store.remove(`many-${at}`);
      }
    });

    it('reads a range', async () => {
      const bytes = randomBytes(3_000_000);
      good(await store.write('range', inPieces(bytes, 65_536), limits));
      for (const [first, last] of [
        [0, 0],
        [1_048_570, 2_097_160],
        [2_999_999, 2_999_999],
        [0, 2_999_999],
      ] as const) {
        assert.ok(
          (await bytesOf(store, 'range', { first, last })).equals(bytes.subarray(first, last + 1)),
          `${first}-${last}`,
        );
      }
      await store.remove('range');
    });

    it('leaves nothing of data that is too large, breaks off or stalls', async () => {
      assert.equal(
        kindOf(
          await store.write('large', inPieces(randomBytes(3_000_000), 65_536), {
            ...limits,
            maxBytes: 2_999_999,
          }),
        ),
        'tooLarge',
      );
      const breaking = Readable.from(
        (async function* () {
          yield randomBytes(2_000_000);
          throw new Error('cut');
        })(),
        { objectMode: false },
      );
      assert.equal(kindOf(await store.write('cut', breaking, limits)), 'badRequest');
      const stalling = new PassThrough();
      stalling.write(randomBytes(10));
      assert.equal(
        kindOf(await store.write('stall', stalling, { ...limits, stallMs: 50 })),
        'timeout',
      );
      assert.equal(stalling.destroyed, false, 'the connection can still carry an answer');
      const brokenSource = new PassThrough();
      const writing = store.write('gone', brokenSource, limits);
      brokenSource.write(randomBytes(1_500_000));
      brokenSource.destroy();
      assert.equal(kindOf(await writing), 'badRequest');
      assert.deepEqual(await keys(), []);
    });

    it('takes exactly as much as is allowed', async () => {
      assert.equal(
        good(
          await store.write('exact', inPieces(randomBytes(2_000_000), 65_536), {
            ...limits,
            maxBytes: 2_000_000,
          }),
        ).sizeBytes,
        2_000_000,
      );
      await store.remove('exact');
    });

    it('shows a write in progress as not whole, and nobody can read it', async () => {
      const source = new PassThrough();
      const writing = store.write('slow', source, limits);
      source.write(randomBytes(100));
      await sleep(50);
      assert.deepEqual(
        (await store.list()).map(({ key, whole }) => ({ key, whole })),
        [{ key: 'slow', whole: false }],
      );
      const early = await store.read('slow');
      assert.ok(isFault(early) && early.kind === 'notFound');
      source.end();
      assert.equal(good(await writing).sizeBytes, 100);
      await store.remove('slow');
    });

    it('removes, also twice, and what was never there', async () => {
      good(await store.write('short-lived', inPieces(Buffer.from('x'), 1), limits));
      await store.remove('short-lived');
      await store.remove('short-lived');
      await store.remove('never');
      const read = await store.read('short-lived');
      assert.ok(isFault(read) && read.kind === 'notFound');
      assert.deepEqual(await keys(), []);
    });

    it('keeps nothing that was removed while it was written', async () => {
      const source = new PassThrough();
      const writing = store.write('removed-early', source, limits);
      source.write(randomBytes(100));
      await sleep(50);
      await store.remove('removed-early');
      source.end();
      assert.equal(kindOf(await writing), 'gone');
      assert.deepEqual(await keys(), []);
    });

    it('goes on reading what is removed meanwhile', async () => {
      const bytes = randomBytes(4_000_000);
      good(await store.write('removed', inPieces(bytes, 65_536), limits));
      const stream = good(await store.read('removed'));
      await store.remove('removed');
      assert.ok(
        Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)).equals(bytes),
      );
    });

    it('refuses keys that could leave its place', async () => {
      for (const key of ['../x', 'a/b', '', '.', 'a.part'])
        await assert.rejects(store.write(key, inPieces(Buffer.from('x'), 1), limits), /no key/);
    });

    it('works again after close', async () => {
      await store.close();
      const bytes = randomBytes(2_500_000);
      assert.equal(
        good(await store.write('again', inPieces(bytes, 65_536), limits)).md5,
        md5(bytes),
      );
      await store.remove('again');
    });
  });
}
