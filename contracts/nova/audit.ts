// What `cobalt doctor --audit` compares: the view of each service and host, as plain data.
import type { ServerGroupPolicy } from './server-groups.ts';
import type { PowerState, TaskState, VmState } from './server-states.ts';

export interface AuditServer {
  id: string;
  name: string;
  vmState: VmState;
  taskState: TaskState | null;
  powerState: PowerState;
  host: string | null;
  nodeUuid: string | null;
  /** The server group of which it is a member. */
  groupId: string | null;
  resources: Record<string, number>;
}

/** A connected interface of a server that is not deleted. */
export interface AuditInterface {
  serverId: string;
  portId: string;
}

/** A volume that a server which is not deleted has, or that is being attached to it. */
export interface AuditVolume {
  serverId: string;
  volumeId: string;
  attachmentId: string | null;
  /** The host has been told how to reach it. */
  connected: boolean;
}

/** A move that is not over. */
export interface AuditMove {
  uuid: string;
  serverId: string;
  /** Those that may have a copy of its guest. */
  hosts: string[];
}

export interface NovaAudit {
  servers: AuditServer[];
  groups: { id: string; policy: ServerGroupPolicy; maxPerHost: number }[];
  moves: AuditMove[];
  interfaces: AuditInterface[];
  volumes: AuditVolume[];
  nodes: { uuid: string; host: string }[];
  /** Unfinished operations by the server whose lock they hold. */
  sagas: { id: string; name: string; lockKey: string; phase: string; ageMs: number }[];
}

export interface PlacementAudit {
  providers: { uuid: string; name: string }[];
  allocations: { consumer: string; provider: string; resourceClass: string; used: number }[];
}
