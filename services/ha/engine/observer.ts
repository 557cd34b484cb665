// What this process has seen of the hosts, by a clock that never goes back and by nobody else's: a
// heartbeat counts when its number moves, not by the time that is written on it. Forgotten when the
// process ends, or did not look for a while: each host has its whole time again then.
import type { Clock } from '#platform/clock.ts';
import type { PowerState } from '#ports/bmc.ts';
import { neighboursOf } from '../domain/neighbours.ts';
import type { Evidence } from '../domain/verdict.ts';
import type { KnownHeartbeat } from '../store/heartbeats.ts';

interface Seen {
  beats: number;
  heardAtMs: number;
  /** Since when its hypervisor does not answer; null: it does. */
  awaySinceMs: number | null;
  /** In this process's time; until then it has only begun to listen. */
  isHeard: boolean;
  reached: number;
  missed: number;
  reachedAtMs: number;
  /** Since when all its neighbours have always looked at it; null: they do not. */
  probedSinceMs: number | null;
  /** What it wrote to the storage, as its witnesses have read it last. */
  marks: readonly string[];
  markAtMs: number;
  /** Since when some witness has always seen its mark; null: none does. */
  markSeenSinceMs: number | null;
}

export interface Observer {
  /** `fenced`: hosts of which no witness is expected. */
  look(heartbeats: readonly KnownHeartbeat[], fenced: ReadonlySet<string>): void;
  /** `isNew`: nothing was wrong with it before this process began to listen. */
  evidence(host: string, options: { isNew: boolean; power: PowerState | null }): Evidence;
  /** How long its hypervisor has not answered its agent; 0: it does; null: it is not heard. */
  hypervisorAwayMs(host: string): number | null;
  /** More hosts fail now than may be fenced. */
  noteRefusal(): void;
  /** Since the last of these; Infinity: there was none. */
  sinceRefusalMs(): number;
  /** Hosts that are heard. */
  heard(): number;
}

/** A process that did not look for longer was stopped: what it missed it does not know. */
const gapMs = 5_000;

export function createObserver(
  clock: Pick<Clock, 'monotonicMs'>,
  config: { agentTimeoutMs: number; startGraceMs: number; neighboursPerSide: number },
): Observer {
  const { agentTimeoutMs, startGraceMs } = config;
  const seen = new Map<string, Seen>();
  let sinceMs = clock.monotonicMs();
  let lookedAtMs = sinceMs;
  let refusedAtMs = -Infinity;

  const isFresh = ({ isHeard, heardAtMs }: Seen, nowMs: number): boolean =>
    isHeard && nowMs - heardAtMs <= agentTimeoutMs;

  const hear = ({ host, beats, guests }: KnownHeartbeat, nowMs: number): void => {
    const before = seen.get(host);
    if (!before) {
      seen.set(host, {
        beats,
        awaySinceMs: guests === null ? nowMs : null,
        heardAtMs: nowMs,
        isHeard: false,
        reached: 0,
        missed: 0,
        reachedAtMs: nowMs,
        probedSinceMs: null,
        marks: [],
        markAtMs: nowMs,
        markSeenSinceMs: null,
      });
    } else if (before.beats !== beats) {
      const awaySinceMs = guests === null ? (before.awaySinceMs ?? nowMs) : null;
      Object.assign(before, { beats, heardAtMs: nowMs, isHeard: true, awaySinceMs });
    }
  };

  /** What those that are heard say of the others. */
  const witness = (
    heartbeats: readonly KnownHeartbeat[],
    fenced: ReadonlySet<string>,
    nowMs: number,
  ): void => {
    const all = heartbeats.map(({ host }) => host);
    const witnesses = heartbeats.filter(({ host }) => isFresh(seen.get(host) as Seen, nowMs)); // heard above
    for (const [host, of] of seen) {
      const sightings = witnesses.flatMap(({ host: from, saw }) =>
        from === host ? [] : (saw[host] ?? []),
      );
      of.reached = sightings.filter(({ reached }) => reached === true).length;
      of.missed = sightings.filter(({ reached }) => reached === false).length;
      if (of.reached > 0) of.reachedAtMs = nowMs;
      // One of them that says nothing may be the one that the host reaches still.
      const expected = neighboursOf(host, all, config.neighboursPerSide).filter(
        (each) => !fenced.has(each),
      );
      const isTold = expected.length > 0 && of.reached + of.missed >= expected.length;
      of.probedSinceMs = isTold ? (of.probedSinceMs ?? nowMs) : null;
      const marks = sightings.flatMap(({ storageMark }) => storageMark ?? []);
      of.markSeenSinceMs = marks.length === 0 ? null : (of.markSeenSinceMs ?? nowMs);
      // Two witnesses may have read before and after a change: one that was told before is none.
      if (marks.some((mark) => !of.marks.includes(mark))) of.markAtMs = nowMs;
      if (marks.length > 0) of.marks = marks;
    }
  };

  return {
    look(heartbeats, fenced) {
      const nowMs = clock.monotonicMs();
      if (nowMs - lookedAtMs > gapMs) {
        seen.clear();
        sinceMs = nowMs;
      }
      lookedAtMs = nowMs;
      for (const each of heartbeats) hear(each, nowMs);
      witness(heartbeats, fenced, nowMs);
    },
    evidence(host, { isNew, power }) {
      const nowMs = clock.monotonicMs();
      const of = seen.get(host);
      const graceMs = isNew ? Math.max(0, startGraceMs - agentTimeoutMs) : 0;
      const since = (atMs: number | null, least: number): number | null =>
        atMs === null ? null : Math.max(0, nowMs - Math.max(atMs, least));
      return {
        agentSilentMs: of?.isHeard
          ? nowMs - of.heardAtMs
          : Math.max(0, nowMs - (of?.heardAtMs ?? sinceMs) - graceMs),
        witnesses: { reached: of?.reached ?? 0, missed: of?.missed ?? 0 },
        unreachedMs: of ? since(of.probedSinceMs, of.reachedAtMs) : null,
        storageStillMs: of ? since(of.markSeenSinceMs, of.markAtMs) : null,
        power,
      };
    },
    hypervisorAwayMs(host) {
      const nowMs = clock.monotonicMs();
      const of = seen.get(host);
      if (!of || !isFresh(of, nowMs)) return null;
      return of.awaySinceMs === null ? 0 : nowMs - of.awaySinceMs;
    },
    noteRefusal: () => void (refusedAtMs = clock.monotonicMs()),
    sinceRefusalMs: () => clock.monotonicMs() - refusedAtMs,
    heard() {
      const nowMs = clock.monotonicMs();
      return [...seen.values()].filter((each) => isFresh(each, nowMs)).length;
    },
  };
}
