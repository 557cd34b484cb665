// Decides from several sources whether a host is dead. Missing heartbeats alone prove nothing: the
// agent, or the network between it and this service, may have failed. Pure.
import type { PowerState } from '#ports/bmc.ts';

export type Source = 'agent' | 'neighbours' | 'storage' | 'bmc' | 'monitor';

/** Evidence as this process has observed it. Durations are measured with a monotonic clock. */
export interface Evidence {
  /** Time since the last heartbeat, or since this process began to listen. */
  agentSilentMs: number;
  /**
   * Numbers of neighbours that reach the host, and that do not; only neighbours with a fresh
   * heartbeat of their own count.
   */
  witnesses: { reached: number; missed: number };
  /** How long no neighbour has reached the host; null: not all neighbours probe it. */
  unreachedMs: number | null;
  /** How long the host's mark on the shared storage has not changed; null: no neighbour sees it. */
  storageStillMs: number | null;
  /** null: the BMC does not answer, or was not asked. */
  power: PowerState | null;
  /** Whether an external monitor reports the host as dead: see domain/notification.ts. */
  isReported?: boolean;
}

export interface VerdictTimers {
  agentTimeoutMs: number;
  storageTimeoutMs: number;
}

export type Verdict =
  | { kind: 'alive' }
  | { kind: 'silent'; why: string }
  | { kind: 'dead'; sources: Source[] };

export function judge(evidence: Evidence, timers: VerdictTimers): Verdict {
  const { agentSilentMs, witnesses, storageStillMs, power } = evidence;
  if (agentSilentMs <= timers.agentTimeoutMs) return { kind: 'alive' };
  if (power === 'Off') return { kind: 'dead', sources: ['agent', 'bmc'] };
  if (witnesses.reached > 0)
    return { kind: 'silent', why: `${witnesses.reached} of its neighbours reach it` };
  const sources: Source[] = ['agent'];
  if (witnesses.missed > 0) sources.push('neighbours');
  if (storageStillMs !== null && storageStillMs > timers.storageTimeoutMs) sources.push('storage');
  if (evidence.isReported) sources.push('monitor');
  return sources.length >= 2
    ? { kind: 'dead', sources }
    : { kind: 'silent', why: 'only its own agent says nothing; no second source confirms it' };
}
