// Whether a compute service counts as up: forced down by an operator, or not heard of for too long.
import type { ServiceRow } from '../store/tables.ts';

export function isUp(service: Pick<ServiceRow, 'forced_down' | 'last_seen_ms'>, nowMs: number, config: { serviceDownMs: number }): boolean {
  return service.forced_down === 0 && nowMs - service.last_seen_ms <= config.serviceDownMs;
}
