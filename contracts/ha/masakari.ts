// Values in requests and responses of masakari's API at 1.3.
// https://docs.openstack.org/api-ref/instance-ha/
import type { Json } from '../common/json.ts';

export const recoveryMethods = ['auto', 'reserved_host', 'auto_priority', 'rh_priority'] as const;
/**
 * Where a segment's servers are evacuated to. `auto`: Nova chooses among all hosts;
 * `reserved_host`: to hosts that are kept empty for this; `auto_priority`: auto, then reserved_host
 * if that fails; `rh_priority`: the reverse.
 */
export type RecoveryMethod = (typeof recoveryMethods)[number];

export const notificationTypes = ['COMPUTE_HOST', 'PROCESS', 'VM'] as const;
export type NotificationType = (typeof notificationTypes)[number];

/**
 * new, running, then one of finished, ignored and failed. `error`: the host could not be fenced
 * yet; running again once it is.
 */
export type NotificationStatus = 'new' | 'running' | 'finished' | 'ignored' | 'error' | 'failed';

export type HostPayload = {
  event: 'STARTED' | 'STOPPED';
  /** NORMAL: the monitor is certain of the event. */
  host_status?: 'NORMAL' | 'UNKNOWN';
  cluster_status?: 'ONLINE' | 'OFFLINE';
};
export type ProcessPayload = { event: 'STARTED' | 'STOPPED'; process_name: string };
export type VmPayload = { event: string; vir_domain_event: string; instance_uuid: string };

/** One step of what was done about a notification. Since 1.1. */
export interface WorkflowDetail {
  name: string;
  state: 'SUCCESS' | 'RUNNING' | 'FAILURE';
  /** 0 to 1. */
  progress: number;
  progress_details: { timestamp: string; message: string; progress: string }[];
}

export type MasakariDocument = Record<string, Json>;
