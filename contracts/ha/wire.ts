// What the HA Agent and `cobalt ha` exchange with the HA Service over HTTP, below `/ha/api`.
import type { GuestState } from '../nova/guest.ts';
import type { HaState, MoveStatus } from './host-states.ts';

/** The header that carries the secret of a host's agent. */
export const agentSecretHeader = 'x-ha-agent-secret';

/** What a host (the witness) has seen of another host since its last heartbeat. */
export interface Sighting {
  /**
   * Whether the other host answered on the management or on the tunnel network; null: not tried.
   */
  reached: boolean | null;
  /**
   * The last mark that the other host wrote to the shared storage; null: there is none, or the
   * storage cannot be read.
   */
  storageMark: string | null;
}

/**
 * POST /heartbeats, from a service user, for any host; POST /hosts/{host}/heartbeats, from that
 * host's agent with its own secret. Each heartbeat replaces the one before.
 */
export interface Heartbeat {
  host: string;
  /** Changes with each boot of the host. */
  bootId: string;
  uptimeS: number;
  /** The address at which other hosts reach this one. */
  address: string;
  /** All guests of the host; null: the hypervisor does not answer. */
  guests: { uuid: string; state: GuestState }[] | null;
  /**
   * How long the host may be cut off before its watchdog ends its guests; null: no watchdog is
   * armed.
   */
  selfFencingMs: number | null;
  saw: Record<string, Sighting>;
}

/** The answer to a heartbeat: which other hosts this host shall watch. */
export interface HeartbeatAnswer {
  neighbours: { host: string; address: string }[];
}

/** One line of an incident's timeline. */
export interface TimelineEntry {
  atMs: number;
  what: string;
  detail: Record<string, string | number | boolean | null>;
}

export interface MoveView {
  uuid: string;
  server: string;
  name: string;
  source: string;
  destination: string | null;
  status: MoveStatus;
  priority: number;
  attempts: number;
  startedAtMs: number | null;
  endedAtMs: number | null;
  message: string | null;
}

/** A guest that died while its host was alive, and that was started again there. */
export interface GuestRecoveryView {
  server: string;
  name: string;
  /** Number of starts since the count was last reset, because the guest ran for long enough. */
  attempts: number;
  /** When the last start was requested. */
  lastAtMs: number;
  /** HA has given the guest up: it is not started any more. */
  givenUp: boolean;
  message: string;
}

export interface HostView {
  host: string;
  zone: string;
  state: HaState;
  sinceMs: number;
  /** Whether HA is on for this host: an operator may switch it off. */
  enabled: boolean;
  /** Why the host is in its state, or why no action is taken. */
  reason: string;
  bootId: string | null;
  incident: string | null;
}

/** GET /hypervisors */
export interface HostList {
  /** Whether the setting `ha.enabled` is on; if it is off, no host is watched. */
  enabled: boolean;
  hypervisors: HostView[];
}

/** GET /hypervisors/{host}: the host with its latest incident. */
export interface HostDetail extends HostView {
  timeline: TimelineEntry[];
  moves: MoveView[];
  /**
   * Guests that died on the host while it was alive; each until its last start is long enough ago.
   */
  guests: GuestRecoveryView[];
}

/** GET /hypervisors/{host}/plan: what would be done if the host died now. */
export interface HostPlan {
  host: string;
  /** How the host would be fenced; null: it cannot be fenced. */
  fencing: 'redfish' | 'storage' | null;
  servers: {
    id: string;
    name: string;
    priority: number;
    /** What would be done with the server. `ignored`: nothing, HA is off for it. */
    action: 'evacuate' | 'ignored';
    why: string;
  }[];
  /** Hosts that could take these servers. */
  targets: string[];
}
