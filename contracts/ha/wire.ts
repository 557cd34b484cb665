// What the HA Agent and `cobalt ha` exchange with the HA Service, by HTTP below `/ha/api`.
import type { GuestState } from '../nova/guest.ts';
import type { HaState, MoveStatus } from './host-states.ts';

/** The header with the secret of a host's agent. */
export const agentSecretHeader = 'x-ha-agent-secret';

/** What a host has seen of another one since its last heartbeat. */
export interface Sighting {
  /** It answered on the management network or on that of the tunnels; null: not tried. */
  reached: boolean | null;
  /** What it wrote to the shared storage last; null: nothing there, or the storage is away. */
  storageMark: string | null;
}

/**
 * POST /heartbeats, by a service user for any host; POST /hosts/{host}/heartbeats, by the agent of
 * that host with its own secret. A later one replaces the earlier.
 */
export interface Heartbeat {
  host: string;
  /** Another one after each boot of the host. */
  bootId: string;
  uptimeS: number;
  /** Where its neighbours reach it. */
  address: string;
  /** null: the hypervisor does not answer. */
  guests: { uuid: string; state: GuestState }[] | null;
  /**
   * The watchdog of the host ends its guests when the host has been cut off for so long; null: no
   * watchdog is armed.
   */
  selfFencingMs: number | null;
  saw: Record<string, Sighting>;
}

/** The answer: whom the host is to look at. */
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

/** A guest that died on a host that lives, and was started again there. */
export interface GuestRecoveryView {
  server: string;
  name: string;
  /** Starts since it has run for long enough the last time. */
  attempts: number;
  lastAtMs: number;
  /** True: it is started no more. */
  givenUp: boolean;
  message: string;
}

export interface HostView {
  host: string;
  zone: string;
  state: HaState;
  sinceMs: number;
  /** False: an operator has switched HA off for it. */
  enabled: boolean;
  /** Why it is in its state, or why nothing is done about it. */
  reason: string;
  bootId: string | null;
  incident: string | null;
}

/** GET /hypervisors */
export interface HostList {
  /** False: the setting `ha.enabled` is off; no host is watched. */
  enabled: boolean;
  hypervisors: HostView[];
}

/** GET /hypervisors/{host}: with its last incident. */
export interface HostDetail extends HostView {
  timeline: TimelineEntry[];
  moves: MoveView[];
  /** Of guests that died lately. */
  guests: GuestRecoveryView[];
}

/** GET /hypervisors/{host}/plan: what would happen if it died now. */
export interface HostPlan {
  host: string;
  /** How it would be fenced; null: not at all. */
  fencing: 'redfish' | 'storage' | null;
  servers: {
    id: string;
    name: string;
    priority: number;
    /** What would be done; `ignored`: HA is off for it. */
    action: 'evacuate' | 'ignored';
    why: string;
  }[];
  /** Hosts that could take them. */
  targets: string[];
}
