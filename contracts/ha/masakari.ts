// masakari's words, as its clients send and read them, at 1.3.
// https://docs.openstack.org/api-ref/instance-ha/
import type { Json } from '../common/json.ts';

export const recoveryMethods = ['auto', 'reserved_host', 'auto_priority', 'rh_priority'] as const;
/**
 * `auto`: Nova chooses among all hosts; `reserved_host`: to hosts that are kept empty for it;
 * `auto_priority` and `rh_priority`: the one first, then the other.
 */
export type RecoveryMethod = (typeof recoveryMethods)[number];

export const notificationTypes = ['COMPUTE_HOST', 'PROCESS', 'VM'] as const;
export type NotificationType = (typeof notificationTypes)[number];

/** In the order in which a notification goes through them; the last four are the end of it. */
export type NotificationStatus = 'new' | 'running' | 'finished' | 'ignored' | 'error' | 'failed';

export type HostPayload = {
  event: 'STARTED' | 'STOPPED';
  /** NORMAL: the monitor is certain of what it says. */
  host_status?: 'NORMAL' | 'UNKNOWN';
  cluster_status?: 'ONLINE' | 'OFFLINE';
};
export type ProcessPayload = { event: 'STARTED' | 'STOPPED'; process_name: string };
export type VmPayload = { event: string; vir_domain_event: string; instance_uuid: string };

/** One step of what was done about a notification; from 1.1 on. */
export interface WorkflowDetail {
  name: string;
  state: 'SUCCESS' | 'RUNNING' | 'FAILURE';
  /** 0 to 1. */
  progress: number;
  progress_details: { timestamp: string; message: string; progress: string }[];
}

export type MasakariDocument = Record<string, Json>;
