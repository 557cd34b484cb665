// Decides about a guest that died on a host that is alive: it is restarted there, up to a limited
// number of times. Pure.
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';

export interface GuestRecovery {
  attempts: number;
  lastAtMs: number;
  isGivenUp: boolean;
  /** Nova's refusal of the last start; null: Nova accepted it. */
  refusal: string | null;
}

export interface GuestLimits {
  /** Maximum number of starts of a guest. */
  restarts: number;
  /** The count of starts is reset when the last start is this long ago. */
  forgetAfterMs: number;
  /** Pause between two starts; the first one follows at once. */
  pauseMs: number;
}

export interface DiedGuest {
  /** The server in Nova; null: it was deleted. */
  server: FleetServer | null;
  /** The host on which the guest died. */
  host: string;
  /** Whether HA is wanted for the server: see domain/priority.ts. */
  isWanted: boolean;
  /** The last action in Nova's action log of the server, e.g. `stop`; null: not known. */
  lastAction: string | null;
  recovery: GuestRecovery | undefined;
}

export type GuestStep = { do: 'nothing' } | { do: 'start' } | { do: 'giveUp'; message: string };

/** After one of these actions the server is off on purpose. */
const offActions: readonly string[] = ['stop', 'shelve', 'shelveOffload', 'delete', 'suspend'];

export function nextGuestStep(
  { server, host, isWanted, lastAction, recovery }: DiedGuest,
  limits: GuestLimits,
  nowMs: number,
): GuestStep {
  const nothing = { do: 'nothing' } as const;
  if (server === null || server['OS-EXT-SRV-ATTR:host'] !== host) return nothing;
  // Nova has not noticed the death yet, or is working on the server.
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

/** Whether the last start is long enough ago for the guest's count to be reset. */
export const isForgotten = ({ lastAtMs }: GuestRecovery, limits: GuestLimits, nowMs: number) =>
  nowMs - lastAtMs >= limits.forgetAfterMs;
