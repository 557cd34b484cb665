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
  /** Id of its compute service in Nova. */
  service_id: string;
  /** 0: an operator has switched HA off for it. */
  enabled: number;
  state: HaState;
  since_ms: number;
  /** Counts its changes: each is written with the one that it was decided on. */
  generation: number;
  reason: string;
  /** The last one, also when it is over. */
  incident_id: string | null;
}

export interface HeartbeatRow {
  host: string;
  boot_id: string;
  /** Counts the heartbeats: whether it moves is told without anybody's clock. */
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

/** What its heartbeats have said of a host's guests so far; written where it changes. */
export interface RanGuestsRow {
  host: string;
  boot_id: string;
  /** JSON: ids of guests, of `followGuests`. */
  ran: string;
}

export interface IncidentRow {
  id: string;
  host: string;
  /** The boot that failed; null: it was never heard. */
  boot_id: string | null;
  began_at_ms: number;
  ended_at_ms: number | null;
  /** When fencing began last. */
  fencing_since_ms: number | null;
  /** 1: its BMC has taken the order to cut the power since then. */
  off_taken: number;
  /** Times in a row that its BMC said off. */
  off_readings: number;
  /** Since when its BMC does not answer. */
  bmc_silent_since_ms: number | null;
  /** 1: an operator lets the host come back. */
  released: number;
  /** Lines of its timeline. */
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
  /** JSON: names of hosts. */
  tried: string;
  stays_off: number;
  started_at_ms: number | null;
  ended_at_ms: number | null;
  message: string | null;
}

export interface SegmentRow {
  uuid: string;
  /** The `id` that masakari shows: 1 and on. */
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
  /** The incident in which it took the place of a host that failed. */
  used_by: string | null;
  created_at_ms: number;
  updated_at_ms: number | null;
}

export interface NotificationRow {
  uuid: string;
  number: number;
  /** A host of a segment. */
  host_uuid: string;
  host: string;
  type: NotificationType;
  generated_at_ms: number;
  /** JSON: `HostPayload`, `ProcessPayload` or `VmPayload`. */
  payload: string;
  status: NotificationStatus;
  /** What it has led to; of COMPUTE_HOST. */
  incident_id: string | null;
  /** How far the recovery of a server is; of VM. */
  phase: 'stopping' | 'starting' | null;
  phase_since_ms: number | null;
  /** JSON: `WorkflowDetail[]`. */
  details: string;
  created_at_ms: number;
  updated_at_ms: number | null;
}

/** A guest that died on a host that lives, until it has run long enough since. */
export interface GuestRow {
  server_id: string;
  host: string;
  name: string;
  attempts: number;
  last_at_ms: number;
  /** 1: it is started no more. */
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
