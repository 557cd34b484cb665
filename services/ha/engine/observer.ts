// What this process has observed of the hosts, measured with its own monotonic clock only: a
// heartbeat is new if its counter has increased, whatever time is written on it. After a restart of
// the process, or a pause in its observation, every host gets the full timeouts again.
import type { Clock } from '#platform/clock.ts';
import type { PowerState } from '#ports/bmc.ts';
import { neighboursOf } from '../domain/neighbours.ts';
import type { Evidence } from '../domain/verdict.ts';
import type { StoredHeartbeat } from '../store/heartbeats.ts';

interface HostObservation {
  beats: number;
  heardAtMs: number;
  /** Since when the host's hypervisor has not answered its agent; null: it answers. */
  awaySinceMs: number | null;
  /** Whether a heartbeat has arrived while this process was listening. */
  isHeard: boolean;
  reached: number;
  missed: number;
  reachedAtMs: number;
  /** Since when all its neighbours have been probing it without interruption; null: not all do. */
  probedSinceMs: number | null;
  /** The host's marks on the shared storage as its neighbours read them last. */
  marks: readonly string[];
  /** When a neighbour last reported a mark that was new. */
  markAtMs: number;
  /** Since when at least one neighbour has seen a mark without interruption; null: none does. */
  markSeenSinceMs: number | null;
}

export interface Observer {
  /** Takes in all heartbeats. `fenced`: hosts that are not expected to probe their neighbours. */
  observe(heartbeats: readonly StoredHeartbeat[], fenced: ReadonlySet<string>): void;
  /**
   * The evidence about a host. `isNew`: the host is Healthy, so that it gets the grace period after
   * a start of this process.
   */
  evidence(host: string, options: { isNew: boolean; power: PowerState | null }): Evidence;
  /**
   * How long the host's hypervisor has not answered its agent; 0: it answers; null: no recent
   * heartbeat.
   */
  hypervisorAwayMs(host: string): number | null;
  /** Notes that more hosts fail now than may be fenced. */
  noteRefusal(): void;
  /** Time since the last `noteRefusal`; Infinity: there was none. */
  sinceRefusalMs(): number;
  /** Number of hosts with recent heartbeats. */
  liveHosts(): number;
}

/**
 * After a longer pause between two looks this process cannot know what it missed, and starts
 * afresh.
 */
const gapMs = 5_000;

export function createObserver(
  clock: Pick<Clock, 'monotonicMs'>,
  config: { agentTimeoutMs: number; startGraceMs: number; neighboursPerSide: number },
): Observer {
  const { agentTimeoutMs, startGraceMs } = config;
  const observations = new Map<string, HostObservation>();
  let sinceMs = clock.monotonicMs();
  let lookedAtMs = sinceMs;
  let refusedAtMs = -Infinity;

  const isFresh = ({ isHeard, heardAtMs }: HostObservation, nowMs: number): boolean =>
    isHeard && nowMs - heardAtMs <= agentTimeoutMs;

  const noteHeartbeat = ({ host, beats, guests }: StoredHeartbeat, nowMs: number): void => {
    const before = observations.get(host);
    if (!before) {
      observations.set(host, {
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

  /** Evaluates what the hosts with fresh heartbeats have seen of the others. */
  const witness = (
    heartbeats: readonly StoredHeartbeat[],
    fenced: ReadonlySet<string>,
    nowMs: number,
  ): void => {
    const all = heartbeats.map(({ host }) => host);
    // The cast holds: `noteHeartbeat` has added every host with a heartbeat.
    const witnesses = heartbeats.filter(({ host }) =>
      isFresh(observations.get(host) as HostObservation, nowMs),
    );
    for (const [host, of] of observations) {
      const sightings = witnesses.flatMap(({ host: from, saw }) =>
        from === host ? [] : (saw[host] ?? []),
      );
      of.reached = sightings.filter(({ reached }) => reached === true).length;
      of.missed = sightings.filter(({ reached }) => reached === false).length;
      if (of.reached > 0) of.reachedAtMs = nowMs;
      // All neighbours must have reported: one without a report may be the one that still reaches
      // the host.
      const expected = neighboursOf(host, all, config.neighboursPerSide).filter(
        (each) => !fenced.has(each),
      );
      const isTold = expected.length > 0 && of.reached + of.missed >= expected.length;
      of.probedSinceMs = isTold ? (of.probedSinceMs ?? nowMs) : null;
      const marks = sightings.flatMap(({ storageMark }) => storageMark ?? []);
      of.markSeenSinceMs = marks.length === 0 ? null : (of.markSeenSinceMs ?? nowMs);
      // Two neighbours may have read the mark before and after a change, so only a mark that
      // neither had before counts as a change.
      if (marks.some((mark) => !of.marks.includes(mark))) of.markAtMs = nowMs;
      if (marks.length > 0) of.marks = marks;
    }
  };

  return {
    observe(heartbeats, fenced) {
      const nowMs = clock.monotonicMs();
      if (nowMs - lookedAtMs > gapMs) {
        observations.clear();
        sinceMs = nowMs;
      }
      lookedAtMs = nowMs;
      for (const each of heartbeats) noteHeartbeat(each, nowMs);
      witness(heartbeats, fenced, nowMs);
    },
    evidence(host, { isNew, power }) {
      const nowMs = clock.monotonicMs();
      const of = observations.get(host);
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
      const of = observations.get(host);
      if (!of || !isFresh(of, nowMs)) return null;
      return of.awaySinceMs === null ? 0 : nowMs - of.awaySinceMs;
    },
    noteRefusal: () => void (refusedAtMs = clock.monotonicMs()),
    sinceRefusalMs: () => clock.monotonicMs() - refusedAtMs,
    liveHosts() {
      const nowMs = clock.monotonicMs();
      return [...observations.values()].filter((each) => isFresh(each, nowMs)).length;
    },
  };
}
