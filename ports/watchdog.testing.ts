// The contract of ports/watchdog.ts as a test suite, run by every driver.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Watchdog } from './watchdog.ts';

export interface WatchedHost {
  watchdog: Watchdog;
  /** Opens the host's watchdog again, as another agent of the host does. */
  again(): Watchdog;
  /** Whether the host's guests run. */
  isRunning(): boolean;
  clock: Clock;
}

const limitMs = 3_000;
/** Tolerance for the watchdog's own polling period and a busy machine. */
const slackMs = 3_000;

export function watchdogContract(open: () => Promise<WatchedHost>): void {
  test('one that is not armed ends nothing', async () => {
    const { watchdog, isRunning, clock } = await open();
    assert.equal(await watchdog.limit(), null);
    await clock.sleep(limitMs);
    assert.equal(isRunning(), true);
  });

  test('one that is fed ends nothing, and the guests when it is not', async () => {
    const { watchdog, isRunning, clock } = await open();
    for (let fed = 0; fed < 4; fed += 1) {
      assert.equal(await watchdog.feed(limitMs, clock.monotonicMs()), undefined);
      await clock.sleep(limitMs / 2);
      assert.equal(isRunning(), true);
    }
    const what = 'its guests are ended';
    await eventually(() => !isRunning(), { withinMs: limitMs + slackMs, clock, what });
  });

  test('the limit counts from the contact, not from the call', async () => {
    const { watchdog, isRunning, clock } = await open();
    const contactAtMs = clock.monotonicMs();
    await clock.sleep(limitMs - 500);
    await watchdog.feed(limitMs, contactAtMs);
    const what = 'its guests are ended';
    await eventually(() => !isRunning(), { withinMs: slackMs, clock, what });
  });

  test('what it is armed with is known to the next agent, which may disarm it', async () => {
    const { watchdog, again, isRunning, clock } = await open();
    await watchdog.feed(limitMs, clock.monotonicMs());
    const next = again();
    assert.equal(await next.limit(), limitMs);
    assert.equal(await next.disarm(), undefined);
    assert.equal(await watchdog.limit(), null);
    await clock.sleep(limitMs + slackMs);
    assert.equal(isRunning(), true);
  });
}
