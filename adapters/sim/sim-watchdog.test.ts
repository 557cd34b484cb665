import { describe } from 'node:test';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { watchdogContract } from '#ports/watchdog.testing.ts';
import { createSimWatchdog } from './sim-watchdog.ts';

describe('the simulated watchdog', () => {
  watchdogContract(async () => {
    const clock = createFakeClock({ movedBy: 'sleeps' });
    let isRunning = true;
    const watchdog = createSimWatchdog(clock, () => (isRunning = false));
    return { watchdog, again: () => watchdog, isRunning: () => isRunning, clock };
  });
});
