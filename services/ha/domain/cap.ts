// Limits how many hosts may be fenced at the same time. If more seem to fail together, this service
// itself is probably cut off: it then fences nothing, and an operator must look. Pure.

export interface CapLimits {
  maxHosts: number;
  /** Percentage of a zone's hosts that may fail together. */
  maxZonePercent: number;
}

export interface FailingHosts {
  /** Hosts of all zones with a recent heartbeat. */
  liveHosts: number;
  /** Failing hosts of the whole cloud, including the one in question. */
  failing: number;
  inZone: { watched: number; failing: number };
}

/**
 * Whether the limits forbid to fence a host. undefined: the host may be fenced; otherwise the
 * reason why not.
 */
export function refusedByCap(
  { liveHosts, failing, inZone }: FailingHosts,
  { maxHosts, maxZonePercent }: CapLimits,
): string | undefined {
  if (liveHosts === 0)
    return 'no host is heard at all: this service itself may be cut off; a person must look';
  if (failing <= 1) return undefined; // a single host may always be fenced
  if (failing > maxHosts)
    return `${failing} hosts fail together, more than the ${maxHosts} that may be fenced; a person must look`;
  const most = Math.max(1, Math.floor((inZone.watched * maxZonePercent) / 100));
  if (inZone.failing > most)
    return `${inZone.failing} of ${inZone.watched} hosts of the zone fail together, more than ${most} (${maxZonePercent} %); a person must look`;
  return undefined;
}
