// A kept connection over scripted attempts to connect, under mocked timers: no real waiting.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import { createLog } from './log.ts';
import { ReconnectingConnection } from './reconnecting-connection.ts';

class Away extends Error {}

class Line {
  readonly #lost: (cause: Error) => void;
  constructor(onLost: (cause: Error) => void) {
    this.#lost = onLost;
  }
  /** Ends the connection from the peer's side. */
  drop(why = 'dropped'): void {
    this.#lost(new Error(why));
  }
  close(): void {
    this.drop('closed');
  }
}

type Attempt = (line: Line, leftMs: number) => Line | Promise<Line>;
const succeeds: Attempt = (line) => line;
const fails: Attempt = () => Promise.reject(new Away('nobody listens'));
const endsAtOnce: Attempt = (line) => {
  line.drop('no seat');
  return line;
};

/**
 * A kept connection whose attempts follow `script`, then repeat its last entry. `random` is 0.5, so
 * each pause is three quarters of its maximum.
 */
function openFixture(t: TestContext, ...script: Attempt[]) {
  let now = 1_000;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(performance, 'now', () => now);
  const events: string[] = [];
  const attemptsAt: number[] = [];
  const log = createLog({
    level: 'debug',
    destination: {
      write: (line: string) => void events.push((JSON.parse(line) as { msg: string }).msg),
    },
  });
  const connection = new ReconnectingConnection<Line>(
    { connectTimeoutMs: 100, backoffMs: { first: 40, last: 1_000 } },
    { log, random: () => 0.5 },
    {
      name: 'the peer',
      attempt: async (leftMs, onLost) => {
        const attempt = script[
          Math.min(attemptsAt.push(now - 1_000), script.length) - 1
        ] as Attempt; // cast: a script is never empty
        return await attempt(new Line(onLost), leftMs);
      },
      opened: (_, wasAway) => void events.push(wasAway ? 'opened again' : 'opened'),
      lost: () => void events.push('lost'),
      disconnected: (why) => new Away(why),
    },
  );
  const passes = async (ms: number): Promise<void> => {
    await settled();
    for (let left = ms; left > 0; left -= 1) {
      now += 1;
      t.mock.timers.tick(1);
      await settled();
    }
  };
  return {
    connection,
    seen: events,
    attemptsAt,
    passes,
    /** Returns after how many ms the connection is open again. */
    async comesBack(): Promise<number> {
      for (let ms = 0; ms < 10_000; ms += 1) {
        if (connection.current) return ms;
        await passes(1);
      }
      throw new Error('it never came back');
    },
  };
}

describe('a kept connection', () => {
  it('is opened when first asked for, once for all who ask', async (t) => {
    const { connection, seen: events, attemptsAt } = openFixture(t, succeeds);
    assert.deepEqual([connection.current, attemptsAt], [undefined, []]);
    const [one, two] = await Promise.all([connection.get(), connection.get()]);
    assert.equal(one, two);
    assert.equal(await connection.get(), one);
    assert.equal(connection.current, one);
    assert.deepEqual([attemptsAt, events], [[0], ['opened']]);
  });

  for (const [what, failure] of [
    ['fails', fails],
    ['brings one that ends at once', endsAtOnce],
  ] as const) {
    it(`is tried again where an attempt ${what}: a delay is all that is felt`, async (t) => {
      const {
        connection,
        seen: events,
        attemptsAt,
        comesBack,
      } = openFixture(t, failure, failure, succeeds);
      const connecting = connection.get();
      assert.equal(await comesBack(), 60);
      assert.equal(await connecting, connection.current);
      assert.deepEqual([attemptsAt, events], [[0, 30, 60], ['opened']]);
    });
  }

  it('says at the deadline why there is none, and goes on in the background until there is one', async (t) => {
    const leftMs: number[] = [];
    const notes: Attempt = (line, left) => (leftMs.push(left), fails(line, left));
    const {
      connection,
      seen: events,
      attemptsAt,
      passes,
    } = openFixture(t, notes, notes, notes, notes, succeeds);
    const refusal = assert.rejects(connection.get(), new Away('nobody listens'));
    await passes(90);
    await refusal;
    assert.deepEqual([leftMs, events], [[100, 70, 40, 10], []]);
    await passes(30);
    assert.deepEqual([attemptsAt.at(-1), events], [120, ['the peer is back', 'opened again']]);
  });

  it('comes back by itself when it is lost, at once where somebody asks', async (t) => {
    const { connection, seen: events, attemptsAt, comesBack, passes } = openFixture(t, succeeds);
    const first = await connection.get();
    first.drop();
    assert.equal(await comesBack(), 30);
    connection.current?.drop();
    const third = await connection.get();
    first.drop(); // the end of an old connection says nothing about the new one
    await passes(1_000);
    assert.equal(connection.current, third);
    const again = ['lost', 'the peer connection lost', 'the peer is back', 'opened again'];
    assert.deepEqual(
      [attemptsAt, events],
      [
        [0, 30, 30],
        ['opened', ...again, ...again],
      ],
    );
  });

  it('is waited for ever longer while it falls soon after it rose', async (t) => {
    const { connection, comesBack, passes } = openFixture(t, succeeds);
    await connection.get();
    const pauses: number[] = [];
    for (const livedMs of [0, 0, 0, 0, 0, 0, 1_000, 1_001]) {
      await passes(livedMs);
      connection.current?.drop();
      pauses.push(await comesBack());
    }
    assert.deepEqual(pauses, [30, 60, 120, 240, 480, 750, 750, 30]);
  });

  it('keeps no process alive while it is away', async (t) => {
    const { connection } = openFixture(t, succeeds);
    const line = await connection.get();
    t.mock.timers.reset();
    const timers = () =>
      process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    const before = timers();
    line.drop();
    assert.equal(timers(), before);
    connection.close();
  });

  it('is closed for good', async (t) => {
    const { connection, seen: events, attemptsAt, passes } = openFixture(t, succeeds);
    await connection.get();
    connection.close();
    await assert.rejects(connection.get(), new Away('this client is closed'));
    await passes(2_000);
    assert.deepEqual(
      [connection.current, attemptsAt, events],
      [undefined, [0], ['opened', 'lost']],
    );
  });

  it('is not sought any longer when it is closed while away', async (t) => {
    const { connection, seen: events, attemptsAt, passes } = openFixture(t, succeeds);
    (await connection.get()).drop();
    connection.close();
    await passes(2_000);
    assert.deepEqual([attemptsAt, events], [[0], ['opened', 'lost', 'the peer connection lost']]);
  });

  it('ends at once when it comes after the end', async (t) => {
    let arrive = (): void => undefined;
    let closed = 0;
    const {
      connection,
      seen: events,
      passes,
    } = openFixture(
      t,
      (line) =>
        new Promise((resolve) => {
          t.mock.method(line, 'close', () => (closed += 1));
          arrive = () => resolve(line);
        }),
    );
    const refusal = assert.rejects(connection.get(), new Away('this client is closed'));
    connection.close();
    arrive();
    await refusal;
    await passes(2_000);
    assert.deepEqual([closed, connection.current, events], [1, undefined, []]);
  });
});
