// The server's state machine as tables: what each action needs, what it means while it lasts, where
// it ends. Read by the API (may it?), the conductor (settle it) and the views (how is it called?).
// Legal states: compute API reference, "Server concepts", and its per-action notes.
// https://docs.openstack.org/api-guide/compute/server_concepts.html
import type { GuestState } from '#contracts/nova/guest.ts';
import type { ServerAction } from '#contracts/nova/operations.ts';
import type { PowerState, TaskState, VmState } from '#contracts/nova/server-states.ts';
import { powerState } from '#contracts/nova/server-states.ts';

export interface ActionRule {
  /** vm_states in which the action may begin; task_state must be null. */
  from: readonly VmState[];
  task: TaskState;
  /** Where the server is after success; 'same': vm_state as before. */
  to: VmState | 'same';
  /** The power state after success; 'same' as before. */
  power: PowerState | 'same';
  /** Where it is after a failure. 'same': as before, the host's own reports correct the power. */
  onFailure: VmState | 'same';
}

export const actionRules = {
  start: {
    from: ['stopped'],
    task: 'powering-on',
    to: 'active',
    power: powerState.running,
    onFailure: 'same',
  },
  stop: {
    from: ['active', 'error'],
    task: 'powering-off',
    to: 'stopped',
    power: powerState.shutdown,
    onFailure: 'same',
  },
  softReboot: {
    from: ['active'],
    task: 'rebooting',
    to: 'active',
    power: powerState.running,
    onFailure: 'error',
  },
  hardReboot: {
    from: ['active', 'stopped', 'paused', 'suspended', 'error'],
    task: 'rebooting_hard',
    to: 'active',
    power: powerState.running,
    onFailure: 'error',
  },
  pause: {
    from: ['active'],
    task: 'pausing',
    to: 'paused',
    power: powerState.paused,
    onFailure: 'same',
  },
  unpause: {
    from: ['paused'],
    task: 'unpausing',
    to: 'active',
    power: powerState.running,
    onFailure: 'same',
  },
  suspend: {
    from: ['active'],
    task: 'suspending',
    to: 'suspended',
    power: powerState.shutdown,
    onFailure: 'same',
  },
  resume: {
    from: ['suspended'],
    task: 'resuming',
    to: 'active',
    power: powerState.running,
    onFailure: 'error',
  },
  rescue: {
    from: ['active', 'stopped', 'error'],
    task: 'rescuing',
    to: 'rescued',
    power: powerState.running,
    onFailure: 'error',
  },
  unrescue: {
    from: ['rescued'],
    task: 'unrescuing',
    to: 'active',
    power: powerState.running,
    onFailure: 'error',
  },
  rebuild: {
    from: ['active', 'stopped', 'error'],
    task: 'rebuilding',
    to: 'same',
    power: 'same',
    onFailure: 'error',
  },
} as const satisfies Record<ServerAction, ActionRule>;

/**
 * States in which an idle server's interfaces may be attached and detached. nova.compute.api,
 * attach_interface
 */
export const interfaceStates: readonly VmState[] = ['active', 'paused', 'stopped'];

/** States in which an image of an idle server may be made. nova.compute.api, snapshot */
export const imageStates: readonly VmState[] = ['active', 'paused', 'stopped', 'suspended'];

/**
 * The states an action ends in, for a server that was in `before`. A rebuilt server that was in
 * error runs.
 */
export function settled(action: ServerAction, before: ServerStates): ServerStates {
  const rule: ActionRule = actionRules[action];
  if (action === 'rebuild') {
    return before.vmState === 'stopped'
      ? { vmState: 'stopped', powerState: powerState.shutdown }
      : { vmState: 'active', powerState: powerState.running };
  }
  return {
    vmState: rule.to === 'same' ? before.vmState : rule.to,
    powerState: rule.power === 'same' ? before.powerState : rule.power,
  };
}

export type ServerStatus =
  | 'ACTIVE'
  | 'BUILD'
  | 'DELETED'
  | 'ERROR'
  | 'HARD_REBOOT'
  | 'PAUSED'
  | 'REBOOT'
  | 'REBUILD'
  | 'RESCUE'
  | 'RESIZE'
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
};

export function statusOf(vmState: VmState, taskState: TaskState | null): ServerStatus {
  const byTask = taskState === null ? undefined : statusByTask[taskState];
  return byTask?.in.includes(vmState) ? byTask.status : statusByVmState[vmState];
}

/** States a status filter stands for; undefined: no server can have this status. */
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
 * Where an idle server goes when its host reports how its guest is; undefined: nothing to change.
 * The power state always follows.
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
 * vm_states that follow the guest. Those without a row keep theirs: a rescued server whose rescue
 * system ends stays rescued, since only
 * `unrescue` brings its own disk back; one in error needs a person. nova.compute.manager,
 * _sync_instance_power_state.
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
