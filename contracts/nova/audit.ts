// What each service and host reports to `cobalt doctor --audit` for comparison, as plain data.
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

/** A volume that a server has, or that is being attached to it; servers that are not deleted. */
export interface AuditVolume {
  serverId: string;
  volumeId: string;
  attachmentId: string | null;
  /** The host has received the volume's connection. */
  connected: boolean;
}

/** A migration of a server that has not ended. */
export interface AuditMove {
  uuid: string;
  serverId: string;
  /** Hosts that may have a copy of the server's guest. */
  hosts: string[];
}

export interface NovaAudit {
  servers: AuditServer[];
  groups: { id: string; policy: ServerGroupPolicy; maxPerHost: number }[];
  moves: AuditMove[];
  interfaces: AuditInterface[];
  volumes: AuditVolume[];
  nodes: { uuid: string; host: string }[];
  /** Sagas that have not ended; `lockKey` names the server they work on. */
  sagas: { id: string; name: string; lockKey: string; phase: string; ageMs: number }[];
}

export interface PlacementAudit {
  providers: { uuid: string; name: string }[];
  allocations: { consumer: string; provider: string; resourceClass: string; used: number }[];
}
