// The HA Service's states of a host, and the states of a server's evacuation (move).

/**
 * States of a host, in their order from its death to its recovery; FailedToFence only while it
 * cannot be fenced.
 */
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

/** Statuses of a vmove, with masakari's names. https://docs.openstack.org/api-ref/instance-ha/ */
export const moveStatuses = ['pending', 'ongoing', 'succeeded', 'failed', 'ignored'] as const;
export type MoveStatus = (typeof moveStatuses)[number];
