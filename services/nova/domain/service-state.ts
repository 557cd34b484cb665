// Whether a compute service counts as up: not forced down by an operator, its agent not stopped,
// and heard of lately.
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
