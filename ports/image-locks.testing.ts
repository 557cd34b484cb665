// The contract of ports/image-locks.ts as a test suite. Run against a real filer by
// test/storage/image-locks.test.ts.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { ImageLock, ImageLocks } from './image-locks.ts';

export interface ImageLocksFixture {
  /**
   * The locks of a host. Opening the same host again after `close` simulates a restart of its
   * agent.
   */
  open(host: string): ImageLocks;
  /** A new image of 1 GiB. */
  image(): Promise<Pick<ImageLock, 'server' | 'path'>>;
  /** Whether a QEMU that locks its images could open this one for writing. */
  isFree(image: Pick<ImageLock, 'path'>): Promise<boolean>;
  /** Keeps the image open in a QEMU that locks it, until the returned function is called. */
  openElsewhere(image: Pick<ImageLock, 'path'>): Promise<() => Promise<void>>;
  /** Deletes the host's notes of its locks, as the loss of its disk would. */
  loseNotes(host: string): Promise<void>;
  removeImage(image: Pick<ImageLock, 'path'>): Promise<void>;
  /** Kills the filer with SIGKILL: it forgets all locks and is back within seconds. */
  killFiler(): Promise<void>;
  close(): Promise<void>;
}

const backMs = 30_000;

export function imageLocksContract(name: string, setup: () => Promise<ImageLocksFixture>): void {
  describe(`image locks contract: ${name}`, () => {
    let fixture: ImageLocksFixture;
    const open: ImageLocks[] = [];
    before(async () => void (fixture = await setup()));
    afterEach(async () => {
      for (const locks of open.splice(0)) await locks.close();
    });
    after(async () => await fixture?.close());

    const on = (host: string): ImageLocks => {
      const locks = fixture.open(host);
      open.push(locks);
      return locks;
    };
    const wanted = async (): Promise<ImageLock> => ({
      guest: randomUUID(),
      volumeId: randomUUID(),
      ...(await fixture.image()),
    });
    const by = (lock: ImageLock): ImageLock => ({ ...lock, guest: randomUUID() });
    const kindOf = (outcome: unknown): string => (isFault(outcome) ? outcome.kind : 'done');

    it('lets another host have the image of a guest whose host is fenced, and of no other', async () => {
      const [dead, living, lock] = [on('h1'), on('h2'), await wanted()];
      assert.equal(await dead.hold(lock), undefined);
      await dead.close();
      assert.equal(kindOf(await living.hold(lock)), 'conflict');
      // Does nothing for a lock that another guest holds, or that is held from another host.
      assert.equal(kindOf(await living.breakOf(by(lock), 'h1')), 'done');
      assert.equal(kindOf(await living.breakOf(lock, 'h3')), 'done');
      assert.equal(kindOf(await living.hold(lock)), 'conflict');
      for (const _ of [1, 2]) assert.equal(kindOf(await living.breakOf(lock, 'h1')), 'done');
      assert.equal(await living.hold(lock), undefined);
      // The fenced host cannot take the lock again when it comes back.
      assert.equal(kindOf(await on('h1').hold(lock)), 'conflict');
      assert.equal(await fixture.isFree(lock), false);
    });

    it('lets one guest at a time have an image, and says who it is; again is fine', async () => {
      const [locks, lock] = [on('h1'), await wanted()];
      for (const _ of [1, 2]) assert.equal(await locks.hold(lock), undefined);
      const refusal = await locks.hold(by(lock));
      assert.ok(isFault(refusal) && refusal.kind === 'conflict');
      assert.match(refusal.message, new RegExp(`${lock.volumeId}.*${lock.guest} on host h1`));
      assert.deepEqual(
        await locks.noted().then((all) => all.filter(({ path }) => path === lock.path)),
        [lock],
        'of the refused nothing stays',
      );
      assert.equal(
        kindOf(await on('h2').hold(lock)),
        'conflict',
        'the same guest on another host is another',
      );
      assert.equal(await fixture.isFree(lock), false);
    });

    it('gives an image to the next once it is released; again is fine', async () => {
      const [locks, lock] = [on('h1'), await wanted()];
      assert.equal(await locks.hold(lock), undefined);
      for (const _ of [1, 2]) assert.equal(await locks.release(lock), undefined);
      assert.equal(await fixture.isFree(lock), true);
      assert.equal(await on('h2').hold(by(lock)), undefined);
      assert.equal(await locks.release(lock), undefined);
      assert.equal(await fixture.isFree(lock), false, 'who does not hold it releases nothing');
    });

    it('knows no image that is not there, and notes nothing of it', async () => {
      const [locks, lock] = [on('h1'), await wanted()];
      const missing = { ...lock, path: `${lock.path}-missing` };
      assert.equal(kindOf(await locks.hold(missing)), 'notFound');
      assert.ok(!(await locks.noted()).some(({ path }) => path === missing.path));
      assert.equal(await locks.hold(lock), undefined);
      await fixture.removeImage(lock);
      assert.equal(await locks.release(lock), undefined, 'an image that went under its lock');
    });

    it('refuses while another program has the image open', async () => {
      const [locks, lock] = [on('h1'), await wanted()];
      const closeIt = await fixture.openElsewhere(lock);
      try {
        assert.equal(kindOf(await locks.hold(lock)), 'conflict');
        assert.ok(!(await locks.noted()).some(({ path }) => path === lock.path));
      } finally {
        await closeIt();
      }
      assert.equal(await locks.hold(lock), undefined);
    });

    it('keeps locks over the death of the process, which knows them afterwards', async () => {
      const lock = await wanted();
      const first = on('h1');
      assert.equal(await first.hold(lock), undefined);
      await first.close();
      assert.equal(await fixture.isFree(lock), false);
      const second = on('h1');
      assert.ok(
        (await second.noted()).some(
          ({ guest, path }) => guest === lock.guest && path === lock.path,
        ),
      );
      assert.equal(kindOf(await second.hold(by(lock))), 'conflict');
      assert.equal(await second.hold(lock), undefined);
      assert.equal(await second.release(lock), undefined);
      assert.equal(await fixture.isFree(lock), true);
      assert.ok(!(await second.noted()).some(({ path }) => path === lock.path));
    });

    it('releases in the name of a host that lost its notes', async () => {
      const lock = await wanted();
      const first = on('h3');
      assert.equal(await first.hold(lock), undefined);
      await first.close();
      await fixture.loseNotes('h3');
      assert.equal(await on('h3').release(lock), undefined);
      assert.equal(await fixture.isFree(lock), true);
    });

    it('takes locks again when the filer forgot them, and releases late what it could not', async () => {
      const [locks, keptLock, releasedLock] = [on('h1'), await wanted(), await wanted()];
      for (const lock of [keptLock, releasedLock]) assert.equal(await locks.hold(lock), undefined);
      await fixture.killFiler();
      const released = await locks.release(releasedLock);
      assert.ok(
        released === undefined ||
          kindOf(released) === 'unavailable' ||
          kindOf(released) === 'timeout',
      );
      await eventually(async () => !(await fixture.isFree(keptLock)), {
        withinMs: backMs,
        everyMs: 100,
        what: 'the lock to be taken again',
      });
      await eventually(
        async () => !(await locks.noted()).some(({ path }) => path === releasedLock.path),
        {
          withinMs: backMs,
          what: 'the other to be released',
        },
      );
      assert.equal(await fixture.isFree(releasedLock), true);
      assert.equal(kindOf(await on('h2').hold(by(keptLock))), 'conflict');
    });
  });
}
