// How many hosts may be fenced at a time. When more fail together it is more likely that this
// service is the one that is cut off: it stops, and a person is called. Pure.

export interface CapLimits {
  maxHosts: number;
  /** Of the hosts of a zone. */
  maxZonePercent: number;
}

export interface FailingHosts {
  /** Hosts of all zones whose agents are heard. */
  heard: number;
  /** Of the whole cloud: those that fail, this one included. */
  failing: number;
  inZone: { watched: number; failing: number };
}

/** undefined: the host may be fenced; else why not. */
export function refusedByCap(
  { heard, failing, inZone }: FailingHosts,
  { maxHosts, maxZonePercent }: CapLimits,
): string | undefined {
  if (heard === 0)
    return 'no host is heard at all: this service itself may be cut off; a person must look';
  if (failing <= 1) return undefined; // one host always
  if (failing > maxHosts)
    return `${failing} hosts fail together, more than the ${maxHosts} that may be fenced; a person must look`;
  const most = Math.max(1, Math.floor((inZone.watched * maxZonePercent) / 100));
  if (inZone.failing > most)
    return `${inZone.failing} of ${inZone.watched} hosts of the zone fail together, more than ${most} (${maxZonePercent} %); a person must look`;
  return undefined;
}
