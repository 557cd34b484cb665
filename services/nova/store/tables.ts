// Nova's tables as rows. Times are ms since the epoch, booleans 0 or 1, JSON columns hold text.
import type { DiskBus } from '#contracts/nova/guest.ts';
import type { MigrationStatus, MigrationType } from '#contracts/nova/migration-states.ts';
import type { ServerGroupPolicy } from '#contracts/nova/server-groups.ts';
import type { PowerState, TaskState, VmState } from '#contracts/nova/server-states.ts';
import type { SagaTables } from '#platform/saga/journal.ts';

export interface ServerRow {
  id: string;
  /** Counts up; the instance name on the hypervisor is made of it. */
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
  /** ImageFacts: what the guest is built from. */
  image: string;
  /** FlavorFacts: the flavor as it was when the server was made. */
  flavor: string;
  flavor_id: string;
  vcpus: number;
  memory_mib: number;
  disk_gib: number;
  key_name: string | null;
  key_data: string | null;
  user_data: string | null;
  metadata: string;
  /** ',a,b,' or ','. */
  tags: string;
  config_drive: number;
  admin_pass: string | null;
  access_ip_v4: string | null;
  access_ip_v6: string | null;
  availability_zone: string | null;
  disk_config: 'AUTO' | 'MANUAL';
  personality: string;
  /** What the tenant calls the disk it boots from, where that is no volume. */
  root_tag: string | null;
  /** JSON; null: none, or made by a release that did not keep them. */
  scheduler_hints: string | null;
  /** The group of which it is a member for good. */
  server_group_id: string | null;
  /**
   * Beside `host`, where it counts for its group while something is under way: the host that the
   * scheduler has chosen for it.
   */
  reserved_host: string | null;
  /** While it is shelved: since when. */
  shelved_at_ms: number | null;
  /** The image with its root disk, from its shelving until that image is deleted. */
  shelved_image_id: string | null;
  reservation_id: string;
  locked: number;
  locked_reason: string | null;
  progress: number;
  fault: string | null;
  /** The network info cache as the API shows it: `addresses` by network label. */
  addresses: string;
  /** Names of the security groups of its ports; before it has any, those asked for. */
  security_groups: string;
  launched_at_ms: number | null;
  terminated_at_ms: number | null;
  created_at_ms: number;
  updated_at_ms: number;
  deleted_at_ms: number | null;
}

/** A server's interface: first what was asked for, then the port that came of it. */
export interface NicRow {
  server_id: string;
  /** Interfaces keep their order; a detached one's number is not used again while others remain. */
  seq: number;
  network_id: string;
  /** null: to be made. */
  port_id: string | null;
  /** The tenant made the port: it outlives the server. */
  given: number;
  fixed_ip: string | null;
  tag: string | null;
  /** Security groups (JSON array of ids) of a port to be made; [] = Neutron's default. */
  security_groups: string;
  /** NicInfo: the cache of what Neutron knows of it; null until it has a port. */
  info: string | null;
}

/** A volume that a server has, or is being given: its block device mapping. */
export interface VolumeRow {
  id: string;
  server_id: string;
  volume_id: string;
  /** 'vdb' */
  device: string;
  bus: DiskBus;
  /** 0: the server boots from it. */
  boot_index: number | null;
  tag: string | null;
  /** Goes with the server. */
  delete_on_termination: number;
  /** Cinder's; null until the volume is reserved. */
  attachment_id: string | null;
  /**
   * Where it was connected last: until that host's guest is known to be gone, the volume is not
   * given back.
   */
  host: string | null;
  /** VolumeConnection; null until the host may use it. */
  connection: string | null;
  created_at_ms: number;
}

export interface ServerGroupRow {
  id: string;
  /** Counts up: the order of lists. */
  number: number;
  project_id: string;
  user_id: string;
  name: string;
  policy: ServerGroupPolicy;
  /** Of an anti-affinity group alone; null: one. */
  max_server_per_host: number | null;
  /** Moves on with every decision for a member: of two at the same time, one is made again. */
  generation: number;
  /** Moves on when servers join it: one transaction after the other counts them. */
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
  /** Its agent has said that it stops; until its next report. */
  stopped: number;
  last_seen_ms: number;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface ComputeNodeRow {
  uuid: string;
  id: number;
  host: string;
  /** HostFacts. */
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
  /** The first so many parts are owned by servers. */
  committed_parts: number;
  image_id: string | null;
  /** What is not committed is to be removed. */
  abandoned: number;
  heartbeat_until_ms: number;
}

/** A server's move from one host to another, or to another size. */
export interface MigrationRow {
  uuid: string;
  /** Counts up: what the API calls its id. */
  id: number;
  server_id: string;
  /** Whose request it was. */
  project_id: string;
  user_id: string;
  request_id: string;
  type: MigrationType;
  status: MigrationStatus;
  source_host: string | null;
  source_node: string | null;
  /** null until the scheduler has chosen. */
  dest_host: string | null;
  dest_node: string | null;
  dest_ip: string | null;
  /** FlavorFacts. */
  old_flavor: string;
  new_flavor: string;
  old_flavor_number: number;
  new_flavor_number: number;
  /** What the server was before, and is again after a confirmation or a revert. */
  old_vm_state: VmState;
  /** Of a live migration, bytes; null: not known. */
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
  /** user_id '' = the project's own limit; project_id '' = the default class. */
  quotas: { project_id: string; user_id: string; resource: string; hard_limit: number };
  quota_locks: { project_id: string; touched: number };
  console_tokens: {
    token_hash: string;
    server_id: string;
    host: string;
    protocol: string;
    expires_at_ms: number;
  };
  /** Sequences that both dialects share. */
  counters: { name: string; value: number };
}
