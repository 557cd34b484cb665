// Whether a host is dead, from what several sources say of it. Its agent's silence alone says
// nothing: the agent, or the way to this service, may have failed. Pure.
import type { PowerState } from '#ports/bmc.ts';

export type Source = 'agent' | 'neighbours' | 'storage' | 'bmc' | 'monitor';

/** As this process has seen it, by a clock that never goes back. */
export interface Evidence {
  /** Since its last heartbeat, or since this process began to listen. */
  agentSilentMs: number;
  /** Of the hosts with a fresh report of their own. */
  witnesses: { reached: number; missed: number };
  /** Since when no witness reached it; null: nobody has looked. */
  unreachedMs: number | null;
  /** Since its heartbeat on the shared storage changed last; null: nobody sees the storage. */
  storageStillMs: number | null;
  /** null: its BMC does not answer, or was not asked. */
  power: PowerState | null;
  /** An outside monitor has told that it is dead: see domain/notification.ts. */
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
