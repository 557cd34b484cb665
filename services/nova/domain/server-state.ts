// Tables of the server's states: the status that the API shows, and how the states follow the
// guest. Used by API and conductor. What actions do is in the tables of api/server-actions and
// conductor/server-actions; docs/reference/routes.md and server-actions.test.ts combine them.
// https://docs.openstack.org/api-guide/compute/server_concepts.html
import type { GuestState } from '#contracts/nova/guest.ts';
import type { PowerState, TaskState, VmState } from '#contracts/nova/server-states.ts';
import { powerState, resizeTasks } from '#contracts/nova/server-states.ts';

/**
 * States in which an idle server's interfaces may be attached and detached. nova.compute.api,
 * attach_interface
 */
export const interfaceStates: readonly VmState[] = ['active', 'paused', 'stopped'];

/**
 * States in which an idle server's volumes may be attached and detached. nova.compute.api,
 * attach_volume
 */
export const volumeStates: readonly VmState[] = [
  ...interfaceStates,
  'shelved',
  'shelved_offloaded',
];

/** States from which an idle server may be shelved. nova.compute.api, shelve */
export const shelveStates: readonly VmState[] = ['active', 'paused', 'stopped', 'suspended'];
/** States in which a server can be live-migrated. */
export const liveMigrationStates: readonly VmState[] = ['active', 'paused'];

/** States in which an image of an idle server may be created. nova.compute.api, snapshot */
export const imageStates: readonly VmState[] = ['active', 'paused', 'stopped', 'suspended'];

export type ServerStatus =
  | 'ACTIVE'
  | 'BUILD'
  | 'DELETED'
  | 'ERROR'
  | 'HARD_REBOOT'
  | 'PAUSED'
  | 'MIGRATING'
  | 'REBOOT'
  | 'REBUILD'
  | 'RESCUE'
  | 'RESIZE'
  | 'REVERT_RESIZE'
  | 'SHELVED'
  | 'SHELVED_OFFLOADED'
  | 'SHUTOFF'
  | 'SOFT_DELETED'
  | 'SUSPENDED'
  | 'VERIFY_RESIZE'
  | 'UNKNOWN';

const statusByVmState: Record<VmState, ServerStatus> = {
  building: 'BUILD',
  active: 'ACTIVE',
  paused: 'PAUSED',
  suspended: 'SUSPENDED',
  stopped: 'SHUTOFF',
  rescued: 'RESCUE',
  resized: 'VERIFY_RESIZE',
  shelved: 'SHELVED',
  shelved_offloaded: 'SHELVED_OFFLOADED',
  'soft-delete': 'SOFT_DELETED',
  deleted: 'DELETED',
  error: 'ERROR',
};

const statusByTask: Partial<Record<TaskState, { status: ServerStatus; in: readonly VmState[] }>> = {
  rebooting: { status: 'REBOOT', in: ['active'] },
  reboot_started: { status: 'REBOOT', in: ['active'] },
  rebooting_hard: {
    status: 'HARD_REBOOT',
    in: ['active', 'stopped', 'paused', 'suspended', 'error'],
  },
  reboot_started_hard: {
    status: 'HARD_REBOOT',
    in: ['active', 'stopped', 'paused', 'suspended', 'error'],
  },
  rebuilding: { status: 'REBUILD', in: ['active', 'stopped', 'error'] },
  rebuild_spawning: { status: 'REBUILD', in: ['active', 'stopped', 'error'] },
  migrating: { status: 'MIGRATING', in: ['active', 'paused'] },
  ...Object.fromEntries(
    resizeTasks.map((task) => [task, { status: 'RESIZE', in: ['active', 'stopped'] }]),
  ),
  resize_reverting: { status: 'REVERT_RESIZE', in: ['resized'] },
};

export function statusOf(vmState: VmState, taskState: TaskState | null): ServerStatus {
  const byTask = taskState === null ? undefined : statusByTask[taskState];
  return byTask?.in.includes(vmState) ? byTask.status : statusByVmState[vmState];
}

/** The states that a `status` filter stands for; undefined: no server can have this status. */
export function statesOf(
  status: string,
): { vmStates: VmState[]; taskStates: TaskState[] } | undefined {
  const wanted = status.toUpperCase();
  const vmStates = (Object.keys(statusByVmState) as VmState[]).filter(
    (state) => statusByVmState[state] === wanted,
  );
  const taskStates = (Object.keys(statusByTask) as TaskState[]).filter(
    (task) => statusByTask[task]?.status === wanted,
  );
  return vmStates.length + taskStates.length === 0 ? undefined : { vmStates, taskStates };
}

/**
 * The new states of an idle server whose host reports its guest as `guest`; undefined: no change.
 * The power state always follows the guest.
 */
export function observed(before: ServerStates, guest: GuestState): ServerStates | undefined {
  const next = {
    vmState: afterReport[before.vmState]?.[guest] ?? before.vmState,
    powerState: powerOf(guest),
  };
  return next.vmState === before.vmState && next.powerState === before.powerState
    ? undefined
    : next;
}

export interface ServerStates {
  vmState: VmState;
  powerState: PowerState;
}

/**
 * The vm_states that follow a report. A vm_state without a row is kept: a rescued server stays
 * rescued if its rescue system stops, since only `unrescue` restores its own disk; a server in
 * error needs an operator. nova.compute.manager, _sync_instance_power_state.
 */
const afterReport: Partial<Record<VmState, Partial<Record<GuestState, VmState>>>> = {
  active: { shutoff: 'stopped', crashed: 'stopped', paused: 'paused', suspended: 'suspended' },
  paused: { running: 'active', shutoff: 'stopped', crashed: 'stopped', suspended: 'suspended' },
  suspended: { running: 'active', shutoff: 'stopped', crashed: 'stopped', paused: 'paused' },
  stopped: { running: 'active', paused: 'paused', suspended: 'suspended' },
};

export function powerOf(guest: GuestState): PowerState {
  switch (guest) {
    case 'running':
      return powerState.running;
    case 'paused':
      return powerState.paused;
    case 'suspended':
    case 'shutoff':
      return powerState.shutdown;
    case 'crashed':
      return powerState.crashed;
    case 'absent':
      return powerState.noState;
  }
}
