// How long the phases of an incident took. Computed from its timeline and moves in the database, so
// the result does not depend on which engine process acted. Pure.
import type { TimelineEntry } from '#contracts/ha/wire.ts';
import { transition } from './host-state.ts';

/** undefined: the phase has not ended, or never began. */
export interface IncidentTimes {
  /** From the last heartbeat to the decision to fence. */
  detectMs: number | undefined;
  /**
   * From that decision to the proof that no guest of the host runs, failed attempts included;
   * undefined also if an operator vouched for that instead.
   */
  fenceMs: number | undefined;
  /** From the last heartbeat to the return of the first and of the last server. */
  firstServerMs: number | undefined;
  lastServerMs: number | undefined;
}

/** Reads the phases from the timeline. `recoveredAtMs`: when each recovered server ran again. */
export function incidentTimes(
  timeline: readonly TimelineEntry[],
  recoveredAtMs: readonly number[],
): IncidentTimes {
  const [suspected] = timeline;
  const silentMs = suspected?.detail['agentSilentMs'];
  const heardAtMs = suspected && suspected.atMs - (typeof silentMs === 'number' ? silentMs : 0);
  const decided = timeline.find(({ what }) => what === transition('Confirming', 'Fencing'))?.atMs;
  const fenced = timeline.find(({ what }) => what === transition('Fencing', 'Fenced'))?.atMs;
  const from = (startMs: number | undefined, endMs: number | undefined): number | undefined =>
    startMs === undefined || endMs === undefined ? undefined : endMs - startMs;
  const [first, last] =
    recoveredAtMs.length === 0 ? [] : [Math.min(...recoveredAtMs), Math.max(...recoveredAtMs)];
  return {
    detectMs: from(heardAtMs, decided),
    fenceMs: from(decided, fenced),
    firstServerMs: from(heardAtMs, first),
    lastServerMs: from(heardAtMs, last),
  };
}
