// The states of a host as the HA Service sees it, and those of a server that it moves.

/** In the order in which a host that dies goes through them. */
export const haStates = [
  'Healthy',
  'Suspect',
  'Confirming',
  'Fencing',
  'FailedToFence',
  'Fenced',
  'Evacuating',
  'Recovered',
] as const;
export type HaState = (typeof haStates)[number];

/** Of a vmove, as masakari names them. https://docs.openstack.org/api-ref/instance-ha/ */
export const moveStatuses = ['pending', 'ongoing', 'succeeded', 'failed', 'ignored'] as const;
export type MoveStatus = (typeof moveStatuses)[number];
