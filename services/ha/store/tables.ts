// The tables of the HA Service's database, as Kysely types.
import type { Kysely } from 'kysely';
import type { HaState, MoveStatus } from '#contracts/ha/host-states.ts';
import type {
  NotificationStatus,
  NotificationType,
  RecoveryMethod,
} from '#contracts/ha/masakari.ts';

export type HaDb = Kysely<HaTables>;

export interface HostRow {
  host: string;
  zone: string;
  /** Id of the host's compute service in Nova. */
  service_id: string;
  /** 0: an operator has switched HA off for the host. */
  enabled: number;
  state: HaState;
  since_ms: number;
  /**
   * Incremented by every change of `state` or `enabled`; a decision is written only if it is
   * unchanged.
   */
  generation: number;
  reason: string;
  /** The latest incident, even if it has ended. */
  incident_id: string | null;
}

export interface HeartbeatRow {
  host: string;
  boot_id: string;
  /** Incremented by every heartbeat, so that new ones are recognised without comparing clocks. */
  beats: number;
  received_at_ms: number;
  uptime_s: number;
  address: string;
  /** JSON: `Heartbeat.guests`. */
  guests: string;
  self_fencing_ms: number | null;
  /** JSON: `Heartbeat.saw`. */
  saw: string;
}

/**
 * The guests that have run in the host's current boot and were not stopped since, by its heartbeats
 * so far. The row is written only if it changes.
 */
export interface RanGuestsRow {
  host: string;
  boot_id: string;
  /** JSON: ids of guests, the result of `followGuests`. */
  ran: string;
}

export interface IncidentRow {
  id: string;
  host: string;
  /** The boot of the host that failed; null: it had never sent a heartbeat. */
  boot_id: string | null;
  began_at_ms: number;
  ended_at_ms: number | null;
  /** When fencing last began; null: not yet. */
  fencing_since_ms: number | null;
  /** 1: the BMC has accepted the power-off order since then. */
  off_taken: number;
  /** Consecutive readings of off. */
  off_readings: number;
  /** Since when the BMC has not answered; null: it answers. */
  bmc_silent_since_ms: number | null;
  /** 1: an operator has allowed the host to return to service. */
  released: number;
  /** Number of timeline entries. */
  entries: number;
}

export interface EntryRow {
  incident_id: string;
  seq: number;
  at_ms: number;
  what: string;
  /** JSON: `TimelineEntry.detail`. */
  detail: string;
}

export interface MoveRow {
  incident_id: string;
  server_id: string;
  uuid: string;
  name: string;
  source_host: string;
  dest_host: string | null;
  status: MoveStatus;
  priority: number;
  attempts: number;
  attempt_at_ms: number;
  /** JSON: names of the hosts at which an attempt failed. */
  tried: string;
  /** 1: the server was off before the failure, and stays off after its evacuation. */
  stays_off: number;
  started_at_ms: number | null;
  ended_at_ms: number | null;
  message: string | null;
}

export interface SegmentRow {
  uuid: string;
  /** Increasing from 1; the `id` that masakari shows. */
  number: number;
  name: string;
  description: string | null;
  recovery_method: RecoveryMethod;
  service_type: string;
  enabled: number;
  created_at_ms: number;
  updated_at_ms: number | null;
}

export interface SegmentHostRow {
  uuid: string;
  number: number;
  segment_uuid: string;
  name: string;
  type: string;
  control_attributes: string;
  reserved: number;
  on_maintenance: number;
  /** The incident in which the reserved host replaced a failed one; null: it has not. */
  used_by: string | null;
  created_at_ms: number;
  updated_at_ms: number | null;
}

export interface NotificationRow {
  uuid: string;
  number: number;
  /** The segment host that the notification is about. */
  host_uuid: string;
  host: string;
  type: NotificationType;
  generated_at_ms: number;
  /** JSON: `HostPayload`, `ProcessPayload` or `VmPayload`. */
  payload: string;
  status: NotificationStatus;
  /** For COMPUTE_HOST: the host's incident that it belongs to. */
  incident_id: string | null;
  /** For VM: the progress of the server's restart. */
  phase: 'stopping' | 'starting' | null;
  phase_since_ms: number | null;
  /** JSON: `WorkflowDetail[]`. */
  details: string;
  created_at_ms: number;
  updated_at_ms: number | null;
}

/** A guest that died on a host that is alive; deleted when the last start is long enough ago. */
export interface GuestRow {
  server_id: string;
  host: string;
  name: string;
  attempts: number;
  last_at_ms: number;
  /** 1: HA has given the guest up and does not start it again. */
  given_up: number;
  message: string;
}

export interface HaTables {
  segments: SegmentRow;
  segment_hosts: SegmentHostRow;
  notifications: NotificationRow;
  guests: GuestRow;
  hosts: HostRow;
  heartbeats: HeartbeatRow;
  ran_guests: RanGuestsRow;
  incidents: IncidentRow;
  incident_entries: EntryRow;
  moves: MoveRow;
}
