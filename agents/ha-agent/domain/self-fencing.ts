// The watchdog limit that heartbeats report to the HA Service: the service must never rely on a
// watchdog that fires later than it believes. Pure.

/**
 * The limit for the next heartbeat; null: none. `armedMs`: what the watchdog is armed with now;
 * `wantedMs`: what it will be armed with once the service has accepted that heartbeat. The longer
 * of the two is reported, and none while the watchdog is not armed yet or about to be disarmed.
 */
export const reportedLimit = (armedMs: number | null, wantedMs: number | null): number | null =>
  armedMs === null || wantedMs === null ? null : Math.max(armedMs, wantedMs);
