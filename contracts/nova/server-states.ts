// Nova's vm states, task states and power states, spelled as in the API.
// https://docs.openstack.org/nova/latest/reference/vm-states.html

export const vmStates = [
  'building',
  'active',
  'paused',
  'suspended',
  'stopped',
  'rescued',
  'resized',
  'shelved',
  'shelved_offloaded',
  'soft-delete',
  'deleted',
  'error',
] as const;
export type VmState = (typeof vmStates)[number];

/** Task states while an image of the server is being created. */
export const imageTaskStates = [
  'image_snapshot_pending',
  'image_backup',
  'image_snapshot',
  'image_pending_upload',
  'image_uploading',
] as const;
/**
 * Task states from the request to shelve the server until its guest is off and its image is
 * complete.
 */
export const shelvingTaskStates = [
  'shelving',
  'shelving_image_pending_upload',
  'shelving_image_uploading',
] as const;
/** Task states during a resize or cold migration, until the guest is on its new host. */
export const resizeTasks = [
  'resize_prep',
  'resize_migrating',
  'resize_migrated',
  'resize_finish',
] as const;
export const taskStates = [
  'scheduling',
  'block_device_mapping',
  'networking',
  'spawning',
  'powering-off',
  'powering-on',
  'rebooting',
  'reboot_started',
  'reboot_started_hard',
  'rebooting_hard',
  'pausing',
  'unpausing',
  'suspending',
  'resuming',
  'rescuing',
  'unrescuing',
  'rebuilding',
  'rebuild_spawning',
  'migrating',
  ...resizeTasks,
  'resize_confirming',
  'resize_reverting',
  'deleting',
  ...imageTaskStates,
  ...shelvingTaskStates,
  'shelving_offloading',
  'unshelving',
] as const;
export type TaskState = (typeof taskStates)[number];

/** Values of `OS-EXT-STS:power_state`: nova.compute.power_state. */
export const powerState = {
  noState: 0,
  running: 1,
  paused: 3,
  shutdown: 4,
  crashed: 6,
  suspended: 7,
} as const;
export type PowerState = (typeof powerState)[keyof typeof powerState];
