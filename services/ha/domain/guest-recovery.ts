// What is to be done about a guest that died on a host that lives: it is started again there, but
// not for ever. Pure.
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';

export interface GuestRecovery {
  attempts: number;
  lastAtMs: number;
  isGivenUp: boolean;
  /** What Nova said to the last start instead of taking it. */
  refusal: string | null;
}

export interface GuestLimits {
  /** Starts of one guest that does not run for `forgetAfterMs` in between. */
  restarts: number;
  forgetAfterMs: number;
  /** Between two starts: the first follows at once. */
  pauseMs: number;
}

export interface DiedGuest {
  /** As Nova has it; null: no more. */
  server: FleetServer | null;
  /** Where it died. */
  host: string;
  /** By its owner's words. */
  isWanted: boolean;
  /** The last action that Nova took for it, e.g. `stop`. */
  lastAction: string | null;
  recovery: GuestRecovery | undefined;
}

export type GuestStep = { do: 'nothing' } | { do: 'start' } | { do: 'giveUp'; message: string };

/** After these a server that is off is meant to be off. */
const offActions: readonly string[] = ['stop', 'shelve', 'shelveOffload', 'delete', 'suspend'];

export function nextGuestStep(
  { server, host, isWanted, lastAction, recovery }: DiedGuest,
  limits: GuestLimits,
  nowMs: number,
): GuestStep {
  const nothing = { do: 'nothing' } as const;
  if (server === null || server['OS-EXT-SRV-ATTR:host'] !== host) return nothing;
  // Nova has not seen it yet, or works on it.
  if (server.status !== 'SHUTOFF' || server['OS-EXT-STS:task_state'] !== null) return nothing;
  if (!isWanted || (lastAction !== null && offActions.includes(lastAction))) return nothing;
  if (!recovery) return { do: 'start' };
  if (recovery.isGivenUp) return nothing;
  if (recovery.attempts >= limits.restarts)
    return {
      do: 'giveUp',
      message: `${recovery.refusal ?? `it died again after ${recovery.attempts} starts`}; it is left off until somebody starts it`,
    };
  return nowMs - recovery.lastAtMs >= limits.pauseMs ? { do: 'start' } : nothing;
}

/** One that has run for so long begins anew. */
export const isForgotten = ({ lastAtMs }: GuestRecovery, limits: GuestLimits, nowMs: number) =>
  nowMs - lastAtMs >= limits.forgetAfterMs;
