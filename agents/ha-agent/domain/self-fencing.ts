// What the HA Service is told of the host's watchdog, so that it never counts on one that would be
// later than it believes. Pure.

/**
 * The limit that the next heartbeat says; null: none. `armedMs`: what the watchdog is armed with
 * now, `wantedMs`: what it is to be armed with once the service has taken that heartbeat. It is
 * told of the longer one, and of none before the watchdog is armed, or is about to be disarmed.
 */
export const toldLimit = (armedMs: number | null, wantedMs: number | null): number | null =>
  armedMs === null || wantedMs === null ? null : Math.max(armedMs, wantedMs);
