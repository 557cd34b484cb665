// Nova's tables as rows. Times are ms since the epoch, booleans 0 or 1, JSON columns hold text.
import type { DiskBus } from '#contracts/nova/guest.ts';
import type { MigrationStatus, MigrationType } from '#contracts/nova/migration-states.ts';
import type { ServerGroupPolicy } from '#contracts/nova/server-groups.ts';
import type { PowerState, TaskState, VmState } from '#contracts/nova/server-states.ts';
import type { SagaTables } from '#platform/saga/journal.ts';

export interface ServerRow {
  id: string;
  /** Increasing; the domain name on the hypervisor is derived from it. */
  number: number;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  hostname: string;
  vm_state: VmState;
  task_state: TaskState | null;
  power_state: PowerState;
  host: string | null;
  node: string | null;
  image_id: string | null;
  /** ImageFacts as JSON: the image from which the guest is built. */
  image: string;
  /** FlavorFacts as JSON: a copy of the flavor at creation or at the last resize. */
  flavor: string;
  flavor_id: string;
  vcpus: number;
  memory_mib: number;
  disk_gib: number;
  key_name: string | null;
  key_data: string | null;
  user_data: string | null;
  metadata: string;
  /** Tags separated and enclosed by commas: ',a,b,'; without tags ','. */
  tags: string;
  config_drive: number;
  admin_pass: string | null;
  access_ip_v4: string | null;
  access_ip_v6: string | null;
  availability_zone: string | null;
  disk_config: 'AUTO' | 'MANUAL';
  personality: string;
  /** Tag of the root disk, if that is not a volume. */
  root_tag: string | null;
  /** JSON; null: no hints, or the server was created by a release that did not store them. */
  scheduler_hints: string | null;
  /** The server group that the server was created in; it never changes. */
  server_group_id: string | null;
  /**
   * A host besides `host` on which the server counts for its server group: the one the scheduler
   * has chosen for an operation in progress, or the source of an unconfirmed resize.
   */
  reserved_host: string | null;
  /** Since when the server is shelved. */
  shelved_at_ms: number | null;
  /** Image with the root disk, from the shelving until the image is deleted. */
  shelved_image_id: string | null;
  reservation_id: string;
  locked: number;
  locked_reason: string | null;
  progress: number;
  fault: string | null;
  /** JSON of the API's `addresses`, by network label: the network info cache. */
  addresses: string;
  /** Names of its ports' security groups; before it has ports, those requested. */
  security_groups: string;
  launched_at_ms: number | null;
  terminated_at_ms: number | null;
  created_at_ms: number;
  updated_at_ms: number;
  deleted_at_ms: number | null;
}

/** A server's interface: what was requested and, once created, its port. */
export interface NicRow {
  server_id: string;
  /**
   * Order of the interfaces. The number of a detached one is not reused while higher ones exist.
   */
  seq: number;
  network_id: string;
  /** null: the port is still to be created. */
  port_id: string | null;
  /** 1: the tenant brought the port, so it is kept when the server is deleted. */
  given: number;
  fixed_ip: string | null;
  tag: string | null;
  /** Security groups (JSON array of ids) for a port that Nova creates; [] = Neutron's default. */
  security_groups: string;
  /** NicInfo as JSON, the cached Neutron data; null until the interface has a port. */
  info: string | null;
}

/** A block device mapping: a volume that is attached to a server or being attached. */
export interface VolumeRow {
  id: string;
  server_id: string;
  volume_id: string;
  /** E.g. 'vdb'. */
  device: string;
  bus: DiskBus;
  /** 0: boot disk; null: not a boot disk. */
  boot_index: number | null;
  tag: string | null;
  /** 1: the volume is deleted with the server. */
  delete_on_termination: number;
  /**
   * Id of Cinder's attachment; null: the volume is not reserved for the server, not yet or not any
   * more.
   */
  attachment_id: string | null;
  /**
   * The host to which the volume was last connected; null: none, or it has been released since. The
   * volume is not released before the guest there is known to be gone.
   */
  host: string | null;
  /** VolumeConnection as JSON; null: the volume is not connected to a host. */
  connection: string | null;
  created_at_ms: number;
}

export interface ServerGroupRow {
  id: string;
  /** Increases with each row; lists are sorted by it. */
  number: number;
  project_id: string;
  user_id: string;
  name: string;
  policy: ServerGroupPolicy;
  /** For anti-affinity groups only; null: 1. */
  max_server_per_host: number | null;
  /**
   * Incremented by every scheduling decision for a member: of two concurrent decisions one fails
   * its compare-and-set and is repeated.
   */
  generation: number;
  /**
   * Incremented when servers join, which serializes the joins, so that each counts the members
   * correctly.
   */
  joins: number;
  created_at_ms: number;
}

export interface FlavorRow {
  flavor_id: string;
  name: string;
  memory_mib: number;
  vcpus: number;
  disk_gib: number;
  ephemeral_gib: number;
  swap_mib: number;
  rxtx_factor: number;
  is_public: number;
  disabled: number;
  description: string | null;
  extra_specs: string;
  created_at_ms: number;
}

export interface KeypairRow {
  user_id: string;
  name: string;
  id: number;
  type: 'ssh' | 'x509';
  public_key: string;
  fingerprint: string;
  created_at_ms: number;
}

export interface ActionRow {
  id: string;
  server_id: string;
  action: string;
  request_id: string;
  project_id: string;
  user_id: string;
  message: string | null;
  started_at_ms: number;
  updated_at_ms: number;
}

export interface ActionEventRow {
  action_id: string;
  seq: number;
  name: string;
  host: string | null;
  result: string | null;
  details: string | null;
  started_at_ms: number;
  finished_at_ms: number | null;
}

export interface ServiceRow {
  id: number;
  uuid: string;
  binary: string;
  host: string;
  disabled: number;
  disabled_reason: string | null;
  forced_down: number;
  /** 1: the agent has announced its stop; reset by its next report. */
  stopped: number;
  last_seen_ms: number;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface ComputeNodeRow {
  uuid: string;
  id: number;
  host: string;
  /** HostFacts as JSON. */
  facts: string;
  version: string;
  updated_at_ms: number;
}

export interface AggregateRow {
  id: number;
  uuid: string;
  name: string;
  metadata: string;
  created_at_ms: number;
  updated_at_ms: number | null;
}

export interface PendingResourcesRow {
  id: string;
  request_id: string;
  parts: number;
  /** Parts with a lower index are owned by servers, those from here on not yet. */
  committed_parts: number;
  /** Id, chosen beforehand, of the image that the request creates; null: it creates none. */
  image_id: string | null;
  /**
   * 1: the parts that are not committed must be removed, because the request has failed or has
   * committed only the first ones.
   */
  abandoned: number;
  heartbeat_until_ms: number;
}

/** A server's move to another host: a resize, a cold or live migration, or an evacuation. */
export interface MigrationRow {
  uuid: string;
  /** Increases with each row; the API shows it as the id. */
  id: number;
  server_id: string;
  /** Project of the user who requested the move. */
  project_id: string;
  user_id: string;
  request_id: string;
  type: MigrationType;
  status: MigrationStatus;
  source_host: string | null;
  source_node: string | null;
  /** null until the scheduler has chosen a host. */
  dest_host: string | null;
  dest_node: string | null;
  dest_ip: string | null;
  /** FlavorFacts as JSON. */
  old_flavor: string;
  new_flavor: string;
  old_flavor_number: number;
  new_flavor_number: number;
  /** vm_state before the move, restored by a confirmation or a revert. */
  old_vm_state: VmState;
  /** Bytes, for a live migration; null: not known. */
  memory_total: number | null;
  memory_processed: number | null;
  memory_remaining: number | null;
  disk_total: number | null;
  disk_processed: number | null;
  disk_remaining: number | null;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface NovaTables extends SagaTables {
  servers: ServerRow;
  server_nics: NicRow;
  server_volumes: VolumeRow;
  pending_resources: PendingResourcesRow;
  server_groups: ServerGroupRow;
  migrations: MigrationRow;
  flavors: FlavorRow;
  flavor_numbers: { flavor_id: string; number: number };
  flavor_access: { flavor_id: string; project_id: string };
  keypairs: KeypairRow;
  actions: ActionRow;
  action_events: ActionEventRow;
  services: ServiceRow;
  compute_nodes: ComputeNodeRow;
  aggregates: AggregateRow;
  aggregate_hosts: { aggregate_id: number; host: string };
  /** user_id '': the project's own limit; project_id '': the default class. */
  quotas: { project_id: string; user_id: string; resource: string; hard_limit: number };
  quota_locks: { project_id: string; touched: number };
  console_tokens: {
    token_hash: string;
    server_id: string;
    host: string;
    protocol: string;
    expires_at_ms: number;
  };
  /** Named sequences, implemented alike in SQLite and MariaDB. */
  counters: { name: string; value: number };
}
