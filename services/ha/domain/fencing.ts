// The fencing ladder: what is done next to make sure, and to prove, that no guest of a host runs.
// Rung 1: the power is cut by its BMC, and read as off several times. Rung 2, where the BMC does
// not answer, or not obey: the host is known to have ended its guests itself, since its watchdog
// does so when it is cut off from everything for `selfFencingMs`. Else a person must say so. Pure.
import type { PowerState } from '#ports/bmc.ts';

export interface LadderFacts {
  /** Of this look; null: the BMC does not answer; undefined: none is known. */
  power: PowerState | null | undefined;
  /** Its BMC has taken the order to cut the power, also of a chassis that was off already. */
  offTaken: boolean;
  /** Since the fencing began. */
  fencingMs: number;
  /** Times in a row that it was read as off, this look included. */
  offReadings: number;
  /** How long the BMC has not answered; 0: it does. */
  bmcSilentMs: number;
  /** How long nobody has heard, reached or seen the host on the storage; null: not known. */
  cutOffMs: number | null;
  /** Of the host's watchdog; null: it has none. */
  selfFencingMs: number | null;
}

export interface LadderLimits {
  verifications: number;
  bmcGiveUpMs: number;
  /** Waited beyond the watchdog's limit, for its own period and the age of what it saw last. */
  selfFencingMarginMs: number;
  /** One that was seen later than this is no host that is cut off: its mark moves now and then. */
  seenWithinMs: number;
}

export type LadderStep =
  | { do: 'powerOff' }
  | { do: 'wait'; rung: 'redfish' | 'storage'; why: string }
  | { do: 'fenced'; by: 'redfish' | 'storage' }
  | { do: 'fail'; why: string };

export function nextRung(facts: LadderFacts, limits: LadderLimits): LadderStep {
  const { power, offTaken, offReadings, bmcSilentMs } = facts;
  // One that is off without an order may have lost its power, and start when that returns: it
  // counts only once its BMC keeps it off.
  if (power === 'Off' && offTaken)
    return offReadings >= limits.verifications
      ? { do: 'fenced', by: 'redfish' }
      : {
          do: 'wait',
          rung: 'redfish',
          why: `read as off ${offReadings} of ${limits.verifications} times`,
        };
  if (power === null && bmcSilentMs < limits.bmcGiveUpMs)
    return { do: 'wait', rung: 'redfish', why: 'its BMC does not answer' };
  const isAnswering = power !== null && power !== undefined;
  if (isAnswering && facts.fencingMs < limits.bmcGiveUpMs) return { do: 'powerOff' };
  return bySelfFencing(facts, limits);
}

function bySelfFencing(
  { power, fencingMs, cutOffMs, selfFencingMs }: LadderFacts,
  { selfFencingMarginMs, seenWithinMs }: LadderLimits,
): LadderStep {
  const bmc = whyNotByBmc(power);
  if (selfFencingMs === null)
    return { do: 'fail', why: `${bmc}, and it has no watchdog that ends its guests` };
  if (cutOffMs === null)
    return { do: 'fail', why: `${bmc}, and nobody sees whether it still writes to the storage` };
  const neededMs = selfFencingMs + selfFencingMarginMs;
  if (cutOffMs > neededMs) return { do: 'fenced', by: 'storage' };
  // One that is still seen is not cut off: waiting longer proves nothing.
  if (cutOffMs < seenWithinMs && fencingMs >= seenWithinMs)
    return { do: 'fail', why: `${bmc}, and it is still seen by others` };
  return {
    do: 'wait',
    rung: 'storage',
    why: `cut off for ${Math.round(cutOffMs / 1000)} of ${Math.round(neededMs / 1000)} s`,
  };
}

function whyNotByBmc(power: LadderFacts['power']): string {
  if (power === undefined) return 'no BMC is known of it';
  return power === null ? 'its BMC does not answer' : 'its BMC does not cut its power';
}

/** The shortest of what is known; null: one of them is not. */
export const cutOffFor = (...durations: readonly (number | null)[]): number | null =>
  durations.some((each) => each === null) ? null : Math.min(...(durations as number[])); // none is null
