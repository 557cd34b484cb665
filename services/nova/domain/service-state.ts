// Whether a service of Nova is up: it is not forced down (by an operator or the HA Service), its
// agent has not announced a stop, and its last heartbeat is recent.
import type { ServiceRow } from '../store/tables.ts';

export function isUp(
  service: Pick<ServiceRow, 'forced_down' | 'stopped' | 'last_seen_ms'>,
  nowMs: number,
  config: { serviceDownMs: number },
): boolean {
  return (
    service.forced_down === 0 &&
    service.stopped === 0 &&
    nowMs - service.last_seen_ms <= config.serviceDownMs
  );
}
