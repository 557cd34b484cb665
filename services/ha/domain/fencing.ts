// The fencing ladder: the next action to ensure and prove that no guest of a host runs. Rung 1: the
// BMC cuts the power and then reads off several times in a row. Rung 2, if the BMC does not answer
// or obey: the host has been cut off for longer than `selfFencingMs`, after which its watchdog
// kills its guests. If neither works an operator must acknowledge that the host is off. Pure.
import type { PowerState } from '#ports/bmc.ts';

export interface LadderFacts {
  /** Power as read now; null: the BMC does not answer; undefined: no BMC is configured. */
  power: PowerState | null | undefined;
  /** Whether the BMC has accepted the power-off order, even if the chassis was already off. */
  offTaken: boolean;
  /** Time since fencing began. */
  fencingMs: number;
  /** Consecutive readings of off, including this one. */
  offReadings: number;
  /** How long the BMC has not answered; 0: it answers. */
  bmcSilentMs: number;
  /**
   * For how long no heartbeat has arrived, no neighbour has reached the host, and its storage mark
   * has not changed (the shortest of the three); null: one of them is unknown.
   */
  cutOffMs: number | null;
  /** Time after which the host's watchdog kills its guests; null: no watchdog. */
  selfFencingMs: number | null;
}

export interface LadderLimits {
  verifications: number;
  bmcGiveUpMs: number;
  /**
   * Waited in addition to the watchdog's time: for its own period and the age of the last sighting.
   */
  selfFencingMarginMs: number;
  /**
   * A host seen more recently than this is not cut off. Not zero, as its storage mark only moves
   * now and then.
   */
  seenWithinMs: number;
}

export type LadderStep =
  | { do: 'powerOff' }
  | { do: 'wait'; rung: 'redfish' | 'storage'; why: string }
  | { do: 'fenced'; by: 'redfish' | 'storage' }
  | { do: 'fail'; why: string };

export function nextRung(facts: LadderFacts, limits: LadderLimits): LadderStep {
  const { power, offTaken, offReadings, bmcSilentMs } = facts;
  // A chassis that was off before the order may have lost mains power, and would start when that
  // returns. Off counts only after the BMC has accepted the order, which keeps it off.
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
  // If others still see the host, it is not cut off, and waiting longer proves nothing.
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

/** The shortest of the durations; null if one of them is unknown (null). */
export const cutOffFor = (...durations: readonly (number | null)[]): number | null =>
  durations.some((each) => each === null) ? null : Math.min(...(durations as number[])); // none is null
